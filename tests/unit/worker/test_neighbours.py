"""Many workers: each running job is watched by a few of them, whatever becomes of whom."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NoReturn

import pytest

from service.core.errors import Indefinite, Throttled
from service.core.jobs.job import Job
from service.core.jobs.lease import State
from service.core.jobs.ring import Entry, position_of
from service.testing.factories import a_job, a_running_job
from service.testing.memory_jobs import MemoryJobs
from service.testing.memory_presence import MemoryConnections
from service.testing.memory_workers import MemoryWorkers
from tests.unit.worker.world import Instance, Troubled, World, in_virtual_time

LEASE = 6.0
LONG = 1000.0  # seconds of a conversion


async def a_fleet(
    workers: int, *, jobs: int = 0, seconds: float = LONG, connections: MemoryConnections | None = None
) -> World:
    """So many workers that have settled, and so many of them with a job each."""
    world = World(connections=connections)
    for n in range(workers):
        world.start(f"worker{n}", seconds=seconds)
    await world.clock.sleep(5 * LEASE)  # until each knows that there are many
    for n in range(jobs):
        await world.submit(job_id=f"job{n}")
    for n in range(jobs):
        await world.until(lambda job: job.state is State.RUNNING, job_id=f"job{n}")
    await world.clock.sleep(2 * LEASE)
    return world


def owned(job: Job | None) -> str:
    """Who holds it."""
    assert job is not None
    assert job.owner is not None
    return job.owner


def named(world: World, name: str) -> Instance:
    """The worker of this name."""
    return next(one for one in world.instances if one.task.get_name() == name)


def after(world: World, name: str) -> Sequence[str]:
    """The other workers in the order in which they come after this one on the ring."""
    names = sorted((one.task.get_name() for one in world.instances), key=position_of)
    here = names.index(name)
    return [*names[here + 1 :], *names[:here]]


async def taken_from(world: World, job_id: str, owner: str, *, within: float) -> None:
    """Wait until it is another worker's."""
    await world.until(lambda job: job.owner not in {owner, None}, within=within, job_id=job_id)


async def submit_many(world: World, count: int) -> None:
    """Submit `job0` and so on, all of one upload."""
    stored = await world._upload("upload1")
    for n in range(count):
        job = a_job(job_id=f"job{n}", input_etag=stored.etag, input_size=stored.size, created_at=world.clock.wall())
        await world.jobs.submit(job)


def end(world: World) -> None:
    """Nobody waits for their conversions."""
    for instance in world.instances:
        instance.task.cancel()


@in_virtual_time
async def test_job_of_a_killed_worker_is_taken_over_within_a_lease_among_many() -> None:
    """With twelve workers a job goes on as soon after a kill as with two: a lease, a heartbeat and a look."""
    world = await a_fleet(12, jobs=4)
    owner = owned(await world.job("job2"))

    named(world, owner).kill()

    await taken_from(world, "job2", owner, within=LEASE + 2.5)
    assert {(await world.job(f"job{n}")).attempt for n in (0, 1, 3)} == {1}
    end(world)


@in_virtual_time
async def test_job_is_taken_over_though_all_that_watched_it_died_with_its_worker() -> None:
    """The next workers that live watch in place of the dead ones, within about a lease."""
    world = await a_fleet(16, jobs=1)
    owner = owned(await world.job("job0"))

    for name in (owner, *after(world, owner)[:6]):
        named(world, name).kill()

    await taken_from(world, "job0", owner, within=3 * LEASE)
    end(world)


@pytest.mark.parametrize("new", [1, 2, 8])
def test_jobs_are_taken_over_when_all_workers_die_and_new_ones_come(new: int) -> None:
    """The entries of the dead are still on the ring, and are watched by those that come."""

    @in_virtual_time
    async def scene() -> None:
        world = await a_fleet(8, jobs=3)
        for instance in world.instances:
            instance.kill()
        await world.clock.sleep(20.0)
        for n in range(new):
            world.start(f"new{n}", seconds=1.0)

        for n in range(3):
            await world.until(lambda job: job.final, within=2 * LEASE + 3 * 4 / new, job_id=f"job{n}")
            assert (await world.job(f"job{n}")).attempt == 2
        end(world)

    scene()


@in_virtual_time
async def test_job_of_a_worker_without_an_entry_is_found_in_the_list() -> None:
    """A worker of an older release, or one whose entry was lost, is covered by the list of all running jobs."""
    world = await a_fleet(10)
    stored = await world._upload("upload1")
    world.jobs.jobs["job1"] = a_running_job(owner="older", input_etag=stored.etag, input_size=stored.size)

    await taken_from(world, "job1", "older", within=2 * LEASE + 1)
    end(world)


@pytest.mark.parametrize(("workers", "entries"), [(2, False), (2, True), (12, True)])
def test_job_is_taken_over_while_the_index_is_throttled(
    workers: int, monkeypatch: pytest.MonkeyPatch, *, entries: bool
) -> None:
    """Shards that refuse everything hide the list and the ring; what is known of both is watched all the same."""

    @in_virtual_time
    async def scene() -> None:
        async def refused(*_: object) -> NoReturn:
            raise Throttled("fewer requests, please")

        async def none(*_: object) -> Sequence[Entry]:
            return ()

        if not entries:  # as if all were of an older release: few workers know what runs from the list alone
            monkeypatch.setattr(MemoryWorkers, "entries", none)
        world = await a_fleet(workers, jobs=1)
        owner = owned(await world.job("job0"))
        for asked, name in ((MemoryJobs, "running"), (MemoryWorkers, "running_keys"), (MemoryWorkers, "before")):
            monkeypatch.setattr(asked, name, refused)
        await world.clock.sleep(4 * LEASE)  # each worker has wanted to look at the list of all by now

        named(world, owner).kill()

        await taken_from(world, "job0", owner, within=LEASE + 2.5)
        end(world)

    scene()


@in_virtual_time
async def test_jobs_are_named_before_they_are_claimed_or_taken_over() -> None:
    """At the moment of a claim, and of a takeover, the entry of its worker names the job."""
    world = World()
    seen = []

    class Watching:
        def __getattr__(self, name: str) -> Any:
            method = getattr(world.jobs, name)

            async def call(*args: Any, **kwargs: Any) -> Any:
                if name in {"claim", "take_over"}:
                    key = args[0] if name == "claim" else args[0].key
                    seen.append((name, key in world.workers.ring[args[1]].jobs))
                return await method(*args, **kwargs)

            return call

    first = world.start("a", seconds=5.0, jobs=Watching())
    await world.submit()
    await world.until(lambda job: job.state is State.RUNNING)
    first.kill()
    world.start("b", seconds=5.0, jobs=Watching())
    await world.until(lambda job: job.final)

    assert seen == [("claim", True), ("take_over", True)]
    end(world)


@in_virtual_time
async def test_job_whose_claim_got_no_answer_stays_named() -> None:
    """A claim that has had its effect, and of which its worker knows nothing, is named so that others watch it."""
    world = await a_fleet(5)
    claimed: list[Job] = []

    async def answers_get_lost(name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        result = await call()
        if name == "claim" and not claimed:
            claimed.append(result)
            raise Indefinite("the answer to the claim was lost")
        return result

    for one in world.instances:
        one.task.cancel()
    world.start("a", seconds=5.0, jobs=Troubled(world.jobs, answers_get_lost))
    await world.clock.sleep(0.5)
    await world.submit()
    await world.until(lambda job: job.owner == "a")

    for _ in range(int(2 * LEASE)):
        await world.clock.sleep(1.0)
        if (await world.job()).attempt > 1:
            break
        assert "job1" in world.workers.ring["a"].jobs
    assert claimed
    end(world)


@in_virtual_time
async def test_entry_names_what_its_worker_holds_and_no_more() -> None:
    """When a job has ended, the next entry of its worker does not name it any more."""
    world = await a_fleet(5, jobs=1, seconds=20.0)
    owner = owned(await world.job("job0"))
    assert world.workers.ring[owner].jobs == ("job0",)
    assert not world.workers.ring[owner].idle

    await world.until(lambda job: job.final, job_id="job0")
    await world.clock.sleep(LEASE)

    assert world.workers.ring[owner].jobs == ()
    assert world.workers.ring[owner].idle
    end(world)


@in_virtual_time
async def test_dead_entries_leave_the_ring_and_living_ones_stay() -> None:
    """A worker that died without a job is taken off the ring in the end, and no other is."""
    world = await a_fleet(8, jobs=2)
    assert set(world.workers.ring) == {f"worker{n}" for n in range(8)}
    idle = next(name for name, entry in world.workers.ring.items() if entry.idle)

    named(world, idle).kill()
    await world.clock.sleep(60.0)

    assert set(world.workers.ring) == {f"worker{n}" for n in range(8)} - {idle}
    end(world)


@pytest.mark.parametrize("heard", [False, True])
def test_entry_of_a_worker_that_has_lost_its_job_leaves_the_ring_at_once(*, heard: bool) -> None:
    """A worker counts no longer when its job was taken over, so two workers go on watching each other closely."""

    @in_virtual_time
    async def scene() -> None:
        world = await a_fleet(3, jobs=1, connections=MemoryConnections() if heard else None)
        owner = owned(await world.job("job0"))

        named(world, owner).kill()
        await taken_from(world, "job0", owner, within=1.5 if heard else LEASE + 2.5)
        await world.clock.sleep(2.0)

        assert set(world.workers.ring) == {f"worker{n}" for n in range(3)} - {owner}
        end(world)

    scene()


@in_virtual_time
async def test_worker_that_is_told_to_stop_leaves_the_ring() -> None:
    """It has given its jobs back and counts no longer, so those that stay watch each other as closely as before."""
    world = await a_fleet(3, jobs=1)
    owner = owned(await world.job("job0"))

    await named(world, owner).stop()

    assert set(world.workers.ring) == {f"worker{n}" for n in range(3)} - {owner}
    await taken_from(world, "job0", owner, within=3.0)
    end(world)


def test_worker_that_is_told_to_stop_does_not_wait_for_a_store_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its end is not held up for longer than two seconds by its entry."""

    @in_virtual_time
    async def scene() -> None:
        async def hang(*_: object) -> None:
            await asyncio.Event().wait()

        world = await a_fleet(1)
        monkeypatch.setattr(MemoryWorkers, "remove", hang)
        world.instances[0].worker.stop()

        await asyncio.wait({world.instances[0].task}, timeout=2.5)

        assert world.instances[0].task.done()
        end(world)

    scene()


@in_virtual_time
async def test_entry_of_a_worker_that_stops_in_the_middle_of_a_claim_stays() -> None:
    """A claim without an answer may still have its effect, so the job has to be watched."""
    world = World()
    asked, answered = asyncio.Event(), asyncio.Event()

    class Silent:
        def __getattr__(self, name: str) -> Any:
            return self._claim if name == "claim" else getattr(world.jobs, name)

        async def _claim(self, *_: Any) -> Job:
            asked.set()
            await answered.wait()
            raise Indefinite("no answer")

    stopped = world.start("stopped", jobs=Silent())
    await world.submit()
    await asked.wait()
    stopped.worker.stop()
    await world.clock.sleep(1.0)
    answered.set()
    await stopped.task

    assert [entry.jobs for entry in world.workers.ring.values()] == [("job1",)]


@in_virtual_time
async def test_entry_of_a_worker_that_could_not_give_its_job_back_stays() -> None:
    """Its job has to be watched until another worker has it."""
    world = World()

    class Refusing:
        def __getattr__(self, name: str) -> Any:
            return self._release if name == "release" else getattr(world.jobs, name)

        async def _release(self, *_: Any, **__: Any) -> Job:
            raise Indefinite("no answer")

    stopped = world.start("stopped", jobs=Refusing())
    await world.submit()
    await world.until(lambda job: job.state is State.RUNNING)

    await stopped.stop()

    assert [entry.jobs for entry in world.workers.ring.values()] == [("job1",)]


@in_virtual_time
async def test_entry_of_a_worker_that_has_lost_one_of_its_jobs_stays() -> None:
    """Its other jobs are still to be found, those included that it claimed at the last."""
    world = await a_fleet(3)
    owner = world.instances[0].task.get_name()
    stored = await world._upload("upload1")
    lost, kept = (
        a_running_job(job_id=name, owner=owner, input_etag=stored.etag, input_size=stored.size)
        for name in ("lost", "kept")
    )
    named(world, owner).kill()
    await world.workers.enter(Entry(instance=owner, beat=10**6, jobs=("kept", "lost")))
    world.jobs.jobs["lost"] = lost
    await taken_from(world, "lost", owner, within=LEASE + 2.5)
    world.jobs.jobs["kept"] = kept
    await world.clock.sleep(2.0)

    assert owner in world.workers.ring
    await taken_from(world, "kept", owner, within=LEASE + 2.5)
    end(world)


@in_virtual_time
async def test_worker_that_stood_still_for_a_lease_is_on_the_ring_again_at_once() -> None:
    """It may have lost its entry with its job, and be about to claim another one."""
    world = await a_fleet(3)
    await world.submit(job_id="job0")
    await world.until(lambda job: job.state is State.RUNNING, job_id="job0")
    owner = owned(await world.job("job0"))
    frozen = named(world, owner)
    frozen.freezer.freeze()
    await world.clock.sleep(LEASE + 5)
    assert owner not in world.workers.ring

    frozen.freezer.thaw()
    await world.clock.sleep(2.0)

    assert owner in world.workers.ring
    end(world)


@in_virtual_time
async def test_worker_whose_entry_was_removed_writes_it_again() -> None:
    """A worker that lives is back on the ring soon, also one that is busy."""
    world = await a_fleet(6, jobs=1)
    for entry in list(world.workers.ring.values()):
        await world.workers.remove(entry)
    assert world.workers.ring == {}

    await world.clock.sleep(10 * LEASE)

    assert len(world.workers.ring) == 6
    end(world)


@in_virtual_time
async def test_lapsed_job_goes_back_to_the_queue_when_its_watchers_are_busy() -> None:
    """Where all that watch a job have their hands full, a worker that comes free elsewhere gets it from the queue."""
    world = await a_fleet(6, jobs=6)
    owner = owned(await world.job("job3"))

    named(world, owner).kill()
    await world.until(lambda job: job.state is State.QUEUED, within=LEASE + 5, job_id="job3")
    job = await world.job("job3")
    assert (job.lease.lapses, job.attempt) == (1, 1)
    world.start("fresh")

    await world.until(lambda job: job.owner == "fresh", within=3, job_id="job3")
    end(world)


@in_virtual_time
async def test_job_of_a_worker_that_is_heard_to_die_goes_back_to_the_queue_at_once() -> None:
    """Where Redis shows a death and all that watch its job are busy, the job does not wait for its lease to lapse."""
    world = await a_fleet(6, jobs=6, connections=MemoryConnections())
    owner = owned(await world.job("job3"))

    named(world, owner).kill()

    await world.until(lambda job: job.state is State.QUEUED, within=1.5, job_id="job3")
    end(world)


@in_virtual_time
async def test_few_workers_wait_with_a_lapsed_job_until_one_is_free() -> None:
    """Up to three workers each watch everything, so a job that lapses while all are busy stays with its holder."""
    world = await a_fleet(3, jobs=3)
    owner = owned(await world.job("job1"))

    named(world, owner).kill()
    await world.clock.sleep(3 * LEASE)

    assert (await world.job("job1")).owner == owner
    end(world)


class Counting:
    """Counts what is read of the ring and of running jobs, in units of items."""

    def __init__(self, target: Any) -> None:
        self.target, self.items, self.tried = target, Counter[str](), Counter[str]()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.target, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            self.tried[name] += 1
            result = await method(*args, **kwargs)
            self.items[name] += len(result) if name in {"entries", "glance", "running", "running_keys"} else 1
            return result

        return call


def reads_of(workers: int) -> float:
    """Items that each of so many busy workers reads and writes in a second, besides its heartbeat."""
    rate = 0.0

    @in_virtual_time
    async def scene() -> None:
        nonlocal rate
        world = await a_fleet(workers, jobs=workers)
        counting = Counting(world.jobs), Counting(world.workers)
        for instance in world.instances:
            ports = instance.worker._ports
            object.__setattr__(ports, "leases", counting[0])
            object.__setattr__(ports, "workers", counting[1])
        await world.clock.sleep(100.0)
        items = counting[0].items + counting[1].items
        rate = (sum(items.values()) - items["renew"] - items["running_keys"]) / workers / 100
        end(world)

    scene()
    return rate


def test_watching_costs_each_of_many_workers_the_same() -> None:
    """Of forty busy workers each reads no more than of ten: about four items a second."""
    ten, forty = reads_of(10), reads_of(40)

    assert ten < 4, ten
    assert forty < 4, forty


@in_virtual_time
async def test_entry_of_another_worker_is_known_as_written() -> None:
    """An entry has the place that follows from its worker's name."""
    world = await a_fleet(1)

    assert world.workers.ring["worker0"] == Entry(
        instance="worker0", beat=world.workers.beats["worker0"], jobs=(), idle=True
    )
    assert world.workers.places == [(position_of("worker0"), "worker0")]
    end(world)


@in_virtual_time
async def test_number_of_workers_stays_known_to_all() -> None:
    """Each of a dozen workers knows how many there are, however long they have stood side by side."""
    world = await a_fleet(12)
    await world.clock.sleep(20 * LEASE)

    assert {instance.worker._neighbours.workers for instance in world.instances} == {12}
    end(world)


@in_virtual_time
async def test_of_many_sleepers_a_few_wake_for_a_job() -> None:
    """Where all of forty workers sleep, one new job is looked for by a few of them, and begun at once."""
    world = await a_fleet(40)
    counting = Counting(world.jobs)
    for instance in world.instances:
        object.__setattr__(instance.worker._ports, "leases", counting)
    awake = [instance.worker._neighbours.wakes("job1") for instance in world.instances]

    await world.submit()
    await world.until(lambda job: job.state is State.RUNNING, within=0.3)

    assert 1 <= sum(awake) <= 15
    end(world)


@in_virtual_time
async def test_job_that_the_index_shows_too_late_is_not_claimed_in_vain() -> None:
    """Of many workers that see a claimed job in the queue still, none tries to claim it, or names it."""
    world = await a_fleet(12, jobs=1)
    owner = owned(await world.job("job0"))
    beats = dict(world.workers.beats)

    class Stale(Counting):
        async def claimable(self, *_: object) -> Sequence[str]:
            return ["job0"]

    stale = Stale(world.jobs)
    for instance in world.instances:
        object.__setattr__(instance.worker._ports, "leases", stale)
    await world.clock.sleep(LEASE)

    assert stale.tried["claim"] == 0
    assert owned(await world.job("job0")) == owner
    assert all(world.workers.beats[name] <= beat + 2 for name, beat in beats.items())
    end(world)


@in_virtual_time
async def test_many_workers_come_one_by_one_to_a_long_queue() -> None:
    """Of workers that find more jobs than they are, after there were none, all begin soon, and few are refused."""
    world = World()
    await submit_many(world, 200)
    counting = Counting(world.jobs)
    for n in range(40):
        world.start(f"worker{n}", seconds=LONG, jobs=counting)

    await world.clock.sleep(6.0)

    assert sum(job.state is State.RUNNING for job in world.jobs.jobs.values()) == 40
    assert counting.tried["claim"] <= 42
    end(world)


@in_virtual_time
async def test_two_workers_that_come_together_take_different_jobs() -> None:
    """Of two workers at the same ten jobs, the one that is refused goes on behind those that the other is taking."""
    world = World()
    await submit_many(world, 10)
    counting = Counting(world.jobs)
    for n in range(2):
        world.start(f"worker{n}", seconds=LONG, slots=5, jobs=counting)

    await world.clock.sleep(2.0)

    assert Counter(owned(job) for job in world.jobs.jobs.values()) == {"worker0": 5, "worker1": 5}
    assert counting.tried["claim"] <= 12
    end(world)
