import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core import backoff
from service.core.backoff import JOB_FAULT, LEASE_RENEWAL, OUTCOME_RECORD, S3_COMPLETION, Backoff

POLICIES = {name: value for name, value in vars(backoff).items() if isinstance(value, Backoff)}
DRAWS = st.floats(0, 1, exclude_max=True)


@given(policy=st.sampled_from(list(POLICIES.values())), attempt=st.integers(1, 10**9), draw=DRAWS)
def test_delay_stays_between_its_jittered_floor_and_the_cap(policy: Backoff, attempt: int, draw: float) -> None:
    """Every delay lies between the part of it that is not left to chance and the cap, for any count of failures."""
    full = policy.delay(attempt, 1.0)

    assert full * (1 - policy.jitter) * 0.999 <= policy.delay(attempt, draw) <= full * 1.001 <= policy.cap * 1.001


@given(policy=st.sampled_from(list(POLICIES.values())), attempt=st.integers(1, 5000), draw=DRAWS)
def test_delay_never_falls_with_more_failures(policy: Backoff, attempt: int, draw: float) -> None:
    """With the same draw, one failure more never means a shorter delay."""
    assert policy.delay(attempt, draw) <= policy.delay(attempt + 1, draw)


def test_delay_follows_the_formula() -> None:
    """The delay is first * factor ** (attempt - 1), capped, and the draw decides over the jittered part."""
    policy = Backoff(first=1.0, factor=3.0, cap=20.0, jitter=0.5)

    assert [policy.delay(attempt, 1.0) for attempt in (1, 2, 3, 4, 5)] == [1.0, 3.0, 9.0, 20.0, 20.0]
    assert policy.delay(3, 0.0) == 4.5


def test_completion_delays_are_the_three_of_its_comment() -> None:
    """CompleteMultipartUpload is repeated after 0.2, 0.5 and 1 second."""
    assert [S3_COMPLETION.delay(attempt) for attempt in (1, 2, 3)] == [0.2, 0.5, 1.0]


def test_what_a_lease_waits_for_is_repeated_at_a_constant_pace() -> None:
    """Renewals and records do not back off: the lease would end during a longer pause."""
    assert {LEASE_RENEWAL.delay(attempt) for attempt in (1, 2, 10, 1000)} == {0.25}
    assert {OUTCOME_RECORD.delay(attempt) for attempt in (1, 2, 10, 1000)} == {0.1}


def test_first_delay_of_a_job_is_between_a_quarter_and_half_a_second() -> None:
    """The first fault of a job costs it at most half a second."""
    assert JOB_FAULT.delay(1, 0.0) == 0.25
    assert JOB_FAULT.delay(1, 1.0) == 0.5


@pytest.mark.parametrize(
    "wrong",
    [
        {"first": -1.0, "cap": 1.0},
        {"first": 2.0, "cap": 1.0},
        {"first": 1.0, "cap": 2.0, "factor": 0.5},
        {"first": 1.0, "cap": 2.0, "factor": 11.0},
        {"first": 1.0, "cap": 2.0, "jitter": 1.5},
    ],
)
def test_backoff_refuses_numbers_that_make_no_sense(wrong: dict[str, float]) -> None:
    """A policy that would shrink, overflow or give negative delays cannot be made."""
    with pytest.raises(ValueError, match="Backoff needs"):
        Backoff(**wrong)
