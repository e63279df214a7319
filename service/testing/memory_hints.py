"""Hints in memory: a board and a channel that several simulated processes share, and that can go away."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from service.core.jobs.progress import Hint
from service.ports.hints import for_all
from service.ports.time import Clock


class MemoryBoard:
    """`ports.ProgressBoard`; while `away` is set, it says nothing. `flush` is what a restarted Redis remembers."""

    def __init__(self) -> None:
        self.away = False
        self.hints: dict[str, Hint] = {}

    async def publish(self, job_id: str, hint: Hint, *, again: bool = False) -> bool:
        if again and not self.away and job_id not in self.hints:
            return False
        shown = self.hints.get(job_id, Hint(-1.0, -1))
        if not self.away and hint.percent >= shown.percent:
            self.hints[job_id] = Hint(hint.percent, max(hint.attempt, shown.attempt))
        return True

    async def read(self, job_id: str) -> Hint | None:
        return None if self.away else self.hints.get(job_id)

    async def read_many(self, job_ids: Sequence[str]) -> Mapping[str, Hint]:
        return {} if self.away else {job_id: self.hints[job_id] for job_id in job_ids if job_id in self.hints}

    async def forget(self, job_id: str) -> None:
        if not self.away:
            self.hints.pop(job_id, None)

    def flush(self) -> None:
        """Forget everything."""
        self.hints.clear()

    @property
    def degraded(self) -> bool:
        return self.away


class MemoryChannel:
    """What the `MemoryWakeups` of several processes have in common; while `away`, each hears only itself."""

    def __init__(self) -> None:
        self.away = False
        self.ends: list[MemoryWakeups] = []


class MemoryWakeups:
    """`ports.Wakeups`: one per simulated process."""

    def __init__(self, clock: Clock, channel: MemoryChannel | None = None) -> None:
        self._clock = clock
        self._channel = channel or MemoryChannel()
        self._channel.ends.append(self)
        self._bell = asyncio.Event()  # kept ringing until one sleeper has heard it
        self._listeners = 0
        self._wakes: Callable[[str], bool] = for_all  # of the one that slept last; in a process there is one worker

    async def announce(self, job_id: str | None = None) -> None:
        for end in [self] if self._channel.away else self._channel.ends:
            end.ring(None if end is self else job_id)

    async def wait(self, seconds: float, wakes: Callable[[str], bool] = for_all) -> bool:
        self._wakes = wakes
        if self._bell.is_set():
            self._bell.clear()
            return True
        self._listeners += 1
        bell = self._bell
        hearing = asyncio.ensure_future(bell.wait())
        timer = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait({hearing, timer}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            if bell.is_set():
                self.ring()
            raise
        finally:
            self._listeners -= bell is self._bell
            hearing.cancel()
            timer.cancel()
        return bell.is_set()

    def ring(self, job_id: str | None = None) -> None:
        """Wake all that listen, or the next that does; for a job of another process, only if it wakes for that."""
        if job_id is not None and not self._wakes(job_id):
            return
        self._bell.set()
        if self._listeners:
            self._bell, self._listeners = asyncio.Event(), 0
