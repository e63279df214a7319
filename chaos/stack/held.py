"""What members work on, and how often each job was cut short, by the lines of their logs."""

from collections.abc import Collection, Sequence

from chaos.history.events import CLAIMED, LOST, REFUSED, RELEASED, TAKEN_OVER
from chaos.stack import Holding

BEGINS, ENDS = frozenset({CLAIMED, TAKEN_OVER}), frozenset({"ended", LOST, REFUSED, RELEASED})


class Held:
    """
    Not safe on several threads.

    An attempt was cut short if the next one begins before it has ended: by a takeover, or by a claim, because a watcher
    without a free slot gives a job back to the queue.
    """

    def __init__(self) -> None:
        self._held: dict[tuple[str, int], Holding] = {}
        self._last: dict[str, int] = {}  # job → its last attempt, until that has ended
        self._interrupted: dict[str, int] = {}

    def note(self, member: str, what: str, job_id: str, attempt: int) -> None:
        """Take note of a line; lines of several members may come in any order."""
        if what in BEGINS:
            last = self._last.get(job_id)
            self._interrupted[job_id] = self._interrupted.get(job_id, 0) + (what == TAKEN_OVER or last is not None)
            self._last[job_id] = max(attempt, last or 0)
            self._held[job_id, attempt] = Holding(job_id, member, attempt, self._interrupted[job_id])
        elif what in ENDS:
            self._held.pop((job_id, attempt), None)
            if self._last.get(job_id) == attempt:
                del self._last[job_id]

    def gone(self, member: str) -> None:
        """Forget what a member worked on."""
        self._held = {key: one for key, one in self._held.items() if one.member != member}

    def without(self, down: Collection[str]) -> Sequence[Holding]:
        """Return what is worked on, but for members that are `down`."""
        return [one for one in self._held.values() if one.member not in down]
