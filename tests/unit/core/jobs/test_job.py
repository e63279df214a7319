from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.errors import IllegalTransition
from service.core.jobs.job import Job
from service.core.jobs.lease import FINAL, TRANSITIONS, Event, Holding, State
from service.testing.clock import NOON
from service.testing.factories import a_failure, a_job, a_running_job, an_output, changed

HAPPEN: dict[Event, Callable[[Job], Job]] = {
    Event.CLAIM: lambda job: job.claimed("worker9", NOON),
    Event.TAKE_OVER: lambda job: job.taken_over("worker9"),
    Event.RENEW: lambda job: job.renewed(50.0, "streaming"),
    Event.RELEASE: lambda job: job.released(NOON, fault=False),
    Event.REQUEUE: lambda job: job.requeued(),
    Event.SUCCEED: lambda job: job.succeeded(an_output(), NOON),
    Event.FAIL: lambda job: job.failed(a_failure(), NOON),
    Event.STOP: lambda job: job.stopped(NOON),
    Event.CANCEL: lambda job: job.cancelled(NOON),
    Event.EXHAUST: lambda job: job.exhausted(a_failure(), NOON),
}

# The picture at the top of core/jobs/lease.py, written down a second time, independently.
ARROWS = {
    "queued claim running",
    "queued cancel cancelled",
    "running take_over running",
    "running renew running",
    "running release queued",
    "running requeue queued",
    "running succeed succeeded",
    "running fail failed",
    "running stop cancelled",
    "running cancel running",
    "running exhaust failed",
}


def in_state(state: State) -> Job:
    """A job that could be in `state`."""
    if state is State.QUEUED:
        return a_job()
    if state is State.RUNNING:
        return a_running_job()
    return a_running_job(state=state, owner=None, finished_at=NOON)


def test_transition_table_is_the_drawn_state_machine() -> None:
    """The table of transitions holds exactly the arrows of the picture."""
    table = {f"{state} {event} {after}" for (state, event), after in TRANSITIONS.items()}

    assert table == ARROWS


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)), ids=str)
def test_job_event_is_refused_where_the_table_has_no_transition(state: State, event: Event) -> None:
    """Each event leads where the table says, and is refused in every state for which the table says nothing."""
    job = in_state(state)
    expected = TRANSITIONS.get((state, event))

    if expected is None:
        with pytest.raises(IllegalTransition, match=f"{state} cannot {event}"):
            HAPPEN[event](job)
    else:
        assert HAPPEN[event](job).state is expected


@pytest.mark.parametrize("event", list(Event))
def test_transition_returns_a_new_job_and_leaves_the_old(event: Event) -> None:
    """A step returns another job; the one before it is a value and stays."""
    job = in_state(State.QUEUED if event is Event.CLAIM else State.RUNNING)
    before = replace(job)

    HAPPEN[event](job)

    assert job == before


def test_final_job_states_have_no_transition() -> None:
    """Final is exactly what has no arrow leading out."""
    assert set(State) - {state for state, _ in TRANSITIONS} == FINAL
    assert {state for state in State if in_state(state).final} == FINAL


def test_only_a_running_job_is_held() -> None:
    """Outside of running there is no lease, and asking for it is an error."""
    assert a_running_job().holding == Holding("job1", "worker1", 1)
    for state in set(State) - {State.RUNNING}:
        with pytest.raises(IllegalTransition):
            _ = in_state(state).holding


@pytest.mark.requirement("6.7")
@pytest.mark.parametrize(
    "holding",
    [Holding("job2", "worker1", 1), Holding("job1", "worker2", 1), Holding("job1", "worker1", 0)],
    ids=["another job", "another owner", "another attempt"],
)
def test_holding_with_another_key_owner_or_attempt_is_refused(holding: Holding) -> None:
    """A holding that differs in one part only is not the lease."""
    assert a_running_job().lease.held_by(Holding("job1", "worker1", 1))
    assert not a_running_job().lease.held_by(holding)


@pytest.mark.parametrize("state", sorted(set(State) - {State.RUNNING}))
def test_job_that_is_not_running_is_not_held(state: State) -> None:
    """The right owner and attempt are not enough when the job is not running any more."""
    job = changed(a_running_job(), state=state)

    assert not job.lease.held_by(Holding("job1", "worker1", 1))


@pytest.mark.parametrize("event", [e for s, e in TRANSITIONS if s is State.RUNNING])
def test_job_has_an_owner_only_while_running(event: Event) -> None:
    """After every step, a job has an owner if and only if it is running."""
    after = HAPPEN[event](a_running_job())

    assert (after.owner is not None) == (after.state is State.RUNNING)


@pytest.mark.parametrize("event", [Event.SUCCEED, Event.FAIL, Event.STOP, Event.EXHAUST])
def test_job_that_ends_records_when(event: Event) -> None:
    """Every way to end a running job notes when."""
    assert HAPPEN[event](a_running_job()).finished_at == NOON


def test_cancelling_a_job_twice_changes_nothing() -> None:
    """The second wish finds the first one and changes nothing."""
    asked = a_running_job().cancelled(NOON)

    assert asked.cancel_requested
    assert asked.cancelled(NOON + 1) == asked


def test_only_a_succeeded_job_stands_at_100_percent() -> None:
    """A job stands at 100 when its output is recorded, and at what it had reached otherwise."""
    job = a_running_job(percent=40.0)

    assert job.succeeded(an_output(), NOON).percent == 100.0
    assert {HAPPEN[e](job).percent for e in (Event.FAIL, Event.STOP, Event.EXHAUST, Event.RELEASE)} == {40.0}


@given(events=st.lists(st.sampled_from(Event), max_size=40), percents=st.lists(st.floats(0, 100), min_size=1))
def test_attempt_lapses_faults_and_percent_never_fall(events: list[Event], percents: list[float]) -> None:
    """Whatever happens in whatever order: attempt, lapses, faults and percent never fall, the end is the end."""
    history = [a_job()]
    for number, event in enumerate(events):
        job = history[-1]
        try:
            history.append(
                job.renewed(percents[number % len(percents)], None) if event is Event.RENEW else HAPPEN[event](job)
            )
        except IllegalTransition:
            assert (job.state, event) not in TRANSITIONS
    for before, after in pairwise(history):
        assert not before.final
        assert before.attempt <= after.attempt
        assert before.lease.lapses <= after.lease.lapses
        assert before.lease.faults <= after.lease.faults
        assert before.percent <= after.percent
        assert after.cancel_requested or not before.cancel_requested
        assert after.attempt > before.attempt or after.lease.beat >= before.lease.beat
        assert before.started_at in {None, after.started_at}
