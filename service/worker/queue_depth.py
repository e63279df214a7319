"""
How long the queue is and how long its oldest job has waited, logged once a minute by about three processes.

For scaling by the depth and age of the queue, and for alarms, where no Prometheus reads `/metrics`: CloudWatch can make
metrics of the event. All processes report the same numbers, those of the whole service, so a reader takes the maximum;
and because it counts all jobs, not every process does it (`core.jobs.ring.on_duty`).
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from service.core.errors import StoreError
from service.ports.time import Clock
from service.telemetry import emit, events

INTERVAL = 60.0  # seconds between two reports of a process


class CountableQueue(Protocol):
    """What of the job store is asked here: queries of the index, never a scan of the table."""

    async def queued(self, limit: int) -> int:
        """How many jobs are queued, due or not; counting stops at `limit`."""

    async def oldest_due(self) -> float | None:
        """The earliest due time of a queued job in wall seconds, which may lie ahead; None if none is queued."""

    async def running(self) -> Sequence[object]:
        """All running jobs."""


class QueueDepth:
    """Run with `run`, which ends only by being cancelled."""

    def __init__(
        self, jobs: CountableQueue, clock: Clock, limit: int, on_duty: Callable[[], bool] = lambda: True
    ) -> None:
        """`limit`: more jobs than this are not counted; `on_duty` tells whether it is for this process to report."""
        self._jobs, self._clock, self._limit, self._on_duty = jobs, clock, limit, on_duty

    async def run(self) -> None:
        """Report now and then every `INTERVAL` seconds. A store that is away costs a report, and nothing else."""
        while True:
            if self._on_duty():
                await self._report()
            await self._clock.sleep(INTERVAL)

    async def _report(self) -> None:
        try:
            queued, running = await self._jobs.queued(self._limit), await self._jobs.running()
            oldest_seconds = self._age(await self._jobs.oldest_due())
        except StoreError as error:
            emit(events.WORKER_TROUBLE, where="queue depth", reason=error.detail)
        except Exception as error:  # noqa: BLE001  # logged with its traceback, and no reason to stop converting
            emit(events.UNEXPECTED, where="queue depth", exc_info=error)
        else:
            emit(
                events.QUEUE_DEPTH,
                queued=queued,
                running=len(running),
                limit=self._limit,
                oldest_seconds=oldest_seconds,
            )

    def _age(self, due_at: float | None) -> float:
        """Return for how many seconds a job has been due: 0 if it is yet to be, by its delay or by another clock."""
        return 0.0 if due_at is None else max(0.0, round(self._clock.wall() - due_at, 1))
