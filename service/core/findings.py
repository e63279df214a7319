"""
What the checks of the outside found, in words for the operator who has to mend it.

One question decides whether the service stops because of a finding: would a job be lost, or none be done? If so (no
bucket, no permission, a table with other keys, a life cycle that deletes what was promised), it does not start. What
some users would miss (a browser without CORS), what only costs money or room (no life cycle, no time to live), and what
could not be looked at for want of a permission, is logged, and the service starts: one that stays away serves no user.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be: a stable code, what it is, what to do, and whether to stop for it."""

    code: str
    problem: str  # a sentence
    fix: str  # another one
    stops: bool = True
    transient: bool = False  # may be over in a moment without any change by an operator

    def __str__(self) -> str:
        return f"{self.problem} {self.fix} [{self.code}]"


def stopping(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return those that the service does not start with."""
    return tuple(finding for finding in findings if finding.stops)
