"""
What `ports.JobStore` and `ports.UploadStore` promise.

Where a transition is allowed, the store must return exactly what the pure method of `core.job.Job` computes, and have
kept exactly that: so the two descriptions of a job's life, in Python and in conditional writes, cannot drift apart.

Derive a ``Test…`` class and give it a fixture ``jobs`` (or ``uploads``): an empty store.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from service.core.errors import Fenced, IdempotencyReuse, IllegalTransition, NotFound, Refused
from service.core.job import Failure, Holding, Job, State
from service.core.media.inputs import Source
from service.core.media.options import Options, Target
from service.core.outcome import LONGEST_DELAY
from service.core.upload import IN_ONE_PIECE
from service.ports.jobs import IdempotencyKey, JobStore
from service.ports.uploads import UploadStore
from service.testing.clock import NOON
from service.testing.factories import A_DAY, a_failure, a_job, a_pending_upload, a_running_job, an_output, an_upload

KEY = IdempotencyKey("tenant1/once", "fingerprint1")

Write = Callable[[JobStore, Job], Awaitable[object]]

HOLDERS_WRITES: dict[str, Write] = {
    "renew": lambda jobs, job: jobs.renew(job.holding, 99.0, "local"),
    "renew_without_progress": lambda jobs, job: jobs.renew(job.holding, 0.0, None),
    "release": lambda jobs, job: jobs.release(job.holding, NOON, fault=False),
    "release_with_a_fault": lambda jobs, job: jobs.release(job.holding, NOON, fault=True),
    "succeed": lambda jobs, job: jobs.succeed(job.holding, an_output(job), NOON),
    "fail": lambda jobs, job: jobs.fail(job.holding, a_failure(), NOON),
    "stop": lambda jobs, job: jobs.stop(job.holding, NOON),
}

ENDINGS: dict[str, Write] = {name: HOLDERS_WRITES[name] for name in ("succeed", "fail", "stop")}


class JobStoreContract:
    """Needs the fixture ``jobs``."""

    # ── accepting ────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_submitted_job_reads_back(self, jobs: JobStore) -> None:
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

    async def test_unknown_job_reads_as_none(self, jobs: JobStore) -> None:
        """A job that was never submitted is None, not an error."""
        assert await jobs.get("nobody") is None

    async def test_queued_jobs_are_counted(self, jobs: JobStore) -> None:
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

    async def test_expired_job_is_still_returned(self, jobs: JobStore) -> None:
        """Whether an expired job is shown is not for the store to decide."""
        job = a_job(created_at=NOON - 2 * A_DAY, expires_at=NOON - A_DAY)
        await jobs.submit(job)

        assert job == await jobs.get(job.job_id)

    async def test_submitting_again_changes_nothing(self, jobs: JobStore) -> None:
        """A submission that is repeated returns the job as it has become, and does not set it back."""
        await jobs.submit(a_job())
        running = await jobs.claim("job1", "worker1", NOON)

        assert running == await jobs.submit(a_job())
        assert running == await jobs.get("job1")

    async def test_id_is_never_shared(self, jobs: JobStore) -> None:
        """A different job under an id that is taken is refused, and the first one stays."""
        first = await jobs.submit(a_job())

        with pytest.raises(IllegalTransition):
            await jobs.submit(a_job(upload_id="upload2"))
        assert first == await jobs.get("job1")

    # ── idempotency keys ─────────────────────────────────────────────────────────────────────────────────────────

    async def test_same_key_gives_the_first_job(self, jobs: JobStore) -> None:
        """A second submission with the same key and fingerprint returns the first job and creates none."""
        first = await jobs.submit(a_job(job_id="first"), KEY)

        assert first == await jobs.submit(a_job(job_id="second"), KEY)
        assert await jobs.get("second") is None

    async def test_replay_sees_the_job_as_it_is_now(self, jobs: JobStore) -> None:
        """A replay does not show the state of long ago."""
        await jobs.submit(a_job(), KEY)
        running = await jobs.claim("job1", "worker1", NOON)

        assert running == await jobs.submit(a_job(job_id="second"), KEY)

    async def test_same_submission_with_its_key_may_be_repeated(self, jobs: JobStore) -> None:
        """Repeating the very same job with the very same key is no conflict."""
        first = await jobs.submit(a_job(), KEY)

        assert first == await jobs.submit(a_job(), KEY)

    async def test_key_with_another_fingerprint_is_refused(self, jobs: JobStore) -> None:
        """A key that comes with another request is an error, and no job is created."""
        await jobs.submit(a_job(job_id="first"), KEY)

        with pytest.raises(IdempotencyReuse):
            await jobs.submit(a_job(job_id="second"), replace(KEY, fingerprint="fingerprint2"))
        assert await jobs.get("second") is None

    async def test_other_keys_are_other_jobs(self, jobs: JobStore) -> None:
        """Two keys with the same fingerprint stand for two jobs."""
        first = await jobs.submit(a_job(job_id="first"), KEY)
        second = await jobs.submit(a_job(job_id="second"), replace(KEY, key="tenant2/once"))

        assert (first.job_id, second.job_id) == ("first", "second")

    async def test_key_ends_with_its_job(self, jobs: JobStore) -> None:
        """A key whose time is over counts as never used, even while its item is still there."""
        old = a_job(job_id="old", created_at=NOON - 2 * A_DAY, expires_at=NOON - A_DAY)
        await jobs.submit(old, KEY)

        accepted = await jobs.submit(a_job(job_id="new"), replace(KEY, fingerprint="fingerprint2"))

        assert accepted.job_id == "new"
        assert accepted == await jobs.submit(a_job(job_id="newer"), replace(KEY, fingerprint="fingerprint2"))

    async def test_key_of_a_deleted_job_is_free(self, jobs: JobStore) -> None:
        """A key whose job was deleted accepts a new one, because there is nothing left to answer with."""
        await jobs.submit(a_job(job_id="first"), KEY)
        await jobs.cancel("first", NOON)
        await jobs.delete("first")

        accepted = await jobs.submit(a_job(job_id="second"), KEY)

        assert accepted.job_id == "second"
        assert accepted == await jobs.submit(a_job(job_id="third"), KEY)

    async def test_key_can_be_looked_up(self, jobs: JobStore) -> None:
        """A key leads to its job as it is now; to none before it was used, after its time, or without its job."""
        assert await jobs.accepted(KEY, NOON) is None
        await jobs.submit(a_job(), KEY)
        running = await jobs.claim("job1", "worker1", NOON)

        assert running == await jobs.accepted(KEY, NOON)
        assert await jobs.accepted(replace(KEY, key="tenant2/once"), NOON) is None
        assert await jobs.accepted(KEY, running.expires_at + 1) is None
        with pytest.raises(IdempotencyReuse):
            await jobs.accepted(replace(KEY, fingerprint="fingerprint2"), NOON)

        await jobs.stop(running.holding, NOON)
        await jobs.delete("job1")
        assert await jobs.accepted(KEY, NOON) is None

    async def test_simultaneous_submissions_with_one_key_give_one_job(self, jobs: JobStore) -> None:
        """Of many submissions at once under one key exactly one becomes a job, and all get that one."""
        accepted = await asyncio.gather(*(jobs.submit(a_job(job_id=f"job{n}"), KEY) for n in range(10)))

        there = [job for n in range(10) if (job := await jobs.get(f"job{n}"))]
        assert len(there) == 1
        assert set(map(_id, accepted)) == {there[0].job_id}

    # ── the queue ────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_due_jobs_come_oldest_first(self, jobs: JobStore) -> None:
        """Claimable jobs are ordered by when they became due, across all shards."""
        for n in (3, 1, 5, 0, 4, 2):
            await jobs.submit(a_job(job_id=f"job{n}", due_at=NOON - 10 + n))

        assert [f"job{n}" for n in range(6)] == list(await jobs.claimable(NOON, 100))

    async def test_limit_keeps_the_oldest(self, jobs: JobStore) -> None:
        """With a limit it is the oldest that are returned; a limit of nought returns nothing."""
        for n in range(12):
            await jobs.submit(a_job(job_id=f"job{n:02}", due_at=NOON - n))

        assert list(await jobs.claimable(NOON, 3)) == ["job11", "job10", "job09"]
        assert not await jobs.claimable(NOON, 0)

    async def test_job_is_claimable_from_its_due_time_on(self, jobs: JobStore) -> None:
        """A job that was put off does not show before its time, and shows at it."""
        await jobs.submit(a_job(due_at=NOON + 5))

        assert not await jobs.claimable(NOON + 4.999, 10)
        assert list(await jobs.claimable(NOON + 5, 10)) == ["job1"]

    async def test_due_time_of_a_wrong_clock_is_not_waited_for(self, jobs: JobStore) -> None:
        """A due time further ahead than any delay counts as due; one that a real delay can give is waited for."""
        await jobs.submit(a_job(job_id="year", due_at=NOON + 365 * A_DAY))
        await jobs.submit(a_job(job_id="minute", due_at=NOON + LONGEST_DELAY))

        assert list(await jobs.claimable(NOON, 10)) == ["year"]

    async def test_only_queued_jobs_are_claimable(self, jobs: JobStore) -> None:
        """Claimed, finished and cancelled jobs are out of the queue; a released one is back."""
        for name in ("queued", "running", "succeeded", "cancelled", "released"):
            await jobs.submit(a_job(job_id=name))
        for name in ("running", "succeeded", "released"):
            await jobs.claim(name, "worker1", NOON)
        await jobs.succeed(Holding("succeeded", "worker1", 1), an_output(), NOON)
        await jobs.cancel("cancelled", NOON)
        await jobs.release(Holding("released", "worker1", 1), NOON, fault=False)

        assert {"queued", "released"} == set(await jobs.claimable(NOON, 10))

    async def test_running_lists_exactly_the_running_jobs(self, jobs: JobStore) -> None:
        """All running jobs are listed, whole and as they are now; no others are."""
        for n in range(8):
            await jobs.submit(a_job(job_id=f"job{n}"))
        held = [await jobs.claim(f"job{n}", "worker1", NOON) for n in range(6)]
        held[0] = await jobs.renew(held[0].holding, 12.5, "streaming")
        await jobs.succeed(held[5].holding, an_output(held[5]), NOON)
        await jobs.release(held[4].holding, NOON, fault=False)

        assert held[:4] == list(await jobs.running())

    async def test_empty_store_has_nothing_to_do(self, jobs: JobStore) -> None:
        """Nothing submitted, nothing claimable, nothing running."""
        assert not await jobs.claimable(NOON, 10)
        assert not await jobs.running()

    # ── taking ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_claim_starts_an_attempt(self, jobs: JobStore) -> None:
        """A claim makes the job running, under its owner, in its next attempt, and is kept."""
        job = await jobs.submit(a_job())

        running = await jobs.claim("job1", "worker1", NOON + 3)

        assert job.claimed("worker1", NOON + 3) == running
        assert running == await jobs.get("job1")

    async def test_later_claims_keep_the_first_start(self, jobs: JobStore) -> None:
        """When a released job is claimed again, its start is still that of the first claim."""
        held = await _held(jobs)
        queued = await jobs.release(held.holding, NOON, fault=False)

        running = await jobs.claim("job1", "worker2", NOON + 60)

        assert queued.claimed("worker2", NOON + 60) == running
        assert (running.attempt, running.started_at) == (2, held.started_at)

    async def test_claimed_job_cannot_be_claimed(self, jobs: JobStore) -> None:
        """A job that somebody holds is refused to everybody, its owner included."""
        held = await _held(jobs)

        for owner in ("worker1", "worker2"):
            with pytest.raises(IllegalTransition):
                await jobs.claim("job1", owner, NOON)
        assert held == await jobs.get("job1")

    async def test_missing_job_cannot_be_claimed(self, jobs: JobStore) -> None:
        """Claiming what is gone says so, and creates nothing."""
        with pytest.raises(NotFound):
            await jobs.claim("nobody", "worker1", NOON)
        assert await jobs.get("nobody") is None

    @pytest.mark.parametrize("owners", [[f"worker{n}" for n in range(10)], ["worker1"] * 10], ids=["many", "one"])
    async def test_exactly_one_claimer_wins(self, jobs: JobStore, owners: list[str]) -> None:
        """Of ten claims at once exactly one succeeds, also when all ten come from tasks of one process."""
        await jobs.submit(a_job())

        answers = await asyncio.gather(*(jobs.claim("job1", owner, NOON) for owner in owners), return_exceptions=True)

        won = [answer for answer in answers if isinstance(answer, Job)]
        assert len(won) == 1
        assert all(isinstance(answer, Job | IllegalTransition) for answer in answers)
        assert won[0] == await jobs.get("job1")

    async def test_take_over_starts_another_attempt(self, jobs: JobStore) -> None:
        """A lapsed lease goes to the new owner, counts as a lapse, and keeps the progress."""
        seen = await jobs.renew((await _held(jobs)).holding, 40.0, "streaming")

        taken = await jobs.take_over(seen, "worker2")

        assert seen.taken_over("worker2") == taken
        assert (taken.attempt, taken.lapses, taken.percent) == (2, 1, 40.0)
        assert taken == await jobs.get("job1")

    async def test_holder_who_renewed_keeps_its_lease(self, jobs: JobStore) -> None:
        """A takeover is refused when the beat moved since the watcher looked."""
        seen = await _held(jobs)
        renewed = await jobs.renew(seen.holding, 1.0, None)

        with pytest.raises(IllegalTransition):
            await jobs.take_over(seen, "worker2")
        assert renewed == await jobs.get("job1")

    async def test_exactly_one_watcher_takes_over(self, jobs: JobStore) -> None:
        """Of ten watchers who saw the same lapse exactly one gets the job."""
        seen = await _held(jobs)

        answers = await asyncio.gather(
            *(jobs.take_over(seen, f"watcher{n}") for n in range(10)), return_exceptions=True
        )

        won = [answer for answer in answers if isinstance(answer, Job)]
        assert len(won) == 1
        assert all(isinstance(answer, Job | IllegalTransition) for answer in answers)
        assert won[0] == await jobs.get("job1")

    @pytest.mark.parametrize("ending", [*ENDINGS, "release"])
    async def test_job_that_is_not_running_cannot_be_taken_over(self, jobs: JobStore, ending: str) -> None:
        """A job that ended or went back to the queue since it was seen is left alone."""
        seen = await _held(jobs)
        await HOLDERS_WRITES[ending](jobs, seen)
        there = await jobs.get("job1")

        with pytest.raises(IllegalTransition):
            await jobs.take_over(seen, "worker2")
        with pytest.raises(IllegalTransition):
            await jobs.exhaust(seen, a_failure("attempts_exhausted"), NOON)
        assert there == await jobs.get("job1")

    async def test_missing_job_cannot_be_taken_over(self, jobs: JobStore) -> None:
        """A job that is gone is refused to a watcher like one that moved."""
        with pytest.raises(IllegalTransition):
            await jobs.take_over(a_running_job(), "worker2")
        with pytest.raises(IllegalTransition):
            await jobs.exhaust(a_running_job(), a_failure(), NOON)
        assert await jobs.get("job1") is None

    async def test_exhausted_job_fails(self, jobs: JobStore) -> None:
        """A watcher can end a job whose attempts keep lapsing, with the reason."""
        seen = await _held(jobs)
        failure = Failure(code="attempts_exhausted", detail="Too many.")

        ended = await jobs.exhaust(seen, failure, NOON + 9)

        assert seen.exhausted(failure, NOON + 9) == ended
        assert ended == await jobs.get("job1")
        assert not await jobs.running()

    async def test_holder_who_renewed_is_not_exhausted(self, jobs: JobStore) -> None:
        """A job whose holder lives is not ended by a watcher who looked too early."""
        seen = await _held(jobs)
        renewed = await jobs.renew(seen.holding, 1.0, None)

        with pytest.raises(IllegalTransition):
            await jobs.exhaust(seen, a_failure(), NOON)
        assert renewed == await jobs.get("job1")

    # ── holding ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_renewal_carries_progress(self, jobs: JobStore) -> None:
        """A heartbeat raises the beat, keeps percentage and path, and leaves the rest alone."""
        held = await _held(jobs)

        renewed = await jobs.renew(held.holding, 12.3, "streaming")

        assert held.renewed(12.3, "streaming") == renewed
        assert (renewed.beat, renewed.percent, renewed.path) == (held.beat + 1, 12.3, "streaming")
        assert renewed == await jobs.get("job1")

    @pytest.mark.requirement("2.5")
    async def test_durable_percentage_never_falls(self, jobs: JobStore) -> None:
        """A lower percentage, of a new attempt or of a late renewal, leaves the mark; the beat rises all the same."""
        held = await jobs.renew((await _held(jobs)).holding, 40.0, "streaming")
        taken = await jobs.take_over(held, "worker2")

        behind = await jobs.renew(taken.holding, 3.0, "local")
        equal = await jobs.renew(taken.holding, 40.0, None)
        ahead = await jobs.renew(taken.holding, 40.1, None)

        assert [behind.percent, equal.percent, ahead.percent] == [40.0, 40.0, 40.1]
        assert [behind.beat, equal.beat, ahead.beat] == [1, 2, 3]
        assert [behind.path, equal.path, ahead.path] == ["local"] * 3
        assert ahead == await jobs.get("job1")

    async def test_simultaneous_renewals_keep_the_highest(self, jobs: JobStore) -> None:
        """Renewals that arrive in any order leave the highest percentage and count every beat."""
        held = await _held(jobs)

        await asyncio.gather(*(jobs.renew(held.holding, float(n), None) for n in (3, 9, 1, 7, 5)))

        there = await jobs.get("job1")
        assert there is not None
        assert (there.percent, there.beat) == (9.0, held.beat + 5)

    @pytest.mark.parametrize("fault", [False, True])
    async def test_released_job_is_queued_again(self, jobs: JobStore, *, fault: bool) -> None:
        """A release gives the job back with its progress, due when it was said; only a fault is counted."""
        held = await jobs.renew((await _held(jobs)).holding, 40.0, "streaming")

        queued = await jobs.release(held.holding, NOON + 2.5, fault=fault)

        assert held.released(NOON + 2.5, fault=fault) == queued
        assert queued == await jobs.get("job1")
        assert list(await jobs.claimable(NOON + 2.5, 10)) == ["job1"]

    async def test_success_names_the_output(self, jobs: JobStore) -> None:
        """A job that succeeded has its output, stands at 100, and is in no queue any more."""
        held = await _held(jobs)

        ended = await jobs.succeed(held.holding, an_output(held), NOON + 9)

        assert held.succeeded(an_output(held), NOON + 9) == ended
        assert ended == await jobs.get("job1")
        assert not await jobs.running()

    async def test_success_may_be_repeated(self, jobs: JobStore) -> None:
        """Recording the very same output again returns the job as it is, with its first time."""
        held = await _held(jobs)
        ended = await jobs.succeed(held.holding, an_output(held), NOON)

        assert ended == await jobs.succeed(held.holding, an_output(held), NOON + 99)

    async def test_success_is_recorded_once(self, jobs: JobStore) -> None:
        """Another output for a job that has one is refused, and the first stays."""
        held = await _held(jobs)
        ended = await jobs.succeed(held.holding, an_output(held), NOON)

        with pytest.raises(Fenced):
            await jobs.succeed(held.holding, an_output(held, size=1), NOON)
        assert ended == await jobs.get("job1")

    async def test_failure_says_why(self, jobs: JobStore) -> None:
        """A failed job keeps code, detail and diagnostics, and is in no queue any more."""
        held = await _held(jobs)

        ended = await jobs.fail(held.holding, a_failure(), NOON + 9)

        assert held.failed(a_failure(), NOON + 9) == ended
        assert ended == await jobs.get("job1")
        assert not await jobs.running()

    async def test_failure_carries_the_path(self, jobs: JobStore) -> None:
        """A failure that comes before the first heartbeat tells the path; one that knows none leaves what is there."""
        held = await _held(jobs)
        other = await _held(jobs, job_id="job2")
        await jobs.renew(other.holding, 1.0, "local")

        assert (await jobs.fail(held.holding, a_failure(), NOON, "streaming")).path == "streaming"
        assert (await jobs.fail(other.holding, a_failure(), NOON)).path == "local"

    async def test_stopped_job_is_cancelled(self, jobs: JobStore) -> None:
        """A holder that stopped because it was asked to leaves a cancelled job."""
        held = await _held(jobs)
        asked = await jobs.cancel("job1", NOON)

        ended = await jobs.stop(held.holding, NOON + 9)

        assert asked.stopped(NOON + 9) == ended
        assert ended == await jobs.get("job1")
        assert not await jobs.running()

    # ── the fence ────────────────────────────────────────────────────────────────────────────────────────────────

    @pytest.mark.requirement("6.7")
    @pytest.mark.parametrize("write", list(HOLDERS_WRITES))
    async def test_replaced_holder_is_refused(self, jobs: JobStore, write: str) -> None:
        """A worker that was frozen and replaced is refused on every write, and changes nothing."""
        zombie = await _held(jobs)
        taken = await jobs.take_over(zombie, "worker2")

        with pytest.raises(Fenced):
            await HOLDERS_WRITES[write](jobs, zombie)
        assert taken == await jobs.get("job1")

    @pytest.mark.parametrize("write", list(HOLDERS_WRITES))
    async def test_old_attempt_of_the_same_owner_is_refused(self, jobs: JobStore, write: str) -> None:
        """The name of the owner is not enough: an attempt that it held before is refused like a stranger's."""
        zombie = await _held(jobs)
        taken = await jobs.take_over(zombie, "worker1")

        with pytest.raises(Fenced):
            await HOLDERS_WRITES[write](jobs, zombie)
        assert taken == await jobs.get("job1")

    @pytest.mark.parametrize("write", list(HOLDERS_WRITES))
    async def test_stranger_is_refused(self, jobs: JobStore, write: str) -> None:
        """The number of the attempt is not enough: somebody who never held the job is refused."""
        held = await _held(jobs)

        with pytest.raises(Fenced):
            await HOLDERS_WRITES[write](jobs, replace(held, owner="worker2"))
        assert held == await jobs.get("job1")

    @pytest.mark.parametrize("ending", [*ENDINGS, "release"])
    @pytest.mark.parametrize("write", list(HOLDERS_WRITES))
    async def test_nothing_is_written_after_the_end(self, jobs: JobStore, ending: str, write: str) -> None:
        """Once a job ended or was given back, its former holder can write nothing that would change it."""
        held = await _held(jobs)
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
    async def test_holder_of_a_deleted_job_is_refused(self, jobs: JobStore, write: str) -> None:
        """Writes to a job that is gone are refused, and bring nothing back."""
        with pytest.raises(Fenced):
            await HOLDERS_WRITES[write](jobs, a_running_job(job_id="gone"))
        assert await jobs.get("gone") is None

    @pytest.mark.requirement("6.7")
    async def test_zombie_cannot_end_what_another_finished(self, jobs: JobStore) -> None:
        """Frozen, replaced, thawed after the other one finished: the output that is served is the other's."""
        zombie = await _held(jobs)
        taken = await jobs.take_over(zombie, "worker2")
        ended = await jobs.succeed(taken.holding, an_output(taken), NOON)

        with pytest.raises(Fenced):
            await jobs.succeed(zombie.holding, an_output(zombie), NOON)
        assert ended == await jobs.get("job1")

    async def test_one_of_two_holders_ends_the_job(self, jobs: JobStore) -> None:
        """When a zombie and its successor write at once, the successor wins whatever the order."""
        zombie = await _held(jobs)
        taken = await jobs.take_over(zombie, "worker2")

        answers = await asyncio.gather(
            *(jobs.succeed(held.holding, an_output(held), NOON) for held in (zombie, taken) * 3),
            return_exceptions=True,
        )

        there = await jobs.get("job1")
        assert there is not None
        assert there.output == an_output(taken)
        assert [isinstance(answer, Fenced) for answer in answers] == [True, False] * 3

    # ── cancelling ───────────────────────────────────────────────────────────────────────────────────────────────

    async def test_queued_job_is_cancelled_at_once(self, jobs: JobStore) -> None:
        """Nobody holds a queued job, so nobody has to be asked."""
        job = await jobs.submit(a_job())

        ended = await jobs.cancel("job1", NOON + 1)

        assert job.cancelled(NOON + 1) == ended
        assert ended == await jobs.get("job1")
        assert not await jobs.claimable(NOON, 10)

    async def test_running_job_is_asked_to_stop(self, jobs: JobStore) -> None:
        """A running job goes on until its holder reads the wish, which is in the answer to its next renewal."""
        held = await _held(jobs)

        asked = await jobs.cancel("job1", NOON + 1)
        renewed = await jobs.renew(held.holding, 1.0, None)

        assert held.cancelled(NOON + 1) == asked
        assert (renewed.state, renewed.cancel_requested) == (State.RUNNING, True)

    async def test_wish_survives_a_takeover_and_a_release(self, jobs: JobStore) -> None:
        """Whoever holds the job next learns of the wish too."""
        held = await _held(jobs)
        asked = await jobs.cancel("job1", NOON)
        taken = await jobs.take_over(asked, "worker2")
        queued = await jobs.release(taken.holding, NOON, fault=False)

        assert held.attempt < taken.attempt
        assert (taken.cancel_requested, queued.cancel_requested) == (True, True)

    async def test_cancelling_may_be_repeated(self, jobs: JobStore) -> None:
        """A second wish changes nothing, for a running job and for a queued one."""
        await _held(jobs, "running")
        await jobs.submit(a_job(job_id="queued"))

        for name in ("running", "queued"):
            assert await jobs.cancel(name, NOON + 1) == await jobs.cancel(name, NOON + 2)

    @pytest.mark.parametrize("ending", list(ENDINGS))
    async def test_finished_job_is_not_cancelled(self, jobs: JobStore, ending: str) -> None:
        """A finished job stays finished, and is what the client gets."""
        await ENDINGS[ending](jobs, await _held(jobs))
        there = await jobs.get("job1")

        assert there == await jobs.cancel("job1", NOON + 1)
        assert there == await jobs.get("job1")

    async def test_missing_job_cannot_be_cancelled(self, jobs: JobStore) -> None:
        """There is no such job, and there is none afterwards."""
        with pytest.raises(NotFound):
            await jobs.cancel("nobody", NOON)
        assert await jobs.get("nobody") is None

    async def test_cancel_and_claim_at_once(self, jobs: JobStore) -> None:
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

    async def test_shown_only_rises(self, jobs: JobStore) -> None:
        """The highest reading stays, whatever comes later, and nothing else is touched."""
        held = await _held(jobs)

        for percent in (10.0, 30.5, 20.0):
            await jobs.note_shown("job1", percent)

        assert replace(held, shown=30.5) == await jobs.get("job1")

    async def test_simultaneous_notes_keep_the_highest(self, jobs: JobStore) -> None:
        """Readers in any number and order fail never, and leave the highest reading."""
        await jobs.submit(a_job())

        await asyncio.gather(*(jobs.note_shown("job1", float(n)) for n in (5, 50, 20, 40, 10)))

        there = await jobs.get("job1")
        assert there is not None
        assert there.shown == 50.0

    @pytest.mark.parametrize("ending", list(ENDINGS))
    async def test_nothing_is_noted_after_the_end(self, jobs: JobStore, ending: str) -> None:
        """A finished job is not changed by a late reader, nor is the reader troubled."""
        await ENDINGS[ending](jobs, await _held(jobs))
        there = await jobs.get("job1")

        await jobs.note_shown("job1", 99.0)

        assert there == await jobs.get("job1")

    async def test_note_on_a_missing_job_is_nothing(self, jobs: JobStore) -> None:
        """A reader of a job that is gone is not troubled, and brings nothing back."""
        await jobs.note_shown("nobody", 50.0)

        assert await jobs.get("nobody") is None

    # ── forgetting ───────────────────────────────────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize("ending", list(ENDINGS))
    async def test_finished_job_can_be_deleted(self, jobs: JobStore, ending: str) -> None:
        """A finished job is gone after its deletion; deleting it again is no error."""
        await ENDINGS[ending](jobs, await _held(jobs))

        await jobs.delete("job1")
        await jobs.delete("job1")

        assert await jobs.get("job1") is None

    async def test_unfinished_job_cannot_be_deleted(self, jobs: JobStore) -> None:
        """An accepted job is never lost: neither a queued nor a running one can be deleted."""
        queued = await jobs.submit(a_job(job_id="queued"))
        running = await _held(jobs, "running")

        for job in (queued, running):
            with pytest.raises(IllegalTransition):
                await jobs.delete(job.job_id)
            assert job == await jobs.get(job.job_id)

    async def test_jobs_are_kept_apart(self, jobs: JobStore) -> None:
        """What happens to one job changes no other."""
        other = await _held(jobs, "other")
        held = await _held(jobs)
        await jobs.note_shown("job1", 30.0)
        await jobs.renew(held.holding, 50.0, "local")
        await jobs.fail(held.holding, a_failure(), NOON)
        await jobs.delete("job1")

        assert other == await jobs.get("other")

    async def test_whole_life(self, jobs: JobStore) -> None:
        """Claim, renew, lapse, takeover, fault, claim, success: attempts and counters add up, and the end stays."""
        await jobs.submit(a_job())
        first = await jobs.claim("job1", "worker1", NOON)
        first = await jobs.renew(first.holding, 30.0, "streaming")
        second = await jobs.take_over(first, "worker2")
        await jobs.release(second.holding, NOON + 1, fault=True)
        third = await jobs.claim("job1", "worker3", NOON + 1)
        ended = await jobs.succeed(third.holding, an_output(third), NOON + 2)

        for late in (first, second):
            with pytest.raises(Refused):
                await jobs.fail(late.holding, a_failure(), NOON)
        assert (ended.attempt, ended.lapses, ended.faults, ended.percent) == (3, 1, 1, 100.0)
        assert ended == await jobs.get("job1")


class UploadStoreContract:
    """Needs the fixture ``uploads``."""

    async def test_upload_reads_back(self, uploads: UploadStore) -> None:
        """An upload reads back with every field as it was recorded."""
        upload = an_upload(filename="Überraschung 'n\" more.wav", size=5 * 2**40, created_at=NOON + 0.5)

        await uploads.put_upload(replace(upload, expires_at=NOON + A_DAY))

        assert replace(upload, expires_at=NOON + A_DAY) == await uploads.get_upload("upload1")

    async def test_unknown_upload_reads_as_none(self, uploads: UploadStore) -> None:
        """An upload that never was is None, not an error."""
        assert await uploads.get_upload("nobody") is None

    async def test_expired_upload_is_still_returned(self, uploads: UploadStore) -> None:
        """Whether an expired upload is shown is not for the store to decide."""
        upload = an_upload(created_at=NOON - 2 * A_DAY, expires_at=NOON - A_DAY)
        await uploads.put_upload(upload)

        assert upload == await uploads.get_upload("upload1")

    async def test_recording_may_be_repeated(self, uploads: UploadStore) -> None:
        """The same upload recorded twice is one upload."""
        await uploads.put_upload(an_upload())
        await uploads.put_upload(an_upload())

        assert an_upload() == await uploads.get_upload("upload1")

    async def test_upload_is_never_replaced(self, uploads: UploadStore) -> None:
        """A different upload under an id that is taken is refused, and the first one stays."""
        await uploads.put_upload(an_upload())

        with pytest.raises(IllegalTransition):
            await uploads.put_upload(an_upload(tenant="tenant2"))
        assert an_upload() == await uploads.get_upload("upload1")

    async def test_deleted_upload_is_gone(self, uploads: UploadStore) -> None:
        """Deleting works, may be repeated, and leaves other uploads alone."""
        await uploads.put_upload(an_upload())
        await uploads.put_upload(an_upload(upload_id="upload2"))

        await uploads.delete_upload("upload1")
        await uploads.delete_upload("upload1")

        assert await uploads.get_upload("upload1") is None
        assert an_upload(upload_id="upload2") == await uploads.get_upload("upload2")

    # ── in parts ─────────────────────────────────────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize("declared", [None, 5 * 2**40])
    async def test_pending_upload_reads_back(self, uploads: UploadStore, declared: int | None) -> None:
        """An upload whose parts are to come reads back with every field, and is no complete one."""
        transfer = IN_ONE_PIECE if declared is None else "a~b.c/d+e="
        pending = a_pending_upload(
            filename="Überraschung.wav", declared_size=declared, transfer=transfer, closes_at=NOON + 900
        )

        await uploads.begin_upload(pending)
        await uploads.begin_upload(pending)

        assert pending == await uploads.look_up_upload("upload1")
        assert await uploads.get_upload("upload1") is None

    async def test_open_uploads_are_counted(self, uploads: UploadStore) -> None:
        """What a tenant has begun counts until it is complete, deleted or closed; another's never; up to the limit."""
        for number in range(5):
            pending = a_pending_upload(upload_id=f"upload{number}", tenant="", closes_at=NOON + 100 * number)
            await uploads.begin_upload(pending)
        await uploads.begin_upload(a_pending_upload(upload_id="other", tenant="tenant2"))

        assert await uploads.open_uploads("", NOON, 10) == 4
        assert await uploads.open_uploads("", NOON + 250, 10) == 2
        assert await uploads.open_uploads("", NOON, 3) == 3
        assert await uploads.open_uploads("tenant3", NOON, 10) == 0

        await uploads.complete_upload(an_upload(upload_id="upload3", tenant=""))
        await uploads.delete_upload("upload4")

        assert await uploads.open_uploads("", NOON, 10) == 2

    async def test_complete_upload_is_looked_up_too(self, uploads: UploadStore) -> None:
        """Looking up finds whichever there is, or None."""
        await uploads.put_upload(an_upload())

        assert an_upload() == await uploads.look_up_upload("upload1")
        assert await uploads.look_up_upload("nobody") is None

    async def test_completed_upload_takes_the_place_of_the_pending_one(self, uploads: UploadStore) -> None:
        """From its completion on an upload reads like one that came in one stream."""
        await uploads.begin_upload(a_pending_upload())

        assert an_upload() == await uploads.complete_upload(an_upload())
        assert an_upload() == await uploads.get_upload("upload1")
        assert an_upload() == await uploads.look_up_upload("upload1")

    async def test_first_completion_wins(self, uploads: UploadStore) -> None:
        """A completion that is repeated, even with other findings, returns what the first one recorded."""
        await uploads.begin_upload(a_pending_upload())
        completions = (uploads.complete_upload(an_upload(created_at=NOON + n)) for n in range(5))

        answers = await asyncio.gather(*completions)

        assert len(set(answers)) == 1
        assert answers[0] == await uploads.get_upload("upload1")

    async def test_deleted_pending_upload_cannot_be_completed(self, uploads: UploadStore) -> None:
        """What was aborted stays aborted, however late the completion arrives."""
        await uploads.begin_upload(a_pending_upload())
        await uploads.delete_upload("upload1")

        with pytest.raises(NotFound):
            await uploads.complete_upload(an_upload())
        assert await uploads.look_up_upload("upload1") is None

    async def test_pending_upload_is_never_replaced(self, uploads: UploadStore) -> None:
        """An id is used once, by a pending upload or by a complete one."""
        await uploads.begin_upload(a_pending_upload())
        await uploads.put_upload(an_upload(upload_id="upload2"))

        with pytest.raises(IllegalTransition):
            await uploads.begin_upload(a_pending_upload(tenant="tenant2"))
        with pytest.raises(IllegalTransition):
            await uploads.put_upload(an_upload())
        with pytest.raises(IllegalTransition):
            await uploads.begin_upload(a_pending_upload(upload_id="upload2"))
        assert a_pending_upload() == await uploads.look_up_upload("upload1")


async def _held(jobs: JobStore, job_id: str = "job1") -> Job:
    """A job that ``worker1`` holds."""
    await jobs.submit(a_job(job_id=job_id))
    return await jobs.claim(job_id, "worker1", NOON)


def _id(job: Job) -> str:
    return job.job_id
