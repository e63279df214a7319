"""Deaths that are heard: what a worker makes of Redis' word that another one is gone, and of its mistakes."""

import pytest
from structlog.testing import capture_logs

from service.core.jobs.job import Job
from service.core.jobs.lease import State
from service.core.jobs.ring import Entry
from service.core.jobs.trust import LeasePolicy
from service.testing.factories import a_failure, a_job, changed
from service.testing.memory_presence import MemoryConnections
from tests.unit.worker.world import Instance, World, in_virtual_time

pytestmark = pytest.mark.requirement("1.6", "6.7")

LEASE = LeasePolicy().duration
AT_ONCE = 0.75  # seconds: two looks that are a grace apart, and the poll of the test
SEEN = 2.0  # seconds after which every watcher has seen what there is


def a_world() -> tuple[World, MemoryConnections]:
    """A world with a Redis that shows which workers are connected."""
    connections = MemoryConnections()
    return World(connections=connections), connections


async def a_held_job(world: World, owner: str = "a", job_id: str = "job1") -> Job:
    """A job that a worker holds of which there is nothing but the connection."""
    await world.submit(job_id=job_id, upload_id=f"upload-{job_id}")
    assert world.connections is not None
    world.connections.connect(owner)
    return await world.jobs.claim(job_id, owner, world.clock.wall())


def final(job: Job) -> bool:
    """Whether it has ended."""
    return job.final


def running(job: Job) -> bool:
    """Whether it is in the middle."""
    return job.state is State.RUNNING and job.percent > 0


async def taken_after(world: World, *, job_id: str = "job1") -> float:
    """Seconds until the next attempt of a job has begun."""
    began, before = world.clock.monotonic(), await world.job(job_id)
    await world.until(lambda job: job.attempt > before.attempt, job_id=job_id)
    return world.clock.monotonic() - began


@pytest.mark.parametrize("at", [0.3, 2.0, 4.0, 7.0])
@in_virtual_time
async def test_killed_worker_is_replaced_within_a_second(at: float) -> None:
    """A worker that is killed is replaced at once, not after a lease, and the lapse counts."""
    world, _ = a_world()
    victim = world.start("a")
    await world.submit()
    await world.until(running)
    world.start("b")
    await world.clock.sleep(1.0 + at)

    with capture_logs() as logs:
        victim.kill()
        assert await taken_after(world) < AT_ONCE

    job = await world.job()
    assert (job.owner, job.lease.lapses, job.lease.excused) == ("b", 1, 0)
    assert [log["cause"] for log in logs if log["event"] == "job.taken_over"] == ["gone"]
    await world.until(final)
    await world.settle()


@in_virtual_time
async def test_job_that_was_claimed_a_moment_before_the_death_is_found() -> None:
    """A worker that has nothing for a while is still looked at: it may die right after its next claim."""
    world, connections = a_world()
    held = await a_held_job(world)
    world.start("b")
    await world.clock.sleep(SEEN)
    await world.jobs.fail(held.holding, a_failure(), world.clock.wall())
    await world.clock.sleep(2 * SEEN + 0.3)
    await a_held_job(world, job_id="job2")
    await world.clock.sleep(0.2)

    connections.cut("a")

    assert await taken_after(world, job_id="job2") < AT_ONCE
    await world.settle()


@in_virtual_time
async def test_worker_that_dies_right_after_its_first_claim_is_replaced_at_once() -> None:
    """Workers know each other before any of them has a job, so that the first one is watched from its claim on."""
    world, _ = a_world()
    for name in ("a", "b"):
        world.start(name)
    await world.clock.sleep(3 * LEASE)
    await world.submit()
    await world.until(running)
    job = await world.job()
    victim = next(one for one in world.instances if one.task.get_name() == job.owner)

    victim.kill()

    assert await taken_after(world) < AT_ONCE + 0.5
    await world.until(final)
    await world.settle()


@in_virtual_time
async def test_last_claim_of_a_worker_among_many_is_found() -> None:
    """Of many workers a few watch one another, and read what it named at the last when they hear that it has died."""
    world, _ = a_world()
    for n in range(10):
        world.start(f"worker{n}", seconds=1000, slots=3)
    await world.clock.sleep(5 * LEASE)  # until each knows that there are many
    await world.submit()
    await world.until(running)
    await world.clock.sleep(2 * LEASE + 3)  # in the middle between two regular looks at its entry
    owner = (await world.job()).owner
    assert owner is not None
    entry = world.workers.ring[owner]
    await world.workers.enter(Entry(instance=owner, beat=entry.beat + 1, jobs=(*entry.jobs, "job2")))
    await world.jobs.submit(a_job(job_id="job2", created_at=world.clock.wall()))
    await world.jobs.claim("job2", owner, world.clock.wall())

    next(one for one in world.instances if one.task.get_name() == owner).kill()

    assert await taken_after(world, job_id="job2") < AT_ONCE
    assert (await world.job()).attempt == 2
    for instance in world.instances:
        instance.task.cancel()


@in_virtual_time
async def test_frozen_worker_has_its_lease() -> None:
    """A worker that is frozen keeps its connection: it is replaced when its lease has lapsed, and not before."""
    world, _ = a_world()
    victim = world.start("a")
    await world.submit()
    await world.until(running)
    world.start("b")
    await world.clock.sleep(SEEN)

    victim.freezer.freeze()

    assert LEASE - 2.5 < await taken_after(world) < LEASE + 2
    await world.settle()


@in_virtual_time
async def test_worker_that_is_back_within_the_grace_keeps_its_job() -> None:
    """A connection that is cut and made again within the grace costs nothing, however often."""
    world, connections = a_world()
    world.start("a")
    await world.submit()
    await world.until(running)
    world.start("b")
    await world.clock.sleep(SEEN)

    for _ in range(5):
        connections.cut("a")
        await world.clock.sleep(0.3)
        connections.connect("a")
        await world.clock.sleep(0.5)

    await world.until(final)
    assert (await world.job()).attempt == 1
    await world.settle()


@in_virtual_time
async def test_mistaken_takeover_is_counted_and_excused() -> None:
    """A worker that lives and could not say so loses its job once; it counts that, and it is no lapse of the job."""
    world, connections = a_world()
    world.start("a", seconds=20)
    await world.submit()
    await world.until(running)
    world.start("b", seconds=20)
    await world.clock.sleep(SEEN)

    with capture_logs() as logs:
        world.workers.beats["a"] = 1_000_000  # what it writes from now on arrives too late
        connections.cut("a")
        await taken_after(world)
        await world.until(lambda job: job.lease.excused > 0)
        await world.submit(job_id="job2", upload_id="upload2")  # for the one that has nothing to do now
        await world.until(final, job_id="job2")
        await world.until(final)

    job = await world.job()
    assert (job.attempt, job.lease.lapses, job.lease.excused, job.lease.alive) == (2, 0, 1, 1)
    assert (await world.job("job2")).attempt == 1
    assert [log["event"] for log in logs].count("job.taken_from_living") == 1
    await world.settle()


@in_virtual_time
async def test_worker_that_lives_without_redis_keeps_all_its_jobs() -> None:
    """A worker whose connection stays away says so in its entry, and the watchers leave its jobs to their leases."""
    world, connections = a_world()
    await a_busy_worker(world)
    for name in ("b", "c"):
        world.start(name, seconds=60, slots=2)
    await world.clock.sleep(SEEN)

    with capture_logs() as logs:
        connections.cut("a")
        await world.clock.sleep(2 * LEASE)

    assert [(await world.job(f"job{n}")).attempt for n in range(3)] == [1, 1, 1]
    assert "worker.apart" in [log["event"] for log in logs]
    connections.connect("a")
    for n in range(3):
        await world.until(final, job_id=f"job{n}")
        assert (await world.job(f"job{n}")).attempt == 1
    await world.settle()


@pytest.mark.parametrize(("back", "at_once"), [(False, False), (True, True)], ids=["apart", "back"])
@in_virtual_time
async def test_death_of_a_worker_that_was_apart_is_heard_after_it_was_back(*, back: bool, at_once: bool) -> None:
    """While a worker is apart from Redis its lease decides; once it is connected again its death is heard at once."""
    world, connections = a_world()
    victim = await a_busy_worker(world)
    world.start("b", seconds=60, slots=3)
    await world.clock.sleep(SEEN)
    connections.cut("a")
    await world.clock.sleep(2.0)
    if back:
        connections.connect("a")
        await world.clock.sleep(1.0)

    victim.kill()

    assert (await taken_after(world, job_id="job0") < AT_ONCE) is at_once
    for n in range(3):
        await world.until(lambda job: job.attempt == 2, job_id=f"job{n}")
    await world.settle()


async def a_busy_worker(world: World) -> Instance:
    """A worker with three jobs, that takes long for them."""
    worker = world.start("a", seconds=60, slots=3)
    for n in range(3):
        await world.submit(job_id=f"job{n}", upload_id=f"upload{n}")
        await world.until(running, job_id=f"job{n}")
    return worker


@pytest.mark.parametrize("how", ["restart", "cut", "away"])
@in_virtual_time
async def test_when_all_connections_break_no_job_is_taken(how: str) -> None:
    """Redis restarts, is away, or closes everything: the workers come back in whatever order, and keep their jobs."""
    world, connections = a_world()
    names = ["a", "b", "c", "d"]
    for name in names:
        world.start(name, seconds=20, slots=2)
    for n in range(6):
        await world.submit(job_id=f"job{n}", upload_id=f"upload{n}")
        await world.until(running, job_id=f"job{n}")
    await world.clock.sleep(SEEN)

    connections.away = how == "away"
    connections.run += how == "restart"
    connections.cut(*names)
    if how == "away":
        await world.clock.sleep(1)
    connections.away = False
    for name in names[1:]:
        connections.connect(name)
    await world.clock.sleep(2)  # the last one takes its time
    connections.connect(names[0])

    for n in range(6):
        await world.until(final, job_id=f"job{n}")
        assert (await world.job(f"job{n}")).attempt == 1
    await world.settle()


@in_virtual_time
async def test_death_ends_no_job() -> None:
    """A job that has lapsed too often is not ended for a hint: that takes the silence of a whole lease."""
    world, connections = a_world()
    held = await a_held_job(world)
    world.jobs.jobs["job1"] = changed(held, lapses=LeasePolicy().max_lapses - 1)
    world.start("b")
    await world.clock.sleep(SEEN)

    connections.cut("a")
    await world.clock.sleep(LEASE - SEEN - 0.5)
    assert (await world.job()).state is State.RUNNING

    await world.until(final, within=3)
    assert (await world.job()).state is State.FAILED
    await world.settle()


@in_virtual_time
async def test_hint_that_was_wrong_about_a_job_too_often_is_not_believed() -> None:
    """Redis may flap: a job that was taken over needlessly three times is left to its lease."""
    world, connections = a_world()
    held = await a_held_job(world)
    world.jobs.jobs["job1"] = changed(held, mistaken=LeasePolicy().max_mistaken)
    world.start("b")
    await world.clock.sleep(SEEN)

    connections.cut("a")

    assert await taken_after(world) > LEASE - SEEN - 0.5
    await world.settle()


@in_virtual_time
async def test_hint_is_believed_of_a_job_that_lapsed_often_without_a_mistake() -> None:
    """However often a job's workers really died, the next death is heard at once."""
    world, connections = a_world()
    held = await a_held_job(world)
    world.jobs.jobs["job1"] = changed(held, excused=LeasePolicy().max_mistaken + 1)
    world.start("b")
    await world.clock.sleep(SEEN)

    connections.cut("a")

    assert await taken_after(world) < AT_ONCE
    await world.settle()


@in_virtual_time
async def test_jobs_of_a_worker_that_died_with_several_are_excused() -> None:
    """If a worker dies with two jobs, no file is known to be the reason, and neither lapse counts."""
    world, connections = a_world()
    for job_id in ("job1", "job2"):
        await a_held_job(world, job_id=job_id)
    world.start("b", slots=2)
    await world.clock.sleep(SEEN)

    connections.cut("a")

    assert await taken_after(world) < AT_ONCE
    for job_id in ("job1", "job2"):
        await world.until(lambda job: job.attempt == 2, job_id=job_id)
        job = await world.job(job_id)
        assert (job.lease.lapses, job.lease.excused) == (0, 1)
    await world.settle()


@in_virtual_time
async def test_job_of_the_dead_waits_for_a_free_slot() -> None:
    """Where there is no free slot at the death, the job is taken when there is one, still before its lease is over."""
    world, connections = a_world()
    await a_held_job(world)
    world.start("b", seconds=SEEN + 1.5)
    await world.submit(job_id="job2", upload_id="upload2")
    await world.until(running, job_id="job2")
    await world.clock.sleep(SEEN - 1)

    connections.cut("a")
    took = await taken_after(world)

    assert (await world.job("job2")).final
    assert took < LEASE - SEEN
    await world.settle()


@in_virtual_time
async def test_renewal_shows_that_the_worker_lives() -> None:
    """A job whose holder renews after it seemed to be gone is not taken over later, when a slot becomes free."""
    world, connections = a_world()
    held = await a_held_job(world)
    world.start("b", seconds=3)
    await world.submit(job_id="job2", upload_id="upload2")
    await world.until(running, job_id="job2")
    await world.clock.sleep(1)

    connections.cut("a")
    for _ in range(6):
        await world.clock.sleep(0.7)
        assert (await world.job()).attempt == 1
        await world.jobs.renew(held.holding, 10.0, None)

    assert (await world.job("job2")).final
    await world.settle()
