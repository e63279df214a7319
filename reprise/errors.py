"""
What can go wrong for a client, in one tree.

    RepriseError
    ├── ProblemError             the service answered with a problem document; `code` is stable
    │   ├── Unauthorized    401  no API key, or none that is known
    │   ├── NotFound        404  no such upload or job (410: its time is over)
    │   ├── Rejected        4xx  the request cannot be carried out: an option, the file, its size
    │   └── TryLater        429, 503, and every other 5xx; raised once patience is over
    ├── Unreachable              no answer came, however often it was tried
    ├── UnexpectedAnswer         what answers at this address is no Reprise service
    ├── JobFailed                the job ended as `failed`; `job.error` says why
    ├── JobCancelled             somebody cancelled the job
    └── Interrupted              a transfer stopped in its middle and can be resumed
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprise.models import Job


class RepriseError(Exception):
    """Base of the tree."""


class ProblemError(RepriseError):
    """The service refused. `members` holds the whole problem document (RFC 9457)."""

    def __init__(self, status: int, code: str, detail: str, members: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{detail} ({code})")
        self.status, self.code, self.detail = status, code, detail
        self.members: Mapping[str, Any] = members or {}

    @property
    def hint(self) -> str | None:
        """What the service advises."""
        return self.members.get("hint")

    @property
    def request_id(self) -> str | None:
        """What leads an operator to this request in the logs."""
        return self.members.get("request_id")


class Unauthorized(ProblemError):
    """A valid API key is needed."""


class NotFound(ProblemError):
    """There is no such upload or job, or not any more."""


class Rejected(ProblemError):
    """The request cannot be carried out as it stands."""


class TryLater(ProblemError):
    """The service cannot do it now, and could not for as long as was waited."""


class Unreachable(RepriseError):
    """No answer came."""


class UnexpectedAnswer(RepriseError):
    """What answers is no Reprise service: the address is wrong, or a proxy answers in its place."""


class JobFailed(RepriseError):
    """The job ended without an output."""

    def __init__(self, job: "Job") -> None:
        detail, code = (job.error.detail, job.error.code) if job.error else ("no reason was given", "unknown")
        super().__init__(f"{detail} ({code})")
        self.job, self.code, self.detail = job, code, detail


class JobCancelled(RepriseError):
    """The job was cancelled."""

    def __init__(self, job: "Job") -> None:
        super().__init__("the job was cancelled")
        self.job = job


class Interrupted(RepriseError):
    """A transfer stopped in its middle; calling again goes on where it stopped."""


def problem(status: int, body: Mapping[str, Any]) -> ProblemError:
    """Return the exception for an answer with this status and problem document."""
    code = str(body.get("code", f"http_{status}"))
    detail = str(body.get("detail", f"the service answered {status}"))
    if status in {401, 403}:
        return Unauthorized(status, code, detail, body)
    if status in {404, 410}:
        return NotFound(status, code, detail, body)
    if status == 429 or status >= 500:
        return TryLater(status, code, detail, body)
    return Rejected(status, code, detail, body)
