"""What the modules here are asked (`Ends`) and what they answer (`Layout`)."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field

from service.core.media.containers.budget import Budget, Spent

TOO_LARGE = "it is too large to look through"
BROKEN = "its parts do not fit into each other"


@dataclass(frozen=True, slots=True)
class Layout:
    """What the two ends of an object tell about it."""

    name: str  # of the `InputFormat`
    reason: str | None = None  # to need seeking
    seconds: float | None = None  # declared by the headers


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


Examine = Callable[[Ends], Layout]


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
