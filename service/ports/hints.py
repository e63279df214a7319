"""What may be lost at any moment: fresh progress and wake-ups."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from service.core.jobs.progress import Hint


def for_all(_: str) -> bool:
    """Wake for any job."""
    return True


class ProgressBoard(Protocol):
    """Hints: losing all of it costs freshness. Never raises `StoreError`; a board that is away says nothing."""

    async def publish(self, job_id: str, hint: Hint, *, again: bool = False) -> bool:
        """
        Show a reading; a lower percentage than the one shown is ignored.

        `again` if its publisher has shown this job before. Then nothing is shown, and False returned, if nothing of
        the job is there any more: the reading may have been on its way since before all was lost, and be lower than
        what was seen since. The publisher begins anew with a reading of that moment.
        """

    async def read(self, job_id: str) -> Hint | None:
        """Return what is shown, or None if nothing is, or the board is away."""

    async def read_many(self, job_ids: Sequence[str]) -> Mapping[str, Hint]:
        """Return what is shown, by job; a job that nothing is shown of is left out, and all are if it is away."""

    async def forget(self, job_id: str) -> None:
        """Take it down."""

    @property
    def degraded(self) -> bool:
        """Whether the board is away at the moment (for readiness and logs)."""


class Wakeups(Protocol):
    """Hints that there is work. Losing one costs latency: sleepers also wake by themselves."""

    async def announce(self, job_id: str | None = None) -> None:
        """Announce that there is work, and which job it is if it is one. Never raises `StoreError`."""

    async def wait(self, seconds: float, wakes: Callable[[str], bool] = for_all) -> bool:
        """
        Sleep until work is announced (True) or the time is over (False).

        `wakes` tells whether a job that is announced in another process is worth waking for; one of this process, or
        that is not named, always is.
        """
