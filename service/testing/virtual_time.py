"""
An event loop whose clock jumps to the next timer, and the clock that goes with it.

Nothing waits: when no task is ready, time moves to the moment at which one will be. Timeouts of asyncio and
`Clock.sleep` agree, because both are this loop's timers. For code without threads and sockets.

`ShuffledLoop` adds what a simulation needs: dice decide which of the ready tasks goes next, and whatever runs in the
context of a `Process` can be frozen, thawed and killed at any await, as the kernel would do it.
"""

import asyncio
import contextvars
import itertools
import random
import selectors
from collections import deque
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

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


class Dice(random.Random):
    """Chance that repeats itself for the same seed."""


class Process:
    """Tasks that live and die together: everything that was started in (a copy of) `context`."""

    current: contextvars.ContextVar["Process | None"] = contextvars.ContextVar("process", default=None)

    def __init__(self, name: str) -> None:
        self.name = name
        self.halted = False
        self.held: list[asyncio.Handle] = []  # what would have run since
        self.context = contextvars.copy_context()
        self.context.run(self.current.set, self)

    def halt(self) -> None:
        """Stop it (SIGSTOP; for ever, and it is SIGKILL). Calls that it has sent are under way; no others follow."""
        self.halted = True

    def resume(self) -> None:
        """Go on (SIGCONT): all that has become due meanwhile is due now."""
        self.halted = False
        loop = asyncio.get_running_loop()
        for handle in self.held:
            loop._ready.append(handle)  # type: ignore[attr-defined]  # noqa: SLF001  # as they were, with their context
        self.held.clear()


class _Nothing(asyncio.Handle):
    """What the loop skips."""

    def __init__(self) -> None:
        self._cancelled = True


_NOTHING = _Nothing()


class _Hat(deque[asyncio.Handle]):
    """The ready queue of a loop, drawn from blindly."""

    def __init__(self, dice: Dice) -> None:
        super().__init__()
        self._dice = dice

    def popleft(self) -> asyncio.Handle:
        chosen = int(self._dice.random() * len(self))
        if chosen:
            self[0], self[chosen] = self[chosen], self[0]
        handle = super().popleft()
        process = handle._context.get(Process.current)  # type: ignore[attr-defined]  # noqa: SLF001
        if process is not None and process.halted:
            process.held.append(handle)
            return _NOTHING
        return handle


class _NumberedTask(asyncio.Task[Any]):
    """
    The n-th task of its loop, in sets as well.

    asyncio keeps tasks in sets (`TaskGroup`, `wait`), and goes through them to cancel or to wake. By its address, a
    task would come first in one process and last in another, and the same seed would be another history.
    """

    number: int

    def __new__(cls, number: int, *_: Any, **__: Any) -> Self:
        task = super().__new__(cls)
        task.number = number  # here, because asyncio puts a task into a set before its `__init__` has returned
        return task

    def __init__(self, number: int, coro: Coroutine[Any, Any, Any], **options: Any) -> None:
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self.number


class ShuffledLoop(VirtualTimeLoop):
    """Virtual time, and a seed that decides which task goes next: the same in every process that plays it."""

    def __init__(self, dice: Dice) -> None:
        super().__init__()
        self._ready = _Hat(dice)  # filled by BaseEventLoop, which takes from it with `popleft` alone
        numbers = itertools.count()
        self.set_task_factory(lambda loop, coro, **options: _NumberedTask(next(numbers), coro, loop=loop, **options))


class VirtualClock:
    """`ports.Clock` on the running loop; `skew` seconds are added to the wall clock, for a process with a wrong one."""

    EPOCH = 1_700_000_000.0

    def __init__(self, skew: float = 0.0) -> None:
        self.skew = skew

    def wall(self) -> float:
        """Return seconds since the epoch, as this machine believes."""
        return round(self.EPOCH + self.skew + asyncio.get_running_loop().time(), 3)

    def monotonic(self) -> float:
        """Virtual seconds."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Wait, in virtual time."""
        await asyncio.sleep(seconds)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Do what `asyncio.run` does, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
