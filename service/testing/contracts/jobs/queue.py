"""What `ports.leases.Leases` promises to workers that look for work: which jobs are offered, and in which order."""

from service.core.backoff import JOB_FAULT
from service.core.jobs.lease import Holding
from service.core.jobs.queue import NOTHING_SERVED, Spread, job_id_for, tag_of_tenant
from service.core.limits.shares import NO_LIMITS, RunningLimits
from service.testing.clock import NOON
from service.testing.contracts.jobs.store import Jobs
from service.testing.factories import A_DAY, a_job, an_output


class QueueContract:
    """Needs the fixture ``jobs``: an empty store."""

    async def test_due_jobs_come_oldest_first(self, jobs: Jobs) -> None:
        """Claimable jobs are ordered by when they became due, across all shards."""
        for n in (3, 1, 5, 0, 4, 2):
            await jobs.submit(a_job(job_id=f"job{n}", due_at=NOON - 10 + n))

        assert [f"job{n}" for n in range(6)] == list(await jobs.claimable(NOON, 100))

    async def test_limit_keeps_the_oldest(self, jobs: Jobs) -> None:
        """With a limit it is the oldest that are returned; a limit of nought returns nothing."""
        for n in range(12):
            await jobs.submit(a_job(job_id=f"job{n:02}", due_at=NOON - n))

        assert list(await jobs.claimable(NOON, 3)) == ["job11", "job10", "job09"]
        assert not await jobs.claimable(NOON, 0)

    async def test_job_is_claimable_from_its_due_time_on(self, jobs: Jobs) -> None:
        """A job that was put off does not show before its time, and shows at it."""
        await jobs.submit(a_job(due_at=NOON + 5))

        assert not await jobs.claimable(NOON + 4.999, 10)
        assert list(await jobs.claimable(NOON + 5, 10)) == ["job1"]

    async def test_due_time_of_a_wrong_clock_is_not_waited_for(self, jobs: Jobs) -> None:
        """A due time further ahead than any delay counts as due; one that a real delay can give is waited for."""
        await jobs.submit(a_job(job_id="year", due_at=NOON + 365 * A_DAY))
        await jobs.submit(a_job(job_id="minute", due_at=NOON + JOB_FAULT.cap))

        assert list(await jobs.claimable(NOON, 10)) == ["year"]

    async def test_only_queued_jobs_are_claimable(self, jobs: Jobs) -> None:
        """Claimed, finished and cancelled jobs are out of the queue; a released one is back."""
        for name in ("queued", "running", "succeeded", "cancelled", "released"):
            await jobs.submit(a_job(job_id=name))
        for name in ("running", "succeeded", "released"):
            await jobs.claim(name, "worker1", NOON)
        await jobs.succeed(Holding("succeeded", "worker1", 1), an_output(), NOON)
        await jobs.cancel("cancelled", NOON)
        await jobs.release(Holding("released", "worker1", 1), NOON, fault=False)

        assert {"queued", "released"} == set(await jobs.claimable(NOON, 10))

    async def test_claims_go_round_the_tenants(self, jobs: Jobs) -> None:
        """A tenant with nothing running comes before the rest of one that has, however long that has waited."""
        old = [job_id_for("tenant1", f"job{n}") for n in range(6)]
        new = [job_id_for("tenant2", f"job{n}") for n in range(2)]
        for n, job_id in enumerate([*old, *new]):
            await jobs.submit(a_job(job_id=job_id, due_at=NOON - 100 + n))
        assert list(await jobs.claimable(NOON, 4)) == [old[0], new[0], old[1], new[1]]

        await jobs.claim(old[0], "worker1", NOON)
        await jobs.claim(old[1], "worker1", NOON)

        assert list(await jobs.claimable(NOON, 4)) == [*new, old[2], old[3]]

    async def test_no_more_jobs_of_a_tenant_run_than_may(self, jobs: Jobs) -> None:
        """What would exceed the limit of a tenant's running jobs is not offered, and that of others is."""
        first, second, other = job_id_for("a", "first"), job_id_for("a", "second"), job_id_for("b", "other")
        for n, job_id in enumerate((first, second, other)):
            await jobs.submit(a_job(job_id=job_id, due_at=NOON - 9 + n))
        limits = RunningLimits(by_tag={tag_of_tenant("a"): 1})

        assert list(await jobs.claimable(NOON, 9, limits)) == [first, other]
        await jobs.claim(first, "worker1", NOON)
        assert list(await jobs.claimable(NOON, 9, limits)) == [other]
        assert list(await jobs.claimable(NOON, 9)) == [other, second]
        assert list(await jobs.claimable(NOON, 9, RunningLimits(default=1))) == [other]

    async def test_queued_jobs_are_counted_by_tenant(self, jobs: Jobs) -> None:
        """Each tenant's queued jobs are counted by themselves; a running one is not queued."""
        ids = [job_id_for(tenant, f"job{n}") for n, tenant in enumerate(("a", "a", "a", "b"))]
        for job_id in ids:
            await jobs.submit(a_job(job_id=job_id))
        await jobs.claim(ids[0], "worker1", NOON)

        assert dict(await jobs.queued_by_tenant(10)) == {tag_of_tenant("a"): 2, tag_of_tenant("b"): 1}

    async def test_running_lists_exactly_the_running_jobs(self, jobs: Jobs) -> None:
        """All running jobs are listed, whole and as they are now; no others are."""
        for n in range(8):
            await jobs.submit(a_job(job_id=f"job{n}"))
        held = [await jobs.claim(f"job{n}", "worker1", NOON) for n in range(6)]
        held[0] = await jobs.renew(held[0].holding, 12.5, "streaming")
        await jobs.succeed(held[5].holding, an_output(held[5]), NOON)
        await jobs.release(held[4].holding, NOON, fault=False)

        assert held[:4] == list(await jobs.running())

    async def test_spread_mixes_the_first_candidates(self, jobs: Jobs) -> None:
        """Each worker begins elsewhere among the first candidates; all of them are there, and the rest in order."""
        for n in range(8):
            await jobs.submit(a_job(job_id=f"job{n}", due_at=NOON - 8 + n / 10))
        ids = [f"job{n}" for n in range(8)]

        looks = [
            list(await jobs.claimable(NOON, 8, NO_LIMITS, NOTHING_SERVED, Spread(f"worker{n}", 6))) for n in range(9)
        ]

        assert all(sorted(look[:6]) == ids[:6] and look[6:] == ids[6:] for look in looks)
        assert len({look[0] for look in looks}) > 2

    async def test_empty_store_has_nothing_to_do(self, jobs: Jobs) -> None:
        """Nothing submitted, nothing claimable, nothing running."""
        assert not await jobs.claimable(NOON, 10)
        assert not await jobs.running()
