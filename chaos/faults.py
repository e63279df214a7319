"""
Faults as values: how each is done, how it is undone, and how often it is chosen.

A run has a table of them, and draws from it. `T` is what a fault acts upon: one container of a simulation, or the handles
of a real stack. A fault that lasts is healed after a time that the run chooses, and again when the run grows quiet, so
`heal` must be safe to repeat.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
Draw = Callable[[], float]  # uniform in [0, 1)


def nothing_to_heal(_: object) -> None:
    """For faults that are over as soon as they are done, or that the system itself has to mend."""


@dataclass(frozen=True, slots=True)
class Fault(Generic[T]):
    """One kind of harm; `seconds` is the range of its duration, (0, 0) for one that needs no healing."""

    name: str
    weight: int
    inject: Callable[[T], None]
    heal: Callable[[T], None] = nothing_to_heal
    seconds: tuple[float, float] = (0.0, 0.0)

    def duration(self, draw: Draw) -> float:
        """Seconds until it is healed."""
        shortest, longest = self.seconds
        return shortest + (longest - shortest) * draw()

    @property
    def lasts(self) -> bool:
        """Whether it has to be healed."""
        return self.heal is not nothing_to_heal


def by_weight(faults: Sequence[Fault[T]]) -> list[Fault[T]]:
    """Each fault as often as its weight, so that one uniform draw from the list respects the weights."""
    return [fault for fault in faults for _ in range(fault.weight)]
