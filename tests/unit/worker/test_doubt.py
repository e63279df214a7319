"""Workers that cannot know whether they still hold their job: they pause, ask, and go on unless they were replaced."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from service.core.errors import Unavailable
from service.core.jobs.job import Job, State
from service.core.jobs.trust import LeasePolicy
from tests.unit.worker.world import Troubled, World, in_virtual_time

pytestmark = pytest.mark.requirement("6.7")

LEASE = LeasePolicy().duration


def final(job: Job) -> bool:
    """Whether it has ended."""
    return job.final


def running(job: Job) -> bool:
    """Whether it is in the middle."""
    return job.state is State.RUNNING and job.percent > 0


def held_by(owner: str) -> Callable[[Job], bool]:
    """Whether this worker holds it."""
    return lambda job: job.owner == owner


class Outage:
    """A store that is away for one worker from `begin` to `end`: it refuses, or with `hang` does not answer."""

    def __init__(self, *, hang: bool = False) -> None:
        self._hang = hang
        self.begun = False
        self._back = asyncio.Event()
        self._back.set()

    def begin(self) -> None:
        self.begun = True
        self._back.clear()

    def end(self) -> None:
        self._back.set()

    async def trouble(self, _: str, call: Callable[[], Awaitable[Any]]) -> Any:
        if not self._back.is_set():
            if not self._hang:
                raise Unavailable
            await asyncio.Event().wait()
        return await call()


@in_virtual_time
async def test_six_freezes_of_a_lone_container_cost_no_attempt() -> None:
    """A container that is frozen six times for longer than its lease, alone, finishes the job in its first attempt."""
    world = World()
    only = world.start("a", seconds=20)
    await world.submit()
    await world.until(running)
    for _ in range(LeasePolicy().max_lapses + 1):
        only.freezer.freeze()
        await world.clock.sleep(LEASE + 4)
        only.freezer.thaw()
        await world.clock.sleep(1.5)

    await world.until(final)
    job = await world.job()
    assert (job.state, job.attempt, job.lease.lapses) == (State.SUCCEEDED, 1, 0)


@in_virtual_time
async def test_a_frozen_host_costs_no_attempt() -> None:
    """When all containers are frozen and thawed together, no watcher takes over before the holder could renew."""
    world = World()
    both = [world.start("a", seconds=20), world.start("b", seconds=20)]
    await world.submit()
    await world.until(running)
    for _ in range(4):
        await world.clock.sleep(2.7)
        for one in both:
            one.freezer.freeze()
        await world.clock.sleep(LEASE + 9)
        for one in sorted(both, key=lambda one: one.transcoder.started != []):
            one.freezer.thaw()  # the watcher first

    await world.until(final)
    job = await world.job()
    assert (job.state, job.attempt, job.lease.lapses, job.lease.excused) == (State.SUCCEEDED, 1, 0, 0)


@pytest.mark.parametrize("hang", [False, True], ids=["refusing", "hanging"])
@in_virtual_time
async def test_a_store_that_is_away_for_longer_than_a_lease_costs_no_attempt(hang: bool) -> None:
    """A worker cut off from the store for 30 s pauses its conversion, and goes on with it when the store is back."""
    world = World()
    outage = Outage(hang=hang)
    only = world.start("a", jobs=Troubled(world.jobs, outage.trouble))
    await world.submit()
    await world.until(running)
    outage.begin()
    await world.clock.sleep(30)
    assert only.transcoder.paused
    assert not only.transcoder.stopped
    outage.end()

    await world.until(final)
    job = await world.job()
    assert (job.state, job.attempt, job.lease.lapses) == (State.SUCCEEDED, 1, 0)


@in_virtual_time
async def test_a_worker_that_was_replaced_meanwhile_hears_it_and_stops() -> None:
    """A worker without trust that asks and was replaced stops its conversion, and the other finishes."""
    world = World()
    outage = Outage()
    first = world.start("a", seconds=30, jobs=Troubled(world.jobs, outage.trouble))
    await world.submit()
    await world.until(running)
    outage.begin()
    world.start("b", seconds=30)
    await world.until(held_by("b"))
    assert first.transcoder.paused
    outage.end()

    await world.until(final)
    job = await world.job()
    assert (job.state, job.attempt) == (State.SUCCEEDED, 2)
    assert first.transcoder.stopped


@in_virtual_time
async def test_a_finished_output_is_recorded_although_trust_has_ended() -> None:
    """An attempt that cannot reach the store between its stored output and the record tries on until it can."""
    world = World()
    outage = Outage()

    class Objects:
        """The objects, at which the outage begins with the output."""

        def __getattr__(self, name: str) -> Any:
            method = getattr(world.objects, name)

            async def call(*args: Any, **kwargs: Any) -> Any:
                try:
                    return await method(*args, **kwargs)
                finally:
                    if name == "receive":
                        outage.begin()

            return call

    only = world.start("a", jobs=Troubled(world.jobs, outage.trouble), objects=Objects())
    await world.submit()
    while not outage.begun:
        await world.clock.sleep(0.1)
    await world.clock.sleep(3 * LEASE)
    outage.end()

    await world.until(final)
    job = await world.job()
    assert (job.state, job.attempt, job.lease.lapses) == (State.SUCCEEDED, 1, 0)
    assert len(only.transcoder.started) == 1


@in_virtual_time
async def test_a_worker_that_asks_in_vain_gives_the_job_back() -> None:
    """A worker that cannot reach the store for longer than it asks gives up its place, and no lapse counts for it."""
    world = World()
    refused = 0

    async def renewals_fail(name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        nonlocal refused
        if name == "renew" and refused < 1000:
            refused += 1
            raise Unavailable
        return await call()

    world.start("a", seconds=20, jobs=Troubled(world.jobs, renewals_fail))
    await world.submit()
    await world.until(lambda job: job.attempt == 2, within=200)
    job = await world.job()
    assert (job.lease.lapses, job.lease.excused) == (0, 0)


@in_virtual_time
async def test_jobs_that_lapse_together_are_not_taken_for_the_cause() -> None:
    """When a container with two jobs falls silent again and again, neither job counts a lapse."""
    world = World()
    await world.submit()
    await world.submit(job_id="job2", upload_id="upload2")
    for number in range(LeasePolicy().max_lapses + 1):
        doomed = world.start(f"doomed{number}", slots=2, seconds=100)
        for job_id in ("job1", "job2"):
            await world.until(held_by(f"doomed{number}"), job_id=job_id)
        doomed.kill()
    world.start("survivor", slots=2)

    for job_id in ("job1", "job2"):
        await world.until(final, job_id=job_id)
        job = await world.job(job_id)
        assert (job.state, job.lease.lapses, job.lease.excused) == (State.SUCCEEDED, 0, LeasePolicy().max_lapses + 1)


@in_virtual_time
async def test_a_worker_that_had_renewed_late_is_the_cause_of_its_lapse() -> None:
    """A lapse after a late renewal in the same attempt is the worker's: it had too little processor before."""
    world = World()
    first = world.start("a", seconds=100)
    await world.submit()
    await world.until(running)
    world.start("b")
    beat = (await world.job()).lease.beat
    await world.until(lambda job: job.lease.beat > beat + 1)
    first.freezer.freeze()  # right after a renewal
    await world.clock.sleep(5.4)
    first.freezer.thaw()
    await world.clock.sleep(3)
    assert (await world.job()).attempt == 1
    first.kill()

    await world.until(final)
    job = await world.job()
    assert (job.state, job.attempt, job.lease.lapses, job.lease.excused) == (State.SUCCEEDED, 2, 0, 1)
