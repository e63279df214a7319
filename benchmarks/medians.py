"""Medians with an interval that needs no assumption about how the measurements are spread."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from statistics import median

DOUBT = 0.05  # the true median lies outside of the interval in one of twenty such measurements


@dataclass(frozen=True, slots=True)
class Median:
    """A median, and between which values the true one lies with a probability of at least 95 %."""

    value: float
    least: float
    most: float

    def text(self, places: int) -> str:
        """Return it for a table."""
        return f"{self.value:.{places}f} [{self.least:.{places}f}, {self.most:.{places}f}]"


def median_of(values: Sequence[float]) -> Median:
    """
    Return the median with its interval, by the order of the values: each lies below the true median as a coin falls.

    Below six values the interval is all of them, and promises less.
    """
    row = sorted(values)
    outside, below = 0, 0.0  # values left out at each end, and how probable it is that the true median lies there
    while outside < (len(row) - 1) // 2:
        below += comb(len(row), outside) / 2 ** len(row)
        if 2 * below > DOUBT:
            break
        outside += 1
    return Median(median(row), row[max(outside - 1, 0)], row[len(row) - max(outside, 1)])
