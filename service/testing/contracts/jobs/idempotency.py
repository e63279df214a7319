"""What idempotency keys promise."""

import asyncio
from dataclasses import replace

import pytest

from service.core.errors import IdempotencyReuse
from service.testing.clock import NOON
from service.testing.contracts.jobs.store import KEY, Jobs
from service.testing.factories import A_DAY, a_job


class IdempotencyContract:
    """Needs the fixture ``jobs``: an empty store."""

    async def test_same_key_gives_the_first_job(self, jobs: Jobs) -> None:
        """A second submission with the same key and fingerprint returns the first job and creates none."""
        first = await jobs.submit(a_job(job_id="first"), KEY)

        assert first == await jobs.submit(a_job(job_id="second"), KEY)
        assert await jobs.get("second") is None

    async def test_replay_sees_the_job_as_it_is_now(self, jobs: Jobs) -> None:
        """A replay does not show the state of long ago."""
        await jobs.submit(a_job(), KEY)
        running = await jobs.claim("job1", "worker1", NOON)

        assert running == await jobs.submit(a_job(job_id="second"), KEY)

    async def test_same_submission_with_its_key_may_be_repeated(self, jobs: Jobs) -> None:
        """Repeating the very same job with the very same key is no conflict."""
        first = await jobs.submit(a_job(), KEY)

        assert first == await jobs.submit(a_job(), KEY)

    async def test_key_with_another_fingerprint_is_refused(self, jobs: Jobs) -> None:
        """A key that comes with another request is an error, and no job is created."""
        await jobs.submit(a_job(job_id="first"), KEY)

        with pytest.raises(IdempotencyReuse):
            await jobs.submit(a_job(job_id="second"), replace(KEY, fingerprint="fingerprint2"))
        assert await jobs.get("second") is None

    async def test_other_keys_are_other_jobs(self, jobs: Jobs) -> None:
        """Two keys with the same fingerprint stand for two jobs."""
        first = await jobs.submit(a_job(job_id="first"), KEY)
        second = await jobs.submit(a_job(job_id="second"), replace(KEY, key="tenant2/once"))

        assert (first.job_id, second.job_id) == ("first", "second")

    async def test_key_ends_with_its_job(self, jobs: Jobs) -> None:
        """A key whose time is over counts as never used, even while its item is still there."""
        old = a_job(job_id="old", created_at=NOON - 2 * A_DAY, expires_at=NOON - A_DAY)
        await jobs.submit(old, KEY)

        accepted = await jobs.submit(a_job(job_id="new"), replace(KEY, fingerprint="fingerprint2"))

        assert accepted.job_id == "new"
        assert accepted == await jobs.submit(a_job(job_id="newer"), replace(KEY, fingerprint="fingerprint2"))

    async def test_key_of_a_deleted_job_is_free(self, jobs: Jobs) -> None:
        """A key whose job was deleted accepts a new one, because there is nothing left to answer with."""
        await jobs.submit(a_job(job_id="first"), KEY)
        await jobs.cancel("first", NOON)
        await jobs.delete("first")

        accepted = await jobs.submit(a_job(job_id="second"), KEY)

        assert accepted.job_id == "second"
        assert accepted == await jobs.submit(a_job(job_id="third"), KEY)

    async def test_key_can_be_looked_up(self, jobs: Jobs) -> None:
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

    async def test_simultaneous_submissions_with_one_key_give_one_job(self, jobs: Jobs) -> None:
        """Of many submissions at once under one key exactly one becomes a job, and all get that one."""
        accepted = await asyncio.gather(*(jobs.submit(a_job(job_id=f"job{n}"), KEY) for n in range(10)))

        there = [job for n in range(10) if (job := await jobs.get(f"job{n}"))]
        assert len(there) == 1
        assert {job.job_id for job in accepted} == {there[0].job_id}
