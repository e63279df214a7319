"""How an attempt ends: its record does not wait for a slow clean-up, and nobody who is deaf keeps it from ending."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from service.core.errors import BadMedia, FfmpegStalled, IllegalTransition, Unavailable
from service.core.jobs.job import Job
from service.core.jobs.lease import State
from service.core.jobs.progress import Hint
from service.core.jobs.trust import LeasePolicy
from service.core.naming import input_key
from service.ports.objects import NotStored
from service.telemetry import events, subscribe
from service.telemetry.events import Event
from service.testing.virtual_time import VirtualClock
from tests.unit.worker.world import Instance, Troubled, World, in_virtual_time

HEARTBEAT, LEASE = 2.0, 6.0
AT_ONCE = 0.5  # seconds
ENDLESS = 10_000.0


def final(job: Job) -> bool:
    """Whether it has ended."""
    return job.final


def running(job: Job) -> bool:
    """Whether it is in the middle."""
    return job.state is State.RUNNING and job.percent > 0


async def a_conversion(world: World, *, clean_up: float, **interesting: Any) -> Instance:
    """A worker in the middle of a conversion, whose object store is slow to take anything back."""
    instance = world.start("a", **interesting)
    instance.transcoder.clean_up = clean_up
    await world.submit()
    await world.until(running)
    return instance


@pytest.mark.requirement("6.7")
@pytest.mark.parametrize("clean_up", [1.0, 12.0, ENDLESS])
@in_virtual_time
async def test_a_cancellation_does_not_wait_for_the_clean_up(clean_up: float) -> None:
    """However long S3 takes, a cancelled job is recorded within a heartbeat, once, and nobody takes it over."""
    world = World()
    instance = await a_conversion(world, clean_up=clean_up)
    world.start("b")

    asked = world.clock.monotonic()
    await world.jobs.cancel("job1", world.clock.wall())
    await world.until(final)

    assert world.clock.monotonic() - asked <= HEARTBEAT + AT_ONCE
    assert instance.transcoder.stopped
    await world.clock.sleep(30)
    job = await world.job()
    assert (job.state, job.attempt, job.lease.lapses) == (State.CANCELLED, 1, 0)
    await world.settle()


@in_virtual_time
async def test_a_failure_does_not_wait_for_the_clean_up() -> None:
    """What is wrong with a file is recorded when ffmpeg has ended, not when S3 has taken everything back."""
    world = World()
    instance = await a_conversion(world, clean_up=ENDLESS, fails=[BadMedia()])
    await world.until(lambda _: bool(instance.transcoder.clear_at))
    ended = world.clock.monotonic()

    await world.until(final)

    assert world.clock.monotonic() - ended <= AT_ONCE
    assert (await world.job()).state is State.FAILED
    await world.settle()


@in_virtual_time
async def test_another_attempt_does_not_wait_for_the_clean_up() -> None:
    """A job that is given back after a stall is done by another worker while the first still clears up."""
    world = World()
    await a_conversion(world, clean_up=ENDLESS, fails=[FfmpegStalled()])
    world.start("b")

    await world.until(final, within=20)

    job = await world.job()
    assert (job.state, job.attempt, job.lease.lapses) == (State.SUCCEEDED, 2, 0)
    await world.settle()


@in_virtual_time
async def test_a_slow_clean_up_keeps_its_slot_for_a_while_only() -> None:
    """A worker whose clean-up hangs takes the next job when it has waited long enough."""
    world = World()
    await a_conversion(world, clean_up=ENDLESS)
    await world.jobs.cancel("job1", world.clock.wall())
    await world.until(final)
    ended = world.clock.monotonic()
    await world.submit(job_id="job2", upload_id="upload2")

    await world.until(lambda job: job.state is State.RUNNING, job_id="job2")

    assert 10 < world.clock.monotonic() - ended < 20
    await world.until(final, job_id="job2")
    await world.settle()


@pytest.mark.requirement("6.7")
@in_virtual_time
async def test_a_stopped_worker_does_not_wait_for_a_hung_object_store() -> None:
    """After SIGTERM the job is given back at once, and the worker ends though its clean-up never does."""
    world = World()
    instance = await a_conversion(world, clean_up=ENDLESS)

    told = world.clock.monotonic()
    stopping = asyncio.create_task(instance.stop())
    await world.until(lambda job: job.state is State.QUEUED)
    assert world.clock.monotonic() - told <= AT_ONCE
    await stopping

    assert world.clock.monotonic() - told < 10


@in_virtual_time
async def test_a_worker_told_to_stop_while_it_clears_up_hands_back_what_it_runs() -> None:
    """Two attempts of one job in one process are told apart: the one that runs is handed back, not forgotten."""
    world = World()
    instance = world.start("a", slots=2, fails=[FfmpegStalled()], seconds=40)
    instance.transcoder.clean_up = 8.0
    await world.submit()
    await world.until(lambda job: job.attempt == 2 and job.lease.beat > 4)  # the first one has ended by now
    assert instance.worker.active == 1

    told = world.clock.monotonic()
    stopping = asyncio.create_task(instance.stop())
    await world.until(lambda job: job.state is State.QUEUED, within=LEASE)
    assert world.clock.monotonic() - told <= AT_ONCE
    await stopping


@in_virtual_time
async def test_a_job_that_this_worker_lost_is_taken_over_though_it_still_clears_up() -> None:
    """A worker that could not record its outcome does not keep itself from rescuing the job."""
    world = World()
    cut = asyncio.Event()

    async def trouble(_: str, call: Callable[[], Awaitable[Any]]) -> Any:
        if cut.is_set():
            raise Unavailable
        return await call()

    instance = world.start("a", slots=2, jobs=Troubled(world.jobs, trouble))
    instance.transcoder.clean_up = ENDLESS
    await world.submit()
    await world.until(running)
    cut.set()
    await world.until(lambda _: bool(instance.transcoder.stopped))
    cut.clear()

    await world.until(lambda job: job.attempt == 2, within=LEASE + 2)
    await world.settle()


@in_virtual_time
async def test_a_cancellation_that_a_library_loses_does_not_keep_a_job_running() -> None:
    """A client of Redis that drops a cancellation costs a moment; the job ends, and its slot is free again."""
    world = World()
    lost = []

    async def deaf(job_id: str, hint: Hint, *, again: bool = False) -> bool:
        try:
            await VirtualClock().sleep(ENDLESS)
        except asyncio.CancelledError:
            lost.append(job_id)
            if len(lost) > 1:
                raise
        return True

    world.board.publish = deaf  # type: ignore[method-assign]
    instance = world.start("a")
    await world.submit()
    await world.until(running)
    await world.jobs.cancel("job1", world.clock.wall())

    await world.until(final, within=HEARTBEAT + 1)

    assert lost
    await world.clock.sleep(1)
    assert instance.worker.active == 0
    await world.settle()


@in_virtual_time
async def test_a_cancelled_job_is_not_converted_again() -> None:
    """Whoever takes over a job that its client has cancelled ends it at once, without an ffmpeg."""
    world = World()
    first = await a_conversion(world, clean_up=0.0)
    first.kill()
    await world.jobs.cancel("job1", world.clock.wall())
    second = world.start("b")

    await world.until(lambda job: job.attempt == 2)
    await world.until(final, within=AT_ONCE)

    assert (await world.job()).state is State.CANCELLED
    assert second.transcoder.started == []
    assert set(world.objects.objects) == {input_key("upload1")}
    second.worker.stop()


@in_virtual_time
async def test_cancelled_job_is_not_ended_as_exhausted() -> None:
    """A job whose attempts kept lapsing ends as cancelled, not as failed, if its client had cancelled it."""
    world = World()
    await world.submit()
    for number in range(LeasePolicy().max_lapses):
        doomed = world.start(f"doomed{number}")
        await world.until(lambda job, name=f"doomed{number}": job.owner == name)  # type: ignore[misc]
        doomed.kill()
    await world.jobs.cancel("job1", world.clock.wall())
    world.start("survivor")

    await world.until(final)

    assert (await world.job()).state is State.CANCELLED


@in_virtual_time
async def test_an_outcome_that_is_slow_to_record_is_recorded() -> None:
    """A store that refuses until there is no trust left hears of the cancellation all the same: the fence decides."""
    world = World()
    refused: list[str] = []

    async def trouble(name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        if name == "stop" and len(refused) < 52:  # 0.1 s each
            refused.append(name)
            raise Unavailable
        return await call()

    world.start("a", jobs=Troubled(world.jobs, trouble))
    await world.submit()
    await world.until(running)
    await world.jobs.cancel("job1", world.clock.wall())

    await world.until(final)

    job = await world.job()
    assert (job.state, job.attempt) == (State.CANCELLED, 1)
    await world.settle()


@in_virtual_time
async def test_a_job_that_fails_before_its_first_heartbeat_has_its_path() -> None:
    """The record of a failure carries the path that was taken, though no renewal has."""
    world = World()
    world.start("a", seconds=0.2, fails=[BadMedia()])
    await world.submit()

    await world.until(final)

    job = await world.job()
    assert (job.state, job.path) == (State.FAILED, "streaming")
    await world.settle()


class Watched:
    """A store that counts how often a watcher looks, and lets nobody take anything over."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.looks: list[float] = []
        self.refusing = True

    async def trouble(self, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        if name == "running":
            self.looks.append(self._world.clock.monotonic())
        if name == "take_over" and self.refusing:
            raise IllegalTransition
        return await call()


@in_virtual_time
async def test_lapsed_job_without_a_free_slot_is_looked_at_with_growing_pauses() -> None:
    """A watcher that cannot take over asks less and less often, down to its usual pace, and gets the job in the end."""
    world = World()
    first = await a_conversion(world, clean_up=0.0)
    first.kill()
    store = Watched(world)
    second = world.start("b", jobs=Troubled(world.jobs, store.trouble))
    await world.clock.sleep(LEASE + 0.5)

    before = len(store.looks)
    await world.clock.sleep(20)
    assert len(store.looks) - before <= 24
    store.refusing = False
    await world.until(lambda job: job.attempt == 2, within=1.5)
    second.worker.stop()


@in_virtual_time
async def test_trouble_while_watching_does_not_start_the_lease_anew() -> None:
    """A watcher whose every third look fails takes over as soon as one whose looks do not."""
    world = World()
    first = await a_conversion(world, clean_up=0.0)
    looks = 0

    async def trouble(name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        nonlocal looks
        if name == "running":
            looks += 1
            if looks % 3 == 0:
                raise Unavailable
        return await call()

    second = world.start("b", jobs=Troubled(world.jobs, trouble))
    await world.clock.sleep(1)
    first.kill()
    await world.until(lambda job: job.attempt == 2, within=LEASE + 2)
    second.worker.stop()


@pytest.mark.parametrize("meanwhile", ["cancelled", "taken over", "deleted", "nothing"])
@in_virtual_time
async def test_output_that_is_swept_away_is_an_alarm_only_where_it_is_wanted(meanwhile: str) -> None:
    """An output that is gone once it is complete was removed with its job; if the job is still ours, it is an alarm."""
    world, said, swept = World(), list[Event](), list[str]()

    async def trouble(verb: str, key: str, moment: str) -> None:
        if (verb, moment) != ("receive", "after") or swept:
            return
        swept.append(key)
        job = await world.job()
        if meanwhile == "cancelled":
            await world.jobs.cancel("job1", world.clock.wall())
        elif meanwhile == "taken over":
            await world.jobs.take_over(job.lease, "other", excused=False)
        elif meanwhile == "deleted":
            del world.jobs.jobs["job1"]
        raise NotStored(key, 5)

    await world.submit()
    world.objects.trouble = trouble
    with subscribe(lambda event, _: said.append(event)):
        world.start("a")
        while not swept:
            await world.clock.sleep(1)
        await world.clock.sleep(30)

    assert said.count(events.S3_NOT_WHOLE) == (meanwhile == "nothing")
    if meanwhile == "cancelled":
        assert (await world.job()).state is State.CANCELLED
    if meanwhile == "nothing":
        assert ((await world.job()).state, (await world.job()).attempt) == (State.SUCCEEDED, 2)
