"""
An event loop whose clock jumps to the next timer, and the clock and ids that go with it.

Nothing waits: when no task is ready, time moves to the moment at which one will be. Timeouts of asyncio and
`Clock.sleep` agree, because both are this loop's timers. For code without threads and sockets.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
LONGEST_RUN = 7 * 24 * 3600.0  # virtual seconds; a loop that gets here would never end


class Deadlock(RuntimeError):
    """Every task waits and no timer is set (or time has run away): in real life this would hang for ever."""


class _Jump(selectors.SelectSelector):
    """A selector that moves the loop's clock instead of waiting."""

    loop: "VirtualTimeLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock("no task is ready and no timer is set")
        self.loop.jump(max(0.0, timeout))
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Virtual time starts at 0.0 seconds."""

    def __init__(self) -> None:
        selector = _Jump()
        selector.loop = self
        self._now = 0.0
        super().__init__(selector)

    def time(self) -> float:
        """Virtual seconds."""
        return self._now

    def jump(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds
        if self._now > LONGEST_RUN:
            raise Deadlock(f"still running after {LONGEST_RUN:g} virtual seconds")


class VirtualClock:
    """`ports.Clock` on the running loop; `skew` seconds are added to the wall clock of whoever has a wrong one."""

    EPOCH = 1_700_000_000.0

    def __init__(self, skew: float = 0.0) -> None:
        self.skew = skew

    def wall(self) -> float:
        """Seconds since the epoch, as this machine believes."""
        return round(self.EPOCH + self.skew + asyncio.get_running_loop().time(), 3)

    def monotonic(self) -> float:
        """Virtual seconds."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Wait, in virtual time."""
        await asyncio.sleep(seconds)


def run(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
