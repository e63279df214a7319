"""What a heartbeat lets be seen."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest

from service.core.errors import Unavailable
from service.core.jobs.job import Job
from service.core.jobs.progress import Reading
from service.core.jobs.trust import LeasePolicy
from service.telemetry import events, subscribe
from service.telemetry.events import Event
from service.testing.factories import a_job
from service.testing.memory_jobs import MemoryJobs
from service.testing.virtual_time import VirtualClock, VirtualTimeLoop
from service.worker.heartbeat import Heartbeat, TrustEnded
from tests.unit.worker.world import in_virtual_time


async def a_heartbeat(percent: float = 0.0) -> tuple[MemoryJobs, Heartbeat]:
    """The heartbeat of a freshly claimed job that was once at `percent`."""
    jobs, clock = MemoryJobs(), VirtualClock()
    await jobs.submit(a_job(percent=percent))
    job = await jobs.claim("job1", "worker1", clock.wall())
    return jobs, Heartbeat(jobs, clock, LeasePolicy(), job.holding, claimed_at=clock.monotonic(), percent=job.percent)


def at(percent: float) -> Reading:
    """A reading."""
    return Reading(position_seconds=percent, total_seconds=100.0)


@in_virtual_time
async def test_nothing_is_shown_that_the_store_has_not_acknowledged() -> None:
    """What may be shown stays below the durable ceiling, so that the record alone never answers with less."""
    jobs, heartbeat = await a_heartbeat()
    heartbeat.saw(at(10))
    assert heartbeat.showable == 0

    await heartbeat.renew()
    assert heartbeat.showable == 10
    job = await jobs.get("job1")
    assert job is not None
    assert 10 < job.percent < 50

    heartbeat.saw(at(99))
    assert heartbeat.showable == job.percent


@in_virtual_time
async def test_a_new_attempt_shows_no_less_than_was_seen() -> None:
    """A new attempt holds the old high-water mark until its own readings pass it, though the board be empty."""
    _, heartbeat = await a_heartbeat(percent=60.0)
    heartbeat.saw(at(5))
    assert heartbeat.showable == 60

    heartbeat.saw(at(70))
    await heartbeat.renew()
    assert heartbeat.showable == 70


@in_virtual_time
async def test_a_reading_that_falls_is_not_passed_on() -> None:
    """ffmpeg may say N/A or less than before: what is shown stays."""
    _, heartbeat = await a_heartbeat()
    heartbeat.saw(at(40))
    await heartbeat.renew()
    heartbeat.saw(at(10))

    assert heartbeat.showable == 40


@in_virtual_time
async def test_late_renewal_is_logged() -> None:
    """A renewal that comes after two missed beats says how late it is; one in time says nothing of it."""
    said: list[object] = []

    def hear(event: Event, fields: Mapping[str, object]) -> None:
        if event is events.JOB_RENEWED_LATE:
            said.append(fields["after"])

    _, heartbeat = await a_heartbeat()
    clock = VirtualClock()
    with subscribe(hear):
        await clock.sleep(2.0)
        await heartbeat.renew()
        assert said == []
        await clock.sleep(4.5)
        await heartbeat.renew()
    assert said == [4.5]


@in_virtual_time
async def test_frozen_in_the_middle_of_a_renewal() -> None:
    """A worker that is frozen while it renews asks again when it is thawed, and goes on if it was not replaced."""
    jobs, heartbeat = await a_heartbeat()
    plain, frozen = jobs.renew, False

    async def renew(*arguments: Any) -> Job:
        nonlocal frozen
        if not frozen:
            frozen = True
            cast("VirtualTimeLoop", asyncio.get_running_loop()).jump(60.0)
            await asyncio.Event().wait()  # the connection is gone, and its answer with it
        return await plain(*arguments)

    jobs.renew = renew  # type: ignore[assignment, method-assign]
    await heartbeat.renew()
    assert heartbeat.trust_left > 0


@in_virtual_time
async def test_a_connection_that_broke_during_a_freeze_does_not_end_trust() -> None:
    """A worker whose request fails because it was frozen meanwhile asks again, and goes on if it was not replaced."""
    jobs, heartbeat = await a_heartbeat()
    plain, frozen = jobs.renew, False

    async def renew(*arguments: Any) -> Job:
        nonlocal frozen
        if not frozen:
            frozen = True
            cast("VirtualTimeLoop", asyncio.get_running_loop()).jump(60.0)
            raise Unavailable("connection reset")
        return await plain(*arguments)

    jobs.renew = renew  # type: ignore[assignment, method-assign]
    await heartbeat.renew()
    assert heartbeat.trust_left > 0


@in_virtual_time
async def test_a_store_that_keeps_failing_ends_trust() -> None:
    """Errors are ridden out for as long as there is trust, and not for longer."""
    jobs, heartbeat = await a_heartbeat()
    clock = VirtualClock()
    began = clock.monotonic()

    async def renew(*_: Any) -> Job:
        raise Unavailable("it is away")

    jobs.renew = renew  # type: ignore[assignment, method-assign]
    with pytest.raises(TrustEnded):
        await heartbeat.renew()
    assert clock.monotonic() - began == pytest.approx(LeasePolicy().duration - LeasePolicy().margin, abs=0.5)


@in_virtual_time
async def test_a_store_that_never_answers_ends_trust() -> None:
    """A renewal without an answer ends the attempt when its trust does: a process that ran all the time asks once."""
    jobs, heartbeat = await a_heartbeat()
    asked: list[float] = []

    async def renew(*_: Any) -> Job:
        asked.append(VirtualClock().monotonic())
        return await asyncio.Event().wait()  # type: ignore[return-value]

    jobs.renew = renew  # type: ignore[assignment, method-assign]
    with pytest.raises(TrustEnded):
        await heartbeat.renew()
    assert len(asked) == 1
    assert heartbeat.trust_left == 0
