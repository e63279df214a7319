import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.jobs.lease import Holding, Lease, State
from service.core.jobs.trust import LeasePolicy, Sighting, Trust, next_look, sight

POLICY = LeasePolicy()
HOLDING = Holding("job1", "worker1", 1)
MOMENTS = st.floats(0, 1e7)


def running(*, attempt: int = 1, beat: int = 0) -> Lease:
    """A lease that ``worker1`` holds."""
    return Lease(key="job1", state=State.RUNNING, owner="worker1", attempt=attempt, beat=beat)


def test_default_lease_policy_is_valid() -> None:
    """The numbers that nobody changed are sound."""
    assert POLICY.problems() == ()


@pytest.mark.parametrize(
    ("policy", "word"),
    [
        (LeasePolicy(heartbeat=0), "heartbeat must be above 0"),
        (LeasePolicy(heartbeat=2.1), "at most a third of the lease"),
        (LeasePolicy(margin=0), "margin"),
        (LeasePolicy(margin=3), "margin"),
    ],
    ids=["no heartbeat", "two beats only", "no margin", "half the lease as margin"],
)
def test_invalid_lease_policy_names_the_number(policy: LeasePolicy, word: str) -> None:
    """A relation that does not hold is named, with its numbers."""
    (problem,) = policy.problems()

    assert word in problem


def test_invalid_lease_policy_names_all_mistakes_at_once() -> None:
    """Several mistakes are reported together."""
    assert len(LeasePolicy(duration=0, heartbeat=-1, margin=5).problems()) == 2


@given(sent_at=MOMENTS)
def test_trust_ends_before_the_lease_could_be_taken(sent_at: float) -> None:
    """A holder stops `margin` before the first moment at which a watcher may take over."""
    trust = Trust(HOLDING, sent_at, POLICY)

    assert trust.trusted_until == pytest.approx(sent_at + POLICY.duration - POLICY.margin)
    assert trust.remaining(sent_at + POLICY.duration - POLICY.margin / 2) < 0
    assert trust.remaining(sent_at) > 0


@given(first=MOMENTS, later=st.lists(MOMENTS))
def test_late_answer_to_a_renewal_never_shortens_trust(first: float, later: list[float]) -> None:
    """Renewals may be answered out of order; trust counts from the one that was sent last."""
    trust = Trust(HOLDING, first, POLICY)
    for sent_at in later:
        trust = trust.renewed(sent_at)

    assert trust.sent_at == max([first, *later])


def test_slow_answer_does_not_stretch_the_lease() -> None:
    """A renewal counts from when it was sent, so an answer that took as long as trust lasts gives none."""
    trust = Trust(HOLDING, 0.0, POLICY).renewed(sent_at=1.0)

    assert trust.remaining(1.0 + POLICY.duration - POLICY.margin) == 0


# ── watching ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_watcher_that_has_just_started_takes_over_nothing() -> None:
    """A watcher that has just started knows of no lapse, however old the jobs are."""
    memory, lapsed = sight({}, [running(beat=7)], now=1000.0, duration=6.0)

    assert memory == {"job1": Sighting(1, 7, 1000.0)}
    assert lapsed == []


@pytest.mark.requirement("6.7")
def test_lease_lapses_when_attempt_and_beat_stand_still_for_its_duration() -> None:
    """The same attempt and beat a whole lease later is a lapse, and not a moment sooner."""
    lease = running(beat=7)
    memory, _ = sight({}, [lease], 1000.0, 6.0)

    assert sight(memory, [lease], 1005.999, 6.0)[1] == []
    assert sight(memory, [lease], 1006.0, 6.0)[1] == [lease]


@pytest.mark.parametrize("moved", [running(beat=8), running(attempt=2, beat=7)], ids=["beat", "attempt"])
def test_watcher_counts_anew_when_attempt_or_beat_moves(moved: Lease) -> None:
    """A renewal or a new attempt starts the lease again, however late it is noticed."""
    memory, _ = sight({}, [running(beat=7)], 1000.0, 6.0)

    memory, lapsed = sight(memory, [moved], 1100.0, 6.0)

    assert lapsed == []
    assert memory["job1"].since == 1100.0


def test_watcher_forgets_leases_that_are_not_running() -> None:
    """Memory does not grow, and a job that runs again is counted from then on."""
    memory, _ = sight({}, [running()], 1000.0, 6.0)
    memory, _ = sight(memory, [], 1003.0, 6.0)

    assert memory == {}
    assert sight(memory, [running()], 1010.0, 6.0)[1] == []


@given(
    beats=st.lists(st.tuples(st.floats(0.01, 1.99), st.floats(0, 0.99)), min_size=1, max_size=30),
    looks=st.lists(st.floats(0.01, 20), min_size=1, max_size=30),
)
def test_holder_that_renews_in_time_is_never_taken_over(beats: list[tuple[float, float]], looks: list[float]) -> None:
    """Whenever a watcher looks, a job whose beat moves at least every three seconds has not lapsed."""
    moments, now = [], 0.0
    for pause, slowness in beats:
        now += pause
        moments.append(now + slowness)  # sent at `now`, written a little later
    horizon = moments[-1] + 3
    memory: dict[str, Sighting] = {}
    looked = 0.0
    for pause in looks:
        looked += pause
        if looked > horizon:
            break
        beat = sum(moment <= looked for moment in moments)
        memory, lapsed = sight(memory, [running(beat=beat)], looked, POLICY.duration)
        assert lapsed == []


@given(since=st.lists(MOMENTS, max_size=5), now=MOMENTS, duration=st.floats(1, 60), interval=st.floats(0.1, 60))
def test_watcher_looks_again_before_the_next_lapse(
    since: list[float], now: float, duration: float, interval: float
) -> None:
    """The next look is within the interval, not negative, and no later than the first possible lapse."""
    memory = {str(n): Sighting(1, 1, moment) for n, moment in enumerate(since)}

    wait = next_look(memory, now, duration, interval)

    assert 0 <= wait <= interval
    assert all(wait <= max(0.0, moment + duration - now) for moment in since)


def test_excused_lapses_have_a_bound_of_their_own() -> None:
    """Five lapses that only the job explains end it, and fifteen with those that something else explains."""
    policy = LeasePolicy()

    assert [policy.too_many(lapses) for lapses in (4, 5)] == [False, True]
    assert [policy.too_many(4, excused) for excused in (10, 11)] == [False, True]


def test_time_in_which_the_watcher_did_not_look_does_not_count() -> None:
    """A watcher that was frozen for a minute has seen the pair stand still for as long as it looked, and no longer."""
    lease = running(beat=7)
    memory, _ = sight({}, [lease], 1000.0, 6.0)
    memory, _ = sight(memory, [lease], 1002.0, 6.0)

    memory, lapsed = sight(memory, [lease], 1062.0, 6.0, 58.0)
    assert lapsed == []
    assert sight(memory, [lease], 1063.9, 6.0)[1] == []
    assert sight(memory, [lease], 1064.0, 6.0)[1] == [lease]
