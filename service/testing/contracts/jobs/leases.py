"""What `ports.leases.Leases` promises to workers that take jobs: claims, takeovers, and returns to the queue."""

import asyncio

import pytest

from service.core.errors import Fenced, IllegalTransition, NotFound
from service.core.jobs.job import Failure, Job
from service.testing.clock import NOON
from service.testing.contracts.jobs.store import ENDINGS, HOLDERS_WRITES, Jobs, a_held_job
from service.testing.factories import a_failure, a_job, a_running_job


class LeasesContract:
    """Needs the fixture ``jobs``: an empty store."""

    async def test_claim_starts_an_attempt(self, jobs: Jobs) -> None:
        """A claim makes the job running, under its owner, in its next attempt, and is kept."""
        job = await jobs.submit(a_job())

        running = await jobs.claim("job1", "worker1", NOON + 3)

        assert job.claimed("worker1", NOON + 3) == running
        assert running == await jobs.get("job1")

    async def test_later_claims_keep_the_first_start(self, jobs: Jobs) -> None:
        """When a released job is claimed again, its start is still that of the first claim."""
        held = await a_held_job(jobs)
        queued = await jobs.release(held.holding, NOON, fault=False)

        running = await jobs.claim("job1", "worker2", NOON + 60)

        assert queued.claimed("worker2", NOON + 60) == running
        assert (running.attempt, running.started_at) == (2, held.started_at)

    async def test_claimed_job_cannot_be_claimed(self, jobs: Jobs) -> None:
        """A job that is held is refused to every worker, its owner included."""
        held = await a_held_job(jobs)

        for owner in ("worker1", "worker2"):
            with pytest.raises(IllegalTransition):
                await jobs.claim("job1", owner, NOON)
        assert held == await jobs.get("job1")

    async def test_missing_job_cannot_be_claimed(self, jobs: Jobs) -> None:
        """Claiming what is gone says so, and creates nothing."""
        with pytest.raises(NotFound):
            await jobs.claim("nobody", "worker1", NOON)
        assert await jobs.get("nobody") is None

    @pytest.mark.parametrize("owners", [[f"worker{n}" for n in range(10)], ["worker1"] * 10], ids=["many", "one"])
    async def test_exactly_one_claimer_wins(self, jobs: Jobs, owners: list[str]) -> None:
        """Of ten claims at once exactly one succeeds, also when all ten come from tasks of one process."""
        await jobs.submit(a_job())

        answers = await asyncio.gather(*(jobs.claim("job1", owner, NOON) for owner in owners), return_exceptions=True)

        won = [answer for answer in answers if isinstance(answer, Job)]
        assert len(won) == 1
        assert all(isinstance(answer, Job | IllegalTransition) for answer in answers)
        assert won[0] == await jobs.get("job1")

    async def test_take_over_starts_another_attempt(self, jobs: Jobs) -> None:
        """A lapsed lease goes to the new owner, counts as a lapse, and keeps the progress."""
        seen = await jobs.renew((await a_held_job(jobs)).holding, 40.0, "streaming")

        taken = await jobs.take_over(seen.lease, "worker2")

        assert seen.taken_over("worker2") == taken
        assert (taken.attempt, taken.lease.lapses, taken.percent) == (2, 1, 40.0)
        assert taken == await jobs.get("job1")

    async def test_holder_who_renewed_keeps_its_lease(self, jobs: Jobs) -> None:
        """A takeover is refused when the beat moved since the watcher looked."""
        seen = await a_held_job(jobs)
        renewed = await jobs.renew(seen.holding, 1.0, None)

        with pytest.raises(IllegalTransition):
            await jobs.take_over(seen.lease, "worker2")
        assert renewed == await jobs.get("job1")

    async def test_exactly_one_watcher_takes_over(self, jobs: Jobs) -> None:
        """Of ten watchers that saw the same lapse exactly one gets the job."""
        seen = await a_held_job(jobs)

        answers = await asyncio.gather(
            *(jobs.take_over(seen.lease, f"watcher{n}") for n in range(10)), return_exceptions=True
        )

        won = [answer for answer in answers if isinstance(answer, Job)]
        assert len(won) == 1
        assert all(isinstance(answer, Job | IllegalTransition) for answer in answers)
        assert won[0] == await jobs.get("job1")

    @pytest.mark.parametrize("ending", [*ENDINGS, "release"])
    async def test_job_that_is_not_running_cannot_be_taken_over(self, jobs: Jobs, ending: str) -> None:
        """A job that ended or went back to the queue since it was seen is left alone."""
        seen = await a_held_job(jobs)
        await HOLDERS_WRITES[ending](jobs, seen)
        there = await jobs.get("job1")

        with pytest.raises(IllegalTransition):
            await jobs.take_over(seen.lease, "worker2")
        with pytest.raises(IllegalTransition):
            await jobs.exhaust(seen.lease, a_failure("attempts_exhausted"), NOON)
        assert there == await jobs.get("job1")

    async def test_missing_job_cannot_be_taken_over(self, jobs: Jobs) -> None:
        """A job that is gone is refused to a watcher like one that moved."""
        with pytest.raises(IllegalTransition):
            await jobs.take_over(a_running_job().lease, "worker2")
        with pytest.raises(IllegalTransition):
            await jobs.exhaust(a_running_job().lease, a_failure(), NOON)
        assert await jobs.get("job1") is None

    @pytest.mark.parametrize("excused", [False, True])
    async def test_requeued_job_waits_again_and_its_holder_is_refused(self, jobs: Jobs, *, excused: bool) -> None:
        """A watcher gives a lapsed job back to the queue, which counts as a takeover does; its holder is fenced."""
        seen = await jobs.renew((await a_held_job(jobs)).holding, 40.0, "streaming")

        queued = await jobs.requeue(seen.lease, excused=excused)

        assert seen.requeued(excused=excused) == queued
        assert queued == await jobs.get("job1")
        assert list(await jobs.claimable(NOON, 10)) == ["job1"]
        with pytest.raises(Fenced):
            await jobs.renew(seen.holding, 50.0, None)
        with pytest.raises(IllegalTransition):
            await jobs.requeue(seen.lease)

    async def test_holder_who_renewed_is_not_requeued(self, jobs: Jobs) -> None:
        """A watcher cannot give back what was renewed since it looked."""
        seen = await a_held_job(jobs)
        renewed = await jobs.renew(seen.holding, 1.0, None)

        with pytest.raises(IllegalTransition):
            await jobs.requeue(seen.lease)
        assert renewed == await jobs.get("job1")

    async def test_lapse_of_a_worker_that_lives_is_excused_once(self, jobs: Jobs) -> None:
        """A worker that was taken over while it lived takes that lapse back, once for each attempt of its own."""
        held = await a_held_job(jobs)
        await jobs.note_alive("job1", 1)
        assert held == await jobs.get("job1")  # nothing was taken over

        second = await jobs.take_over(held.lease, "worker2")
        for _ in range(2):
            await jobs.note_alive("job1", 1)
        third = await jobs.take_over(second.lease, "worker3")
        await jobs.note_alive("job1", 2)
        await jobs.note_alive("job1", 1)

        there = await jobs.get("job1")
        assert there is not None
        assert (there.attempt, there.owner, there.lease.beat) == (3, "worker3", third.lease.beat)
        assert (there.lease.lapses, there.lease.excused, there.lease.alive, there.lease.mistaken) == (0, 2, 2, 2)

    async def test_lapse_of_a_worker_that_lives_is_excused_while_its_job_is_queued_again(self, jobs: Jobs) -> None:
        """A worker whose job was given back to the queue while it lived takes that lapse back, once."""
        held = await a_held_job(jobs)
        await jobs.requeue(held.lease)

        for _ in range(2):
            await jobs.note_alive("job1", 1)
        taken = await jobs.claim("job1", "worker2", NOON)
        await jobs.note_alive("job1", 1)

        assert (taken.lease.lapses, taken.lease.excused, taken.lease.alive, taken.lease.mistaken) == (0, 1, 1, 1)
        assert taken == await jobs.get("job1")

    async def test_nothing_is_excused_of_a_job_that_has_ended(self, jobs: Jobs) -> None:
        """A job that has ended or is gone is left as it is."""
        first = await a_held_job(jobs)
        taken = await jobs.take_over(first.lease, "worker2")
        ended = await jobs.fail(taken.holding, a_failure(), NOON)

        for key in ("job1", "job3"):
            await jobs.note_alive(key, 1)

        assert (ended, None) == (await jobs.get("job1"), await jobs.get("job3"))

    async def test_mistaken_takeover_that_was_excused_is_counted_as_a_mistake(self, jobs: Jobs) -> None:
        """A worker that lives is noted also where its lapse did not count, once; what did not count is left so."""
        held = await a_held_job(jobs)
        await jobs.take_over(held.lease, "worker2", excused=True)

        for _ in range(2):
            await jobs.note_alive("job1", 1)

        there = await jobs.get("job1")
        assert there is not None
        assert (there.lease.lapses, there.lease.excused, there.lease.alive, there.lease.mistaken) == (0, 1, 1, 1)

    @pytest.mark.parametrize("requeued", [False, True])
    async def test_record_says_after_how_many_renewals_an_attempt_lapsed(self, jobs: Jobs, *, requeued: bool) -> None:
        """A takeover, and a return to the queue, keep the number of renewals of the attempt that lapsed."""
        held = await a_held_job(jobs)
        for _ in range(3):
            held = await jobs.renew(held.holding, 1.0, None)

        after = await (jobs.requeue(held.lease) if requeued else jobs.take_over(held.lease, "worker2"))

        assert after.lease.lived == held.lease.beat >= 3
        assert after == await jobs.get("job1")

    async def test_exhausted_job_fails(self, jobs: Jobs) -> None:
        """A watcher can end a job whose attempts keep lapsing, with the reason."""
        seen = await a_held_job(jobs)
        failure = Failure(code="attempts_exhausted", detail="Too many.")

        ended = await jobs.exhaust(seen.lease, failure, NOON + 9)

        assert seen.exhausted(failure, NOON + 9) == ended
        assert ended == await jobs.get("job1")
        assert not await jobs.running()

    async def test_holder_who_renewed_is_not_exhausted(self, jobs: Jobs) -> None:
        """A job whose holder lives is not ended by a watcher that looked too early."""
        seen = await a_held_job(jobs)
        renewed = await jobs.renew(seen.holding, 1.0, None)

        with pytest.raises(IllegalTransition):
            await jobs.exhaust(seen.lease, a_failure(), NOON)
        assert renewed == await jobs.get("job1")
