import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.jobs.job import Job
from service.core.jobs.lease import FINAL, State
from service.core.jobs.progress import MIN_LEAD, TOP, Hint, Reading, ceiling, clamp, must_note, percent_of, shown
from service.testing.factories import a_job, a_running_job, changed

ANY_FLOAT = st.floats() | st.sampled_from([0.0, -0.0, 99.9, 99.95, 99.999999999, 100.0, math.inf, -math.inf, math.nan])
PERCENTS = st.floats(0, 100).map(clamp)


@pytest.mark.requirement("2.2")
@pytest.mark.parametrize(
    ("reading", "percent"),
    [
        (Reading(), 0.0),
        (Reading(position_seconds=30, total_seconds=60), 50.0),
        (Reading(position_seconds=400_000, total_seconds=800_000), 50.0),
        (Reading(position_seconds=None, total_seconds=60, bytes_fed=25, bytes_total=100), 25.0),
        (Reading(position_seconds=30, total_seconds=None, bytes_fed=25, bytes_total=100), 25.0),
        (Reading(position_seconds=30, total_seconds=0.0, bytes_fed=25, bytes_total=100), 25.0),
        (Reading(bytes_fed=100, bytes_total=100), TOP),
        (Reading(position_seconds=61, total_seconds=60), TOP),
        (Reading(position_seconds=-1, total_seconds=60), 0.0),
        (Reading(position_seconds=59.9999, total_seconds=60), TOP),
        (Reading(position_seconds=20, total_seconds=60), 33.3),
    ],
    ids=[
        "nothing known",
        "by time",
        "over 99 hours",
        "no position yet",
        "no duration",
        "duration of nought",
        "all bytes fed",
        "beyond the end",
        "before the beginning",
        "almost done",
        "rounded down",
    ],
)
def test_percent_of_a_reading(reading: Reading, percent: float) -> None:
    """Time counts where the duration is known, bytes elsewhere, and nothing leaves 0 … 99.9."""
    assert percent_of(reading) == percent


@pytest.mark.requirement("2.2")
@given(
    position=st.none() | ANY_FLOAT,
    total=st.none() | ANY_FLOAT,
    fed=st.integers(-(2**60), 2**60),
    size=st.integers(-1, 2**60),
)
def test_nonsense_reading_stays_between_0_and_99_9(
    position: float | None, total: float | None, fed: int, size: int
) -> None:
    """Whatever ffmpeg says, the answer is a percentage below 100 with one decimal."""
    percent = percent_of(Reading(position_seconds=position, total_seconds=total, bytes_fed=fed, bytes_total=size))

    assert 0.0 <= percent <= TOP
    assert round(percent, 1) == percent


@given(percent=st.floats(0, 100))
def test_clamp_rounds_down_by_less_than_a_step(percent: float) -> None:
    """Nothing is announced early, and nothing is held back by a whole step."""
    answer = clamp(percent)

    assert answer <= percent + 1e-6
    assert percent - answer < 0.1 or answer == TOP


@given(percent=PERCENTS)
def test_clamping_a_percentage_twice_changes_nothing(percent: float) -> None:
    """A percentage with one decimal is not worn down by being clamped again."""
    assert clamp(percent) == percent


@given(percent=PERCENTS, gain=st.floats(-100, 100), acknowledged=PERCENTS)
def test_durable_ceiling_is_above_the_reading_and_never_falls(percent: float, gain: float, acknowledged: float) -> None:
    """A ceiling is at least what the store has, and ahead of the reading wherever there is room."""
    written = ceiling(percent, gain, acknowledged)

    assert acknowledged <= written <= TOP
    assert written >= min(TOP, clamp(percent + MIN_LEAD))


@given(percents=st.lists(PERCENTS, min_size=1))
def test_ceilings_of_an_attempt_only_rise(percents: list[float]) -> None:
    """Readings may jump about; the ceilings that follow from them do not."""
    written, last = [0.0], 0.0
    for percent in percents:
        written.append(ceiling(percent, percent - last, written[-1]))
        last = percent

    assert written == sorted(written)


# ── what is answered ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("2.7")
@pytest.mark.parametrize("hint", [None, Hint(3.0, 1), Hint(99.9, 1)])
def test_succeeded_job_reads_100_percent(hint: Hint | None) -> None:
    """A job that succeeded reads 100, whatever Redis says."""
    assert shown(a_job(state=State.SUCCEEDED, percent=100.0), hint) == 100.0


@given(percent=st.floats(0, 100), mark=st.floats(0, 100), fine=st.none() | st.floats(0, 1000))
@pytest.mark.parametrize("state", sorted(set(State) - {State.SUCCEEDED}))
def test_unfinished_job_never_reads_100_percent(state: State, percent: float, mark: float, fine: float | None) -> None:
    """No other state reads 100, even if the record or Redis said so."""
    job = a_job(state=state, percent=percent, shown=mark)

    assert shown(job, None if fine is None else Hint(fine, 1)) <= TOP


def test_reading_from_redis_is_shown_below_the_ceiling() -> None:
    """The fine reading is what is shown, not the ceiling above it."""
    assert shown(a_running_job(percent=50.0), Hint(47.5, 1)) == 47.5


def test_progress_without_redis_is_the_durable_ceiling() -> None:
    """Without Redis the ceiling is shown, and has to be noted first."""
    job = a_running_job(percent=50.0, shown=40.0)

    assert shown(job, None) == 50.0
    assert must_note(job, None)
    assert not must_note(replace(job, shown=50.0), None)
    assert not must_note(job, Hint(47.5, 1))


@pytest.mark.requirement("2.5")
def test_new_attempt_shows_the_old_progress_until_it_passes_it() -> None:
    """A new attempt that starts at nought is shown at the mark of the last one."""
    assert shown(a_running_job(attempt=2, percent=50.0, shown=50.0), Hint(0.0, 2)) == 50.0


@pytest.mark.requirement("2.5")
def test_reading_of_an_earlier_attempt_is_none() -> None:
    """What a worker publishes that was replaced without knowing it is not shown: the record counts, and is noted."""
    job = a_running_job(attempt=2, percent=74.8, shown=41.6)

    assert shown(job, Hint(50.0, 1)) == 74.8
    assert must_note(job, Hint(50.0, 1))
    assert shown(job, Hint(50.0, 2)) == 50.0
    assert not must_note(job, Hint(50.0, 2))


@pytest.mark.requirement("2.5")
@pytest.mark.parametrize("state", sorted(FINAL - {State.SUCCEEDED}))
@pytest.mark.parametrize("order", [(None, Hint(45.0, 1)), (Hint(45.0, 1), None)], ids=["away first", "there first"])
def test_progress_of_a_failed_job_is_the_same_with_and_without_redis(
    state: State, order: tuple[Hint | None, ...]
) -> None:
    """Of two readers of a failed job, one with Redis and one without, neither sees less than the other."""
    job = a_job(state=state, percent=50.0, shown=40.0)

    assert [shown(job, hint) for hint in order] == [50.0, 50.0]


@given(
    steps=st.lists(
        st.sampled_from(["work", "renew", "publish", "read", "read without redis", "replaced", "end"]), max_size=60
    ),
    gains=st.lists(st.floats(0, 30), min_size=1),
    ending=st.permutations(["renew", "publish", "end", "read", "read without redis"]),
)
def test_progress_never_falls_in_any_history(steps: list[str], gains: list[float], ending: list[str]) -> None:
    """Readers with and without Redis, in any order with work, renewals, takeovers and the end, never see a fall."""
    job, hint = a_running_job(), None
    percent, renewed_at, acknowledged = 0.0, 0.0, 0.0
    seen = [0.0]
    for number, step in enumerate([*steps, *ending]):
        if step == "work":
            percent = clamp(percent + gains[number % len(gains)])
        elif step == "renew" and not job.final:
            job = job.renewed(ceiling(percent, percent - renewed_at, acknowledged), "streaming")
            acknowledged, renewed_at = job.percent, percent
        elif step == "publish" and not job.final:
            hint = Hint(max(hint.percent if hint else 0.0, min(percent, acknowledged)), job.attempt)
        elif step == "replaced" and not job.final:
            job = job.taken_over("worker2")
            percent, renewed_at, acknowledged = 0.0, 0.0, job.percent
        elif step == "end" and not job.final:
            job = changed(job, state=State.FAILED, owner=None)
        elif step == "read" and hint is not None:
            seen.append(shown(job, hint))
        elif step == "read without redis":
            job = _noted(job)
            seen.append(shown(job, None))

    assert seen == sorted(seen)


def _noted(job: Job) -> Job:
    return replace(job, shown=max(job.shown, job.percent)) if must_note(job, None) else job
