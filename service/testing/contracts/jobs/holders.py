"""What `ports.leases.Leases` promises to the holder of a lease, and the fence that keeps all others out."""

import asyncio

import pytest

from service.core.errors import Fenced
from service.testing.clock import NOON
from service.testing.contracts.jobs.store import ENDINGS, HOLDERS_WRITES, Jobs, a_held_job
from service.testing.factories import a_failure, a_running_job, an_output, changed


class HoldersContract:
    """Needs the fixture ``jobs``: an empty store."""

    # ── holding ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_renewal_carries_progress(self, jobs: Jobs) -> None:
        """A heartbeat raises the beat, keeps percentage and path, and leaves the rest alone."""
        held = await a_held_job(jobs)

        renewed = await jobs.renew(held.holding, 12.3, "streaming")

        assert held.renewed(12.3, "streaming") == renewed
        assert (renewed.lease.beat, renewed.percent, renewed.path) == (held.lease.beat + 1, 12.3, "streaming")
        assert renewed == await jobs.get("job1")

    @pytest.mark.requirement("2.5")
    async def test_durable_percentage_never_falls(self, jobs: Jobs) -> None:
        """A lower percentage, of a new attempt or of a late renewal, leaves the mark; the beat rises all the same."""
        held = await jobs.renew((await a_held_job(jobs)).holding, 40.0, "streaming")
        taken = await jobs.take_over(held.lease, "worker2")

        behind = await jobs.renew(taken.holding, 3.0, "local")
        equal = await jobs.renew(taken.holding, 40.0, None)
        ahead = await jobs.renew(taken.holding, 40.1, None)

        assert [behind.percent, equal.percent, ahead.percent] == [40.0, 40.0, 40.1]
        assert [behind.lease.beat, equal.lease.beat, ahead.lease.beat] == [1, 2, 3]
        assert [behind.path, equal.path, ahead.path] == ["local"] * 3
        assert ahead == await jobs.get("job1")

    async def test_simultaneous_renewals_keep_the_highest(self, jobs: Jobs) -> None:
        """Renewals that arrive in any order leave the highest percentage and count every beat."""
        held = await a_held_job(jobs)

        await asyncio.gather(*(jobs.renew(held.holding, float(n), None) for n in (3, 9, 1, 7, 5)))

        there = await jobs.get("job1")
        assert there is not None
        assert (there.percent, there.lease.beat) == (9.0, held.lease.beat + 5)

    @pytest.mark.parametrize("fault", [False, True])
    async def test_released_job_is_queued_again(self, jobs: Jobs, *, fault: bool) -> None:
        """A release gives the job back with its progress, due when it was said; only a fault is counted."""
        held = await jobs.renew((await a_held_job(jobs)).holding, 40.0, "streaming")

        queued = await jobs.release(held.holding, NOON + 2.5, fault=fault)

        assert held.released(NOON + 2.5, fault=fault) == queued
        assert queued == await jobs.get("job1")
        assert list(await jobs.claimable(NOON + 2.5, 10)) == ["job1"]

    async def test_success_names_the_output(self, jobs: Jobs) -> None:
        """A job that succeeded has its output, stands at 100, and is in no queue any more."""
        held = await a_held_job(jobs)

        ended = await jobs.succeed(held.holding, an_output(held), NOON + 9)

        assert held.succeeded(an_output(held), NOON + 9) == ended
        assert ended == await jobs.get("job1")
        assert not await jobs.running()

    async def test_success_may_be_repeated(self, jobs: Jobs) -> None:
        """Recording the very same output again returns the job as it is, with its first time."""
        held = await a_held_job(jobs)
        ended = await jobs.succeed(held.holding, an_output(held), NOON)

        assert ended == await jobs.succeed(held.holding, an_output(held), NOON + 99)

    async def test_success_is_recorded_once(self, jobs: Jobs) -> None:
        """Another output for a job that has one is refused, and the first stays."""
        held = await a_held_job(jobs)
        ended = await jobs.succeed(held.holding, an_output(held), NOON)

        with pytest.raises(Fenced):
            await jobs.succeed(held.holding, an_output(held, size=1), NOON)
        assert ended == await jobs.get("job1")

    async def test_failure_says_why(self, jobs: Jobs) -> None:
        """A failed job keeps code, detail and diagnostics, and is in no queue any more."""
        held = await a_held_job(jobs)

        ended = await jobs.fail(held.holding, a_failure(), NOON + 9)

        assert held.failed(a_failure(), NOON + 9) == ended
        assert ended == await jobs.get("job1")
        assert not await jobs.running()

    async def test_failure_carries_the_path(self, jobs: Jobs) -> None:
        """A failure that comes before the first heartbeat tells the path; one that knows none leaves what is there."""
        held = await a_held_job(jobs)
        other = await a_held_job(jobs, job_id="job2")
        await jobs.renew(other.holding, 1.0, "local")

        assert (await jobs.fail(held.holding, a_failure(), NOON, "streaming")).path == "streaming"
        assert (await jobs.fail(other.holding, a_failure(), NOON)).path == "local"

    async def test_stopped_job_is_cancelled(self, jobs: Jobs) -> None:
        """A holder that stopped because it was asked to leaves a cancelled job."""
        held = await a_held_job(jobs)
        asked = await jobs.cancel("job1", NOON)

        ended = await jobs.stop(held.holding, NOON + 9)

        assert asked.stopped(NOON + 9) == ended
        assert ended == await jobs.get("job1")
        assert not await jobs.running()

    # ── the fence ────────────────────────────────────────────────────────────────────────────────────────────────

    @pytest.mark.requirement("6.7")
    @pytest.mark.parametrize("write", list(HOLDERS_WRITES))
    async def test_replaced_holder_is_refused(self, jobs: Jobs, write: str) -> None:
        """A worker that was frozen and replaced is refused on every write, and changes nothing."""
        zombie = await a_held_job(jobs)
        taken = await jobs.take_over(zombie.lease, "worker2")

        with pytest.raises(Fenced):
            await HOLDERS_WRITES[write](jobs, zombie)
        assert taken == await jobs.get("job1")

    @pytest.mark.parametrize("write", list(HOLDERS_WRITES))
    async def test_old_attempt_of_the_same_owner_is_refused(self, jobs: Jobs, write: str) -> None:
        """The name of the owner is not enough: an attempt that it held before is refused like a stranger's."""
        zombie = await a_held_job(jobs)
        taken = await jobs.take_over(zombie.lease, "worker1")

        with pytest.raises(Fenced):
            await HOLDERS_WRITES[write](jobs, zombie)
        assert taken == await jobs.get("job1")

    @pytest.mark.parametrize("write", list(HOLDERS_WRITES))
    async def test_stranger_is_refused(self, jobs: Jobs, write: str) -> None:
        """The number of the attempt is not enough: a worker that never held the job is refused."""
        held = await a_held_job(jobs)

        with pytest.raises(Fenced):
            await HOLDERS_WRITES[write](jobs, changed(held, owner="worker2"))
        assert held == await jobs.get("job1")

    @pytest.mark.parametrize("ending", [*ENDINGS, "release"])
    @pytest.mark.parametrize("write", list(HOLDERS_WRITES))
    async def test_nothing_is_written_after_the_end(self, jobs: Jobs, ending: str, write: str) -> None:
        """Once a job ended or was given back, its former holder can write nothing that would change it."""
        held = await a_held_job(jobs)
        await HOLDERS_WRITES[ending](jobs, held)
        there = await jobs.get("job1")

        try:
            await HOLDERS_WRITES[write](jobs, held)
        except Fenced:
            pass
        else:
            assert (write, ending) == ("succeed", "succeed"), "only success may be repeated"
        assert there == await jobs.get("job1")

    @pytest.mark.parametrize("write", list(HOLDERS_WRITES))
    async def test_holder_of_a_deleted_job_is_refused(self, jobs: Jobs, write: str) -> None:
        """Writes to a job that is gone are refused, and bring nothing back."""
        with pytest.raises(Fenced):
            await HOLDERS_WRITES[write](jobs, a_running_job(job_id="gone"))
        assert await jobs.get("gone") is None

    @pytest.mark.requirement("6.7")
    async def test_zombie_cannot_end_what_another_finished(self, jobs: Jobs) -> None:
        """Frozen, replaced, thawed after the other one finished: the output that is served is the other's."""
        zombie = await a_held_job(jobs)
        taken = await jobs.take_over(zombie.lease, "worker2")
        ended = await jobs.succeed(taken.holding, an_output(taken), NOON)

        with pytest.raises(Fenced):
            await jobs.succeed(zombie.holding, an_output(zombie), NOON)
        assert ended == await jobs.get("job1")

    async def test_one_of_two_holders_ends_the_job(self, jobs: Jobs) -> None:
        """When a zombie and its successor write at once, the successor wins whatever the order."""
        zombie = await a_held_job(jobs)
        taken = await jobs.take_over(zombie.lease, "worker2")

        answers = await asyncio.gather(
            *(jobs.succeed(held.holding, an_output(held), NOON) for held in (zombie, taken) * 3),
            return_exceptions=True,
        )

        there = await jobs.get("job1")
        assert there is not None
        assert there.output == an_output(taken)
        assert [isinstance(answer, Fenced) for answer in answers] == [True, False] * 3
