"""
Patience with the other end of a connection, in seconds of waiting. Pure: the caller measures the time.

Each second of waiting costs a second, each byte that was moved earns a part of one, and no more is kept than the grace.
So an end that moves `rate` bytes a second is waited for without end, a slower one for some time, and one that was quick
and has fallen silent no longer than one that never began.
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Pace:
    """How much longer one transfer is waited for. `rate` is bytes a second, `grace` the longest silence in seconds."""

    rate: float
    grace: float
    left: float = field(init=False)  # seconds; 0 or less: too slow

    def __post_init__(self) -> None:
        self.left = self.grace

    def moved(self, size: int, waited: float) -> None:
        """Count `size` bytes that came, or went, after `waited` seconds of waiting for them."""
        self.left = min(self.left - waited + size / self.rate, self.grace)
