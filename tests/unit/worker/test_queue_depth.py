"""The report of the queue's depth."""

import asyncio
import contextlib

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from service.core.errors import Unavailable
from service.testing.factories import a_job
from service.testing.memory_jobs import MemoryJobs
from service.testing.virtual_time import VirtualClock, run
from service.worker.queue_depth import INTERVAL, QueueDepth

LIMIT = 3


class FailingAtFirst(MemoryJobs):
    """A store that fails at the first question."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._errors = [error]

    async def queued(self, limit: int) -> int:
        if self._errors:
            raise self._errors.pop()
        return await super().queued(limit)


def reported(jobs: MemoryJobs, *, queued: int, running: int, seconds: float, due_in: float = 0.0) -> list[EventDict]:
    """What is logged within this time, with so many jobs in the store that become due so many seconds from now."""

    async def scene() -> None:
        for number in range(queued + running):
            await jobs.submit(a_job(job_id=f"job{number}", due_at=VirtualClock().wall() + due_in))
            if number < running:
                await jobs.claim(f"job{number}", "somebody", 0.0)
        task = asyncio.create_task(QueueDepth(jobs, VirtualClock(), LIMIT).run())
        await VirtualClock().sleep(seconds)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    with capture_logs() as entries:
        run(scene())
    return entries


def test_queue_depth_is_reported_once_a_minute() -> None:
    """Jobs that wait and run are logged at the start and every minute, and not more often."""
    entries = reported(MemoryJobs(), queued=2, running=1, seconds=2.5 * INTERVAL)

    assert entries == [
        {
            "event": "queue.depth",
            "log_level": "info",
            "queued": 2,
            "running": 1,
            "limit": LIMIT,
            "oldest_seconds": n * INTERVAL,
        }
        for n in range(3)
    ]


@pytest.mark.parametrize(
    ("queued", "running", "due_in", "ages"),
    [
        pytest.param(2, 1, -90.0, [90.0, 150.0], id="due for a while"),
        pytest.param(1, 0, 45.0, [0.0, 15.0], id="put off, or a clock that is behind"),
        pytest.param(0, 1, -90.0, [0.0, 0.0], id="nothing queued"),
    ],
)
def test_age_of_the_oldest_due_job_is_reported(queued: int, running: int, due_in: float, ages: list[float]) -> None:
    """How long the oldest due job has waited is logged, in seconds, and never less than 0."""
    entries = reported(MemoryJobs(), queued=queued, running=running, seconds=1.5 * INTERVAL, due_in=due_in)

    assert [entry["oldest_seconds"] for entry in entries] == ages


def test_queue_depth_is_counted_up_to_its_limit() -> None:
    """A long queue costs no more to count than one of the limit."""
    (entry,) = reported(MemoryJobs(), queued=LIMIT + 5, running=0, seconds=1.0)

    assert (entry["queued"], entry["limit"]) == (LIMIT, LIMIT)


@pytest.mark.parametrize(
    ("error", "event"), [(Unavailable("Query: 503"), "worker.trouble"), (KeyError("Count"), "service.unexpected")]
)
def test_queue_depth_that_cannot_be_had_costs_one_report(error: Exception, event: str) -> None:
    """A store that does not answer, or a mistake of ours, is logged and costs a report; the process goes on."""
    entries = reported(FailingAtFirst(error), queued=1, running=0, seconds=1.5 * INTERVAL)

    assert [entry["event"] for entry in entries] == [event, "queue.depth"]
    assert entries[0]["where"] == "queue depth"


def test_process_that_is_not_on_duty_counts_nothing() -> None:
    """Of many processes a few report, and the others do not ask the store at all."""
    jobs = FailingAtFirst(Unavailable("asked"))

    async def scene() -> None:
        task = asyncio.create_task(QueueDepth(jobs, VirtualClock(), LIMIT, lambda: False).run())
        await VirtualClock().sleep(3 * INTERVAL)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    with capture_logs() as entries:
        run(scene())
    assert entries == []
