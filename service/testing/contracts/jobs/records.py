"""What `ports.jobs.JobRecords` promises, but for idempotency keys."""

import asyncio
from dataclasses import replace

import pytest

from service.core.errors import IllegalTransition, NotFound, Refused
from service.core.jobs.job import Job
from service.core.jobs.lease import State
from service.core.media.inputs import Source
from service.core.media.options import Options, Target
from service.testing.clock import NOON
from service.testing.contracts.jobs.store import ENDINGS, Jobs, a_held_job
from service.testing.factories import A_DAY, a_failure, a_job, an_output


class JobRecordsContract:
    """Needs the fixture ``jobs``: an empty store."""

    # ── accepting ────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_submitted_job_reads_back(self, jobs: Jobs) -> None:
        """A job reads back with every field as it was submitted."""
        job = a_job(
            filename='ärger "1".mp3',
            source=Source(
                container="m4a",
                demuxer="mov",
                content_type="audio/mp4",
                needs_seeking=True,
                reason="index at the end",
                declared_seconds=61.0234375,
            ),
            target=Target(format="mp3", options=Options(bitrate_kbps=192, start_seconds=0.1, keep_tags=False)),
            created_at=NOON + 0.125,
            expires_at=NOON + A_DAY,
        )

        assert job == await jobs.submit(job)
        assert job == await jobs.get(job.job_id)

    async def test_unknown_job_reads_as_none(self, jobs: Jobs) -> None:
        """A job that was never submitted is None, not an error."""
        assert await jobs.get("nobody") is None

    async def test_many_jobs_are_read_at_once(self, jobs: Jobs) -> None:
        """More jobs than one request of DynamoDB takes come in one answer as they are now, without those unknown."""
        written = [await jobs.submit(a_job(job_id=f"job{n}")) for n in range(103)]
        claimed = await jobs.claim("job102", "worker1", NOON)

        found = await jobs.get_many([*(job.job_id for job in written), "nobody"])

        assert found == {job.job_id: job for job in [*written[:-1], claimed]}
        assert await jobs.get_many(["nobody"]) == {}

    async def test_queued_jobs_are_counted(self, jobs: Jobs) -> None:
        """The queued ones are counted, due or not, and no others; counting stops at the limit."""
        assert await jobs.queued(10) == 0
        for n in range(6):
            await jobs.submit(a_job(job_id=f"job{n}"))
        await jobs.claim("job0", "worker1", NOON)
        await jobs.cancel("job1", NOON)
        taken = await jobs.claim("job2", "worker1", NOON)
        await jobs.release(taken.holding, NOON + 10, fault=True)

        assert await jobs.queued(10) == 4
        assert await jobs.queued(4) == 4
        assert await jobs.queued(3) == 3
        assert await jobs.queued(0) == 0

    async def test_oldest_due_time_is_that_of_a_queued_job(self, jobs: Jobs) -> None:
        """Of all shards the earliest due time counts, of queued jobs alone, also while it lies ahead; none is None."""
        assert await jobs.oldest_due() is None
        for n in range(12):
            await jobs.submit(a_job(job_id=f"job{n:02}", due_at=NOON + 0.125 - n))
        assert await jobs.oldest_due() == NOON - 10.875

        taken = await jobs.claim("job11", "worker1", NOON)
        assert await jobs.oldest_due() == NOON - 9.875
        for n in range(11):
            await jobs.cancel(f"job{n:02}", NOON)
        assert await jobs.oldest_due() is None
        await jobs.release(taken.holding, NOON + 60, fault=True)
        assert await jobs.oldest_due() == NOON + 60

    async def test_expired_job_is_still_returned(self, jobs: Jobs) -> None:
        """Whether an expired job is shown is not for the store to decide."""
        job = a_job(created_at=NOON - 2 * A_DAY, expires_at=NOON - A_DAY)
        await jobs.submit(job)

        assert job == await jobs.get(job.job_id)

    async def test_submitting_again_changes_nothing(self, jobs: Jobs) -> None:
        """A submission that is repeated returns the job as it has become, and does not set it back."""
        await jobs.submit(a_job())
        running = await jobs.claim("job1", "worker1", NOON)

        assert running == await jobs.submit(a_job())
        assert running == await jobs.get("job1")

    async def test_id_is_never_shared(self, jobs: Jobs) -> None:
        """A different job under an id that is taken is refused, and the first one stays."""
        first = await jobs.submit(a_job())

        with pytest.raises(IllegalTransition):
            await jobs.submit(a_job(upload_id="upload2"))
        assert first == await jobs.get("job1")

    # ── cancelling ───────────────────────────────────────────────────────────────────────────────────────────────

    async def test_queued_job_is_cancelled_at_once(self, jobs: Jobs) -> None:
        """A queued job has no holder that would have to stop it first."""
        job = await jobs.submit(a_job())

        ended = await jobs.cancel("job1", NOON + 1)

        assert job.cancelled(NOON + 1) == ended
        assert ended == await jobs.get("job1")
        assert not await jobs.claimable(NOON, 10)

    async def test_running_job_is_asked_to_stop(self, jobs: Jobs) -> None:
        """A running job goes on until its holder reads the wish, which is in the answer to its next renewal."""
        held = await a_held_job(jobs)

        asked = await jobs.cancel("job1", NOON + 1)
        renewed = await jobs.renew(held.holding, 1.0, None)

        assert held.cancelled(NOON + 1) == asked
        assert (renewed.state, renewed.cancel_requested) == (State.RUNNING, True)

    async def test_wish_survives_a_takeover_and_a_release(self, jobs: Jobs) -> None:
        """The next holder of the job learns of the wish too."""
        held = await a_held_job(jobs)
        asked = await jobs.cancel("job1", NOON)
        taken = await jobs.take_over(asked.lease, "worker2")
        queued = await jobs.release(taken.holding, NOON, fault=False)

        assert held.attempt < taken.attempt
        assert (taken.cancel_requested, queued.cancel_requested) == (True, True)

    async def test_cancelling_may_be_repeated(self, jobs: Jobs) -> None:
        """A second wish changes nothing, for a running job and for a queued one."""
        await a_held_job(jobs, "running")
        await jobs.submit(a_job(job_id="queued"))

        for name in ("running", "queued"):
            assert await jobs.cancel(name, NOON + 1) == await jobs.cancel(name, NOON + 2)

    @pytest.mark.parametrize("ending", list(ENDINGS))
    async def test_finished_job_is_not_cancelled(self, jobs: Jobs, ending: str) -> None:
        """A finished job stays finished, and is what the client gets."""
        await ENDINGS[ending](jobs, await a_held_job(jobs))
        there = await jobs.get("job1")

        assert there == await jobs.cancel("job1", NOON + 1)
        assert there == await jobs.get("job1")

    async def test_missing_job_cannot_be_cancelled(self, jobs: Jobs) -> None:
        """There is no such job, and there is none afterwards."""
        with pytest.raises(NotFound):
            await jobs.cancel("nobody", NOON)
        assert await jobs.get("nobody") is None

    async def test_cancel_and_claim_at_once(self, jobs: Jobs) -> None:
        """Whichever comes first, no wish is lost: the job is cancelled, or its holder knows of it."""
        for n in range(5):
            await jobs.submit(a_job(job_id=f"job{n}"))
            claim, cancelled = await asyncio.gather(
                jobs.claim(f"job{n}", "worker1", NOON), jobs.cancel(f"job{n}", NOON), return_exceptions=True
            )

            there = await jobs.get(f"job{n}")
            assert there is not None
            assert there.cancel_requested
            assert there == cancelled
            assert isinstance(claim, Job) == (there.state is State.RUNNING)

    # ── what was shown ───────────────────────────────────────────────────────────────────────────────────────────

    async def test_shown_only_rises(self, jobs: Jobs) -> None:
        """The highest reading stays, whatever comes later, and nothing else is touched."""
        held = await a_held_job(jobs)

        for percent in (10.0, 30.5, 20.0):
            await jobs.note_shown("job1", percent)

        assert replace(held, shown=30.5) == await jobs.get("job1")

    async def test_simultaneous_notes_keep_the_highest(self, jobs: Jobs) -> None:
        """Readers in any number and order fail never, and leave the highest reading."""
        await jobs.submit(a_job())

        await asyncio.gather(*(jobs.note_shown("job1", float(n)) for n in (5, 50, 20, 40, 10)))

        there = await jobs.get("job1")
        assert there is not None
        assert there.shown == 50.0

    @pytest.mark.parametrize("ending", list(ENDINGS))
    async def test_nothing_is_noted_after_the_end(self, jobs: Jobs, ending: str) -> None:
        """A finished job is not changed by a late reader, nor is the reader troubled."""
        await ENDINGS[ending](jobs, await a_held_job(jobs))
        there = await jobs.get("job1")

        await jobs.note_shown("job1", 99.0)

        assert there == await jobs.get("job1")

    async def test_note_on_a_missing_job_is_nothing(self, jobs: Jobs) -> None:
        """A reader of a job that is gone is not troubled, and brings nothing back."""
        await jobs.note_shown("nobody", 50.0)

        assert await jobs.get("nobody") is None

    # ── forgetting ───────────────────────────────────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize("ending", list(ENDINGS))
    async def test_finished_job_can_be_deleted(self, jobs: Jobs, ending: str) -> None:
        """A finished job is gone after its deletion; deleting it again is no error."""
        await ENDINGS[ending](jobs, await a_held_job(jobs))

        await jobs.delete("job1")
        await jobs.delete("job1")

        assert await jobs.get("job1") is None

    async def test_unfinished_job_cannot_be_deleted(self, jobs: Jobs) -> None:
        """An accepted job is never lost: neither a queued nor a running one can be deleted."""
        queued = await jobs.submit(a_job(job_id="queued"))
        running = await a_held_job(jobs, "running")

        for job in (queued, running):
            with pytest.raises(IllegalTransition):
                await jobs.delete(job.job_id)
            assert job == await jobs.get(job.job_id)

    async def test_jobs_are_kept_apart(self, jobs: Jobs) -> None:
        """What happens to one job changes no other."""
        other = await a_held_job(jobs, "other")
        held = await a_held_job(jobs)
        await jobs.note_shown("job1", 30.0)
        await jobs.renew(held.holding, 50.0, "local")
        await jobs.fail(held.holding, a_failure(), NOON)
        await jobs.delete("job1")

        assert other == await jobs.get("other")

    async def test_whole_life(self, jobs: Jobs) -> None:
        """Claim, renew, lapse, takeover, fault, claim, success: attempts and counters add up, and the end stays."""
        await jobs.submit(a_job())
        first = await jobs.claim("job1", "worker1", NOON)
        first = await jobs.renew(first.holding, 30.0, "streaming")
        second = await jobs.take_over(first.lease, "worker2")
        await jobs.release(second.holding, NOON + 1, fault=True)
        third = await jobs.claim("job1", "worker3", NOON + 1)
        ended = await jobs.succeed(third.holding, an_output(third), NOON + 2)

        for late in (first, second):
            with pytest.raises(Refused):
                await jobs.fail(late.holding, a_failure(), NOON)
        assert (ended.attempt, ended.lease.lapses, ended.lease.faults, ended.percent) == (3, 1, 1, 100.0)
        assert ended == await jobs.get("job1")
