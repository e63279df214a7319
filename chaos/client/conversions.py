"""Conversions that a workload orders, and the plain ffmpeg that makes the same bytes: the oracle."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Conversion:
    """
    What is ordered, in the words of the API, and what stands between `-i IN` and `OUT` on a command line of ffmpeg.

    The arguments are those that docs/api.md and ffmpeg's manual lead a person to, not the service's own.
    """

    name: str
    format: str
    arguments: tuple[str, ...]
    options: Mapping[str, object] = field(default_factory=dict)

    def request(self) -> dict[str, object]:
        """Return the members of the request that order it."""
        return {"format": self.format, "options": dict(self.options)}
