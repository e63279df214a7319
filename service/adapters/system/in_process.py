"""Hints without a Redis: no fresh progress (the record has to do), and wake-ups that reach this process only."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from service.core.jobs.progress import Hint
from service.ports.hints import for_all
from service.ports.time import Clock


class SilentBoard:
    """A `ports.ProgressBoard` that shows nothing, on purpose."""

    degraded = True

    async def publish(self, job_id: str, hint: Hint, *, again: bool = False) -> bool:
        return True

    async def read(self, job_id: str) -> Hint | None:
        return None

    async def read_many(self, job_ids: Sequence[str]) -> Mapping[str, Hint]:
        return {}

    async def forget(self, job_id: str) -> None:
        return None


class LocalWakeups:
    """
    `ports.Wakeups` within one process and event loop.

    A ring wakes all sleepers. If there are none, it is kept for the next one, once.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: dict[asyncio.Future[None], Callable[[str], bool]] = {}
        self._wakes: Callable[[str], bool] = for_all  # of the one that slept last, for when none does
        self._kept = False

    async def announce(self, _job_id: str | None = None) -> None:
        self.ring()

    async def wait(self, seconds: float, wakes: Callable[[str], bool] = for_all) -> bool:
        if self._kept:
            self._kept = False
            return True
        bell: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        timer = asyncio.ensure_future(self._clock.sleep(seconds))
        self._waiting[bell] = self._wakes = wakes
        try:
            await asyncio.wait({bell, timer}, return_when=asyncio.FIRST_COMPLETED)
            return bell.done()
        except asyncio.CancelledError:
            if bell.done():  # it rang for a sleeper that was cancelled: pass it on
                self.ring()
            raise
        finally:
            del self._waiting[bell]
            timer.cancel()

    def ring(self, job_id: str | None = None) -> None:
        """Wake all who wait (of another process's job: those that wake for it), or the next who comes."""
        listening = [bell for bell in self._waiting if not bell.done()]
        for bell in listening:
            if job_id is None or self._waiting[bell](job_id):
                bell.set_result(None)
        if not listening:
            self._kept = self._kept or job_id is None or self._wakes(job_id)
        else:
            self._kept = False
