"""
What one look at a stranger's bytes may cost, whatever they say about themselves.

A container is a tree of lengths that its sender chose. Bounds of single loops are not enough: they multiply, because
one walk begins another. So every walker takes its steps out of one budget that is carried through the whole look. The
budget is far above what any real file needs, and spent within some ten milliseconds.
"""

MAX_STEPS = 10_000  # boxes, chunks, elements, pages, frames and tags, each of which costs some microseconds
MAX_BYTES = 4 * 1024 * 1024  # copied out of the two ends, beyond the few that belong to a step


class Spent(Exception):
    """
    The look has cost as much as it may.

    A signal inside `service.core.media`: it becomes a reason to convert from a local file where the kind is known by
    then, and a refusal where it is not.
    """


class Overrun(Exception):
    """An element says that it is longer than the one it is in. How ffmpeg takes that is not for us to guess."""


class Budget:
    """Counts the `steps` and the `bytes` of one look. Used once."""

    __slots__ = ("_max_bytes", "_max_steps", "bytes", "steps")

    def __init__(self, *, max_steps: int = MAX_STEPS, max_bytes: int = MAX_BYTES) -> None:
        self.steps = 0
        self.bytes = 0
        self._max_steps = max_steps
        self._max_bytes = max_bytes

    def step(self) -> None:
        """One more header is looked at. Raises `Spent`."""
        if self.steps >= self._max_steps:
            raise Spent
        self.steps += 1

    def take(self, size: int) -> None:
        """So many bytes are about to be copied. Raises `Spent`."""
        if self.bytes + size > self._max_bytes:
            raise Spent
        self.bytes += size
