"""What the modules here are asked (`Ends`) and what they answer (`Layout`)."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field

from service.core.media.containers.budget import Budget, Spent
from service.core.media.tracks import Track

TOO_LARGE = "it is too large to look through"
BROKEN = "its parts do not fit into each other"

_NEAR = 1 << 16  # bytes
_PLACEHOLDERS = (0x7F000000, 0x7FFF8000, 0x80000000, 0xFFFFFFFF)  # what programs write that cannot go back
_MIN_MISSING = 512  # bytes; sizes are wrong by a header's length in many a whole file
_MIN_SHARE = 200  # of a size: the same for what counts in whole blocks


@dataclass(frozen=True, slots=True)
class Layout:
    """What the two ends of an object tell about it."""

    name: str  # of the `InputFormat`
    reason: str | None = None  # to need seeking
    seconds: float | None = None  # declared by the headers: good enough to show progress, and no proof of anything
    cut_off: str | None = None  # what is missing, if bytes are: a phrase for the client
    suspect: str | None = None  # the same, to be believed only if the sound is shorter than declared, too
    tracks: tuple[Track, ...] = ()  # of sound, as far as the head tells
    junk: bool = False  # so much in front of the sound that ffmpeg tries to decode it
    holds_more: str | None = None  # what it holds beyond what it declares: a phrase for the client


@dataclass(frozen=True, slots=True)
class Ends:
    """The beginning and the end of an object; together all of it, if it is small."""

    head: bytes
    tail: bytes
    size: int
    budget: Budget = field(default_factory=Budget, compare=False)

    def window(self, at: int, length: int) -> bytes:
        """Return up to `length` bytes that are seen from offset `at` on, none where the middle begins."""
        if at < len(self.head):
            return self.head[at : at + length]
        from_tail = at - (self.size - len(self.tail))
        return self.tail[from_tail : from_tail + length] if 0 <= from_tail < len(self.tail) else b""

    def take(self, at: int, end: int) -> bytes:
        """Copy `head[at:end]`, which may be long, at the expense of the budget. Raises `Spent`."""
        self.budget.take(max(0, min(end, len(self.head)) - at))
        return self.head[at:end]

    def missing(self, end: int, what: str) -> str | None:
        """Return the phrase for `what` reaching up to offset `end` of the object; None if it is (nearly) all there."""
        lacking = end - self.size
        if lacking <= max(_MIN_MISSING, end // _MIN_SHARE):
            return None
        return f"{what} goes on to byte {end}, and the file ends at byte {self.size}"


Examine = Callable[[Ends], Layout]


def is_placeholder(size: int) -> bool:
    """Whether a size is one that programs write when they do not know it yet; of objects that do not have it."""
    return size == 0 or any(abs(size - known) <= _NEAR for known in _PLACEHOLDERS)


def within_budget(name: str) -> Callable[[Examine], Examine]:
    """Let an examine() of this kind end with a definite answer when its budget is spent: not from a pipe."""

    def bounded(examine: Examine) -> Examine:
        @functools.wraps(examine)
        def look(ends: Ends) -> Layout:
            try:
                return examine(ends)
            except Spent:
                return Layout(name, TOO_LARGE)

        return look

    return bounded
