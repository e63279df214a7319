"""Time, waiting, identity and chance: the only sources of them."""

from typing import Protocol


class Clock(Protocol):
    """The only source of time."""

    def wall(self) -> float:
        """Return seconds since the epoch (UTC): for what people read and for time to live, never for durations."""

    def monotonic(self) -> float:
        """Return seconds on a clock that only goes forward, comparable within this process alone."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class Ids(Protocol):
    """The only source of identity and chance."""

    def new(self) -> str:
        """Return a fresh unguessable id of [a-z0-9], at least 120 bits."""

    def draw(self) -> float:
        """Return a number in [0, 1)."""
