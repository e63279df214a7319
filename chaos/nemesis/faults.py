"""
Faults as values: how each is done, how it is undone, and how often it is chosen.

A run has a table of them, and draws from it. `T` is what a fault acts upon: a container of the simulation, or the
handles of a real stack. A fault that lasts is healed after a time that the run draws, and once more when the run grows
quiet: `heal` has to be safe to repeat.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")
Inject = Callable[[T], None]


@dataclass(frozen=True, slots=True)
class Fault(Generic[T]):
    """
    One kind of harm.

    `heal` is None for what is over as soon as it is done, or what the system itself has to mend; otherwise `seconds` is
    the range from which its duration is drawn.
    """

    name: str
    weight: int
    inject: Inject[T]
    heal: Inject[T] | None = None
    seconds: tuple[float, float] = (0.0, 0.0)
    colour: str = ""  # in the plot, as CSS has it; empty: by its name

    def duration(self, draw: float) -> float:
        """Return seconds until it is healed; `draw` is uniform in [0, 1)."""
        shortest, longest = self.seconds
        return shortest + (longest - shortest) * draw


class Weighted(Protocol):
    """A row of a table of faults."""

    @property
    def weight(self) -> int:
        """How often it is chosen, relative to the other rows."""


W = TypeVar("W", bound=Weighted)


def by_weight(rows: Sequence[W]) -> list[W]:
    """Return each row as often as its weight: a uniform draw from this list respects the weights."""
    return [row for row in rows for _ in range(row.weight)]
