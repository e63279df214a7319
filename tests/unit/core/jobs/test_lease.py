import dataclasses
from collections.abc import Callable
from itertools import product

import pytest

from service.core.errors import IllegalTransition
from service.core.jobs.lease import FINAL, TRANSITIONS, Event, Holding, Lease, State
from service.testing.factories import a_job, changed

HAPPEN: dict[Event, Callable[[Lease], Lease]] = {
    Event.CLAIM: lambda lease: lease.claimed("worker9"),
    Event.TAKE_OVER: lambda lease: lease.taken_over("worker9"),
    Event.RENEW: lambda lease: lease.renewed(),
    Event.RELEASE: lambda lease: lease.released(5.0, fault=True),
    Event.REQUEUE: lambda lease: lease.requeued(),
    Event.SUCCEED: lambda lease: lease.ended(Event.SUCCEED),
    Event.FAIL: lambda lease: lease.ended(Event.FAIL),
    Event.STOP: lambda lease: lease.ended(Event.STOP),
    Event.CANCEL: lambda lease: lease.cancelled(),
    Event.EXHAUST: lambda lease: lease.exhausted(),
}


def a_lease(state: State) -> Lease:
    """A lease that could be in `state`, in its third attempt."""
    owner = "worker1" if state is State.RUNNING else None
    return Lease(key="segment7", state=state, owner=owner, attempt=3, beat=7, lapses=1, faults=1)


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)), ids=str)
def test_lease_of_anything_follows_the_table(state: State, event: Event) -> None:
    """A lease needs no job: each event leads where the table says, and is refused where the table says nothing."""
    if (after := TRANSITIONS.get((state, event))) is None:
        with pytest.raises(IllegalTransition, match=f"{state} cannot {event}"):
            HAPPEN[event](a_lease(state))
    else:
        assert HAPPEN[event](a_lease(state)).state is after
        assert HAPPEN[event](a_lease(state)).key == "segment7"


@pytest.mark.parametrize(
    ("event", "attempt", "beat", "lapses", "faults"),
    [
        (Event.TAKE_OVER, 4, 0, 2, 1),
        (Event.RENEW, 3, 8, 1, 1),
        (Event.RELEASE, 3, 7, 1, 2),
        (Event.REQUEUE, 3, 7, 2, 1),
        (Event.SUCCEED, 3, 7, 1, 1),
        (Event.EXHAUST, 3, 7, 2, 1),
        (Event.CANCEL, 3, 7, 1, 1),
    ],
)
def test_each_step_of_a_running_lease_counts_what_it_is_about(
    event: Event, attempt: int, beat: int, lapses: int, faults: int
) -> None:
    """Attempts, beats, lapses and faults rise with the steps that they count, and with no other."""
    after = HAPPEN[event](a_lease(State.RUNNING))

    assert (after.attempt, after.beat, after.lapses, after.faults) == (attempt, beat, lapses, faults)


def test_holding_names_what_is_leased_not_a_job() -> None:
    """The fencing token is of a key, so that one worker may hold two leases of one job."""
    one, other = a_lease(State.RUNNING), Lease(key="segment8", state=State.RUNNING, owner="worker1", attempt=3)

    assert one.holding == Holding("segment7", "worker1", 3)
    assert one.held_by(one.holding)
    assert not other.held_by(one.holding)


@pytest.mark.parametrize("state", sorted(FINAL | {State.QUEUED}))
def test_lease_that_is_not_running_has_no_holding(state: State) -> None:
    """Asking for the holder of a lease that no worker has is an error."""
    with pytest.raises(IllegalTransition, match="no holder"):
        _ = a_lease(state).holding


def test_job_is_known_by_the_key_of_its_lease() -> None:
    """A job has no id of its own beside its lease, so the two cannot differ."""
    assert changed(a_job(), job_id="job2").lease.key == "job2"
    assert changed(a_job(), job_id="job2").job_id == "job2"


@pytest.mark.parametrize(
    ("lapses", "lived", "beat", "elsewhere"),
    [
        (0, 0, 9, False),
        (1, 0, 1, False),
        (1, 0, 2, True),
        (1, 3, 1, True),
        (1, 20, 15, False),
        (1, 20, 14, True),
        (1, 20, 25, False),
        (1, 20, 26, True),
    ],
)
def test_attempts_that_lapse_after_about_as_many_renewals_may_have_one_cause(
    lapses: int, lived: int, beat: int, *, elsewhere: bool
) -> None:
    """A lapse is at another point if the attempt had clearly more or fewer renewals; the first has no other point."""
    lease = dataclasses.replace(a_lease(State.RUNNING), lapses=lapses, lived=lived, beat=beat)

    assert lease.lapsed_elsewhere is elsewhere
