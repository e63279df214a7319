from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.backoff import JOB_FAULT
from service.core.lease import FINAL, State
from service.core.queue import QUEUED, RUNNING, all_shards, candidates, due, queue_of, same_order, shard_of
from service.testing.clock import NOON, SeededIds
from service.testing.factories import a_job


@pytest.mark.parametrize(("job_id", "shard"), [("job1", 1), ("job2", 3), ("a", 3), ("", 0)])
def test_shard_of_a_job_is_the_same_in_every_release(job_id: str, shard: int) -> None:
    """The shard of a job is part of what is stored: another release must find it where this one put it."""
    assert shard_of(job_id, 4) == shard


def test_job_ids_spread_evenly_over_the_shards() -> None:
    """Real ids spread over all shards."""
    ids = SeededIds()
    counts = [0] * 4
    for _ in range(1000):
        counts[shard_of(ids.new(), 4)] += 1

    assert min(counts) > 200


@given(job_id=st.text(), shards=st.integers(1, 64))
def test_every_job_is_in_a_shard_that_is_queried(job_id: str, shards: int) -> None:
    """Whatever a job is put into is among the shards that are queried."""
    assert queue_of(State.QUEUED, job_id, shards) in all_shards(QUEUED, shards)
    assert queue_of(State.RUNNING, job_id, shards) in all_shards(RUNNING, shards)


@pytest.mark.parametrize("state", sorted(FINAL))
def test_final_jobs_are_in_no_queue(state: State) -> None:
    """What is over is out of the index."""
    assert queue_of(state, "job1", 4) is None


@given(now=st.floats(0, 1e10), delay=st.floats(0.001, JOB_FAULT.cap))
def test_no_real_delay_is_cut_short(now: float, delay: float) -> None:
    """A job that was put off by any delay that exists waits for it."""
    due_at = now + delay

    assert due(due_at, now) == (due_at <= now or due_at > now + JOB_FAULT.cap)
    assert due(due_at, due_at)
    assert due(now, now)


def test_due_time_beyond_every_delay_counts_as_due() -> None:
    """A due time that no delay can give was written by a wrong clock."""
    assert not due(NOON + JOB_FAULT.cap, NOON)
    assert due(NOON + JOB_FAULT.cap + 0.001, NOON)
    assert due(NOON + 1e9, NOON)


@given(
    queued=st.lists(st.tuples(st.floats(0, 200), st.text("ab", max_size=2))),
    limit=st.integers(-1, 10),
)
def test_claim_candidates_are_the_oldest_due_jobs(queued: list[tuple[float, str]], limit: int) -> None:
    """Candidates are due, in order, within the limit, and none that is left out is older."""
    chosen = candidates(queued, 100.0, limit)

    ready = sorted(entry for entry in queued if due(entry[0], 100.0))
    assert list(chosen) == [job_id for _, job_id in ready[: max(0, limit)]]


def test_submission_is_recognised_whatever_its_progress() -> None:
    """A submission is recognised whatever has become of it, and never taken for another's."""
    job = a_job()

    assert same_order(job, job.claimed("worker1", NOON).renewed(5.0, "local"))
    for other in (a_job(job_id="job2"), a_job(upload_id="upload2"), replace(job, tenant="tenant2")):
        assert not same_order(job, other)
