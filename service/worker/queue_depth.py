"""
How long the queue is, logged once a minute by every process that converts.

For scaling by the depth of the queue, and for alarms, where no Prometheus reads `/metrics`: CloudWatch can make a
metric of the event. All processes report the same numbers, those of the whole service, so a reader takes the maximum.
"""

from collections.abc import Sequence
from typing import Protocol

from service.core.errors import StoreError
from service.ports.time import Clock
from service.telemetry import emit, events

INTERVAL = 60.0  # seconds between two reports of a process


class CountableQueue(Protocol):
    """What of the job store is asked here; both are queries of the index, never a scan of the table."""

    async def queued(self, limit: int) -> int:
        """How many jobs are queued, due or not; counting stops at `limit`."""

    async def running(self) -> Sequence[object]:
        """All running jobs."""


class QueueDepth:
    """Run with `run`, which ends only by being cancelled."""

    def __init__(self, jobs: CountableQueue, clock: Clock, limit: int) -> None:
        """`limit`: more jobs than this are not counted."""
        self._jobs, self._clock, self._limit = jobs, clock, limit

    async def run(self) -> None:
        """Report now and then every `INTERVAL` seconds. A store that is away costs a report, and nothing else."""
        while True:
            try:
                queued, running = await self._jobs.queued(self._limit), await self._jobs.running()
            except StoreError as error:
                emit(events.WORKER_TROUBLE, where="queue depth", reason=error.detail)
            except Exception as error:  # noqa: BLE001  # logged with its traceback, and no reason to stop converting
                emit(events.UNEXPECTED, where="queue depth", exc_info=error)
            else:
                emit(events.QUEUE_DEPTH, queued=queued, running=len(running), limit=self._limit)
            await self._clock.sleep(INTERVAL)
