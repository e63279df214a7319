from benchmarks.scale.store import ScaleJobs
from service.core.jobs.lease import Holding
from service.core.jobs.queue import QUEUED, RUNNING, all_shards, job_id_for
from service.testing.clock import NOON, SeededIds
from service.testing.factories import a_job, an_output
from service.testing.memory_jobs import MemoryJobs
from service.testing.virtual_time import Dice


async def a_mixed_store(tenants: int, jobs: int) -> ScaleJobs:
    """A store in which some jobs wait, some run and some are over."""
    store, ids, dice = ScaleJobs(lambda: 0.0), SeededIds(), Dice(7)
    for number in range(jobs):
        tenant = f"tenant-{number % tenants}"
        job_id = job_id_for(tenant, ids.new())
        await store.submit(a_job(job_id=job_id, tenant=tenant, due_at=NOON + dice.randint(-50, 10)))
        if dice.random() < 0.4:
            job = await store.claim(job_id, "worker", NOON)
            if dice.random() < 0.5:
                await store.succeed(Holding(job_id, "worker", 1), an_output(job), NOON)
            elif dice.random() < 0.3:
                await store.release(Holding(job_id, "worker", 1), NOON + 3, fault=False)
    return store


async def test_fast_store_chooses_the_same_candidates() -> None:
    """Of one tenant and of many, the sorted shards give the very candidates that the walk through all jobs gives."""
    for tenants in (1, 5):
        store = await a_mixed_store(tenants, 300)
        queued, running = store.looks(QUEUED, enough=1000, due_by=NOON), store.looks(RUNNING)

        chosen = store.chosen(queued, running, NOON, 40)

        assert list(chosen) == list(await MemoryJobs.claimable(store, NOON, 40))
        assert len(chosen) == 40


async def test_index_shows_a_change_when_its_lag_is_over() -> None:
    """A look sees the entries of a while ago, and later what has changed meanwhile."""
    now = [0.0]
    store = ScaleJobs(lambda: now[0])
    store.lag = 2.0
    await store.submit(a_job())

    early = sum(len(it.entries) for it in store.looks(QUEUED).values())
    now[0] = 2.0
    late = sum(len(it.entries) for it in store.looks(QUEUED).values())

    assert (early, late) == (0, 1)


async def test_look_reads_pages_until_it_has_enough() -> None:
    """A shard is read by the thousand: one page where that many are due, all pages where everything counts."""
    store, ids = ScaleJobs(lambda: 0.0), SeededIds()
    for _ in range(6000):
        await store.submit(a_job(job_id=job_id_for("t", ids.new())))
    shard = all_shards(QUEUED, 4)[0]

    first, everything = store.look(shard, enough=1000, due_by=NOON), store.look(shard)

    assert (first.pages, len(first.entries)) == (1, 1000)
    assert (everything.pages, len(everything.entries) > 1000) == (2, True)
    assert first.reads == 7.5  # 60 KB, half a unit for four of them
