from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.backoff import JOB_FAULT
from service.core.jobs.lease import FINAL, State
from service.core.jobs.queue import (
    OVERTAKES,
    QUEUED,
    RUNNING,
    Spread,
    all_shards,
    candidates,
    due,
    fair,
    job_id_for,
    queue_of,
    same_order,
    shard_of,
    spread_out,
    tag_in,
    tag_of_tenant,
)
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


# ── fair shares ──────────────────────────────────────────────────────────────────────────────────────────────────

TENANTS = ("amber", "birch", "cedar")
Waiting = list[tuple[float, str]]


def jobs_of(*tenants: str) -> list[str]:
    """The ids of jobs, one for each entry."""
    return [job_id_for(tenant, f"job{number}") for number, tenant in enumerate(tenants)]


def waiting(*tenants: str) -> Waiting:
    """The same as they wait, the first the longest."""
    return [(float(number), job_id) for number, job_id in enumerate(jobs_of(*tenants))]


def test_the_tag_of_a_tenant_is_the_same_in_every_release() -> None:
    """Ids are stored, so what they say about tenants may not change; without a tag a job stands for itself."""
    assert job_id_for("amber", "abc") == "abc0" + tag_of_tenant("amber") == "abc0wfqb62"
    assert tag_in("abc0wfqb62") == tag_of_tenant("amber")
    assert tag_in("pfxxk4dsnf2gs3dbnztws3tfoi") == "pfxxk4dsnf2gs3dbnztws3tfoi"


def test_ids_of_an_earlier_release_are_never_taken_for_tagged_ones() -> None:
    """An id of base 32 has no mark in it, whatever it is."""
    ids = SeededIds()
    assert all(tag_in(one) == one for one in (ids.new() for _ in range(1000)))


def test_a_flood_is_not_ahead_of_the_first_job_of_another_tenant() -> None:
    """However many older jobs of one tenant wait, the first one of another that runs nothing comes next."""
    flood, late = waiting(*["amber"] * 500), (1000.0, job_id_for("birch", "late"))
    running = [job_id_for("amber", "running")]

    assert fair([*flood, late], running, 2000.0, 1) == (late[1],)
    assert fair([*flood, late], [], 2000.0, 2) == (flood[0][1], late[1])


def test_tenants_take_turns_at_a_single_slot() -> None:
    """Where a slot gets free and nothing runs, the tenant that was served last is not the next, whoever is older."""
    flood, late = waiting(*["amber"] * 500), (1000.0, job_id_for("birch", "late"))
    served = {tag_of_tenant("amber"): 7}

    assert fair([*flood, late], [], 2000.0, 1, served=served) == (late[1],)
    served[tag_of_tenant("birch")] = 8
    assert fair([*flood, late], [], 2000.0, 1, served=served) == (flood[0][1],)


def test_one_tenant_alone_may_use_every_slot() -> None:
    """No slot stays empty for a tenant that is not there."""
    flood = waiting(*["amber"] * 9)
    assert fair(flood, jobs_of(*["amber"] * 90), 100.0, 9) == tuple(job_id for _, job_id in flood)


@given(
    queued=st.lists(st.tuples(st.floats(0, 200), st.sampled_from(TENANTS)), max_size=30),
    running=st.lists(st.sampled_from(TENANTS), max_size=9),
    limit=st.integers(0, 40),
    most=st.none() | st.integers(1, 5),
)
def test_claims_are_fair_and_leave_no_slot_empty(
    queued: Waiting, running: list[str], limit: int, most: int | None
) -> None:
    """Whatever waits and runs: the oldest of each tenant, the tenant that has least, and as many as are asked for."""
    entries = [(due_at, job_id_for(tenant, f"q{number}")) for number, (due_at, tenant) in enumerate(queued)]
    chosen = fair(entries, jobs_of(*running), 100.0, limit, lambda _: most)

    due_at = {job_id: at for at, job_id in entries}
    ready = {job_id for at, job_id in entries if due(at, 100.0)}
    has = {tag_of_tenant(tenant): running.count(tenant) for tenant in TENANTS}
    assert set(chosen) <= ready
    left = set(ready)
    for job_id in chosen:
        tag = tag_in(job_id)
        allowed = [one for one in left if most is None or has[tag_in(one)] < most]
        assert has[tag] == min(has[tag_in(one)] for one in allowed)
        oldest = min((due_at[one], one) for one in left if tag_in(one) == tag)
        assert oldest == (due_at[job_id], job_id)
        left.remove(job_id)
        has[tag] += 1
    if len(chosen) < limit:
        assert all(most is not None and has[tag_in(one)] >= most for one in left)


@given(
    flood=st.lists(st.sampled_from(TENANTS), min_size=1, max_size=12),
    slots=st.integers(1, 4),
    arrivals=st.lists(st.sampled_from(TENANTS[:2]), min_size=150, max_size=150),
)
def test_no_due_job_is_overtaken_for_ever(flood: list[str], slots: int, arrivals: list[str]) -> None:
    """While another job of another tenant comes with every one that ends, each job of the beginning is still begun."""
    queue = waiting(*flood)
    first, running, served = {job_id for _, job_id in queue}, list[str](), dict[str, int]()
    for moment, tenant in enumerate(arrivals):
        now = 1000.0 + moment
        begun = fair(queue, running, now, slots - len(running), served=served)
        running += begun
        served |= {tag_in(job_id): moment for job_id in begun}
        first -= set(begun)
        queue = [entry for entry in queue if entry[1] not in begun]
        running.pop(0)  # the one that has run the longest ends
        queue.append((now, job_id_for(tenant, f"later{moment}")))
        if not first:
            return
    raise AssertionError(f"still waiting: {first}")


in_order = st.lists(st.integers(0, 40), max_size=40).map(
    lambda times: [(float(due_at), f"job{n}") for n, due_at in enumerate(times)]
)


@given(in_order=in_order, worker=st.text(max_size=3), width=st.integers(1, 50))
def test_no_job_is_put_before_one_that_came_five_seconds_earlier(
    in_order: list[tuple[float, str]], worker: str, width: int
) -> None:
    """However a worker mixes the first candidates, none is put before one that came more than five seconds earlier."""
    mixed = spread_out(in_order, Spread(worker, width))
    due_at, position = {key: at for at, key in in_order}, {key: n for n, (_, key) in enumerate(in_order)}

    assert sorted(mixed) == sorted(due_at)
    assert list(mixed[width:]) == [key for _, key in in_order[width:]]
    for n, key in enumerate(mixed):
        passed = [other for other in mixed[n + 1 :] if position[other] < position[key]]
        assert all(due_at[key] <= due_at[other] + OVERTAKES for other in passed)


@given(in_order=in_order, worker=st.text(max_size=3))
def test_a_worker_among_few_takes_the_first(in_order: list[tuple[float, str]], worker: str) -> None:
    """With a width of one the order is that of the queue."""
    assert list(spread_out(in_order, Spread(worker, 1))) == [key for _, key in in_order]


def test_no_waiting_job_is_overtaken_by_one_that_came_later_than_five_seconds_after_it() -> None:
    """While workers take one job after the other off a deep queue, each job goes before all that came much later."""
    waiting = [(n / 20, f"job{n}") for n in range(1000)]  # 50 seconds of arrivals
    for turn in range(1000):
        key = fair(waiting, (), NOON, 1, spread=Spread(f"worker{turn % 97}", 250))[0]
        taken = next(one for one in waiting if one[1] == key)
        assert taken[0] <= waiting[0][0] + OVERTAKES
        waiting.remove(taken)


def test_workers_that_look_at_once_rarely_take_the_same_job() -> None:
    """Of twenty workers that look at a deep queue in the same moment, hardly one is refused."""
    waiting = [(n / 200, f"job{n}") for n in range(1000)]
    refused = 0
    for turn in range(50):
        chosen = [fair(waiting, (), NOON, 1, spread=Spread(f"worker{turn}-{n}", 250))[0] for n in range(20)]
        refused += len(chosen) - len(set(chosen))

    assert refused <= 0.05 * 50 * 20
