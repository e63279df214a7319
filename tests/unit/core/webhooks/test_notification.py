import pytest

from service.core.errors import IllegalTransition
from service.core.jobs.lease import Holding
from service.core.webhooks.notification import (
    FARTHEST,
    LEASE,
    MOST_TRIES,
    RETRIES,
    SEND_SECONDS,
    Dead,
    Delivered,
    Later,
    Notification,
    Progress,
    conclude,
    is_due,
    message_id,
)

NOON = 1_800_000_000.0


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_success(status: int) -> None:
    """A receiver accepts with any status of the 200s, also at the last try."""
    assert conclude(status, 1, 0.5) == conclude(status, MOST_TRIES, 0.5) == Delivered()


@pytest.mark.parametrize("answer", [100, 199, 300, 301, 302, 400, 404, 429, 500, 503, "timeout", "address_not_allowed"])
def test_all_else_is_tried_again_until_the_last_try(answer: int | str) -> None:
    """A redirect, an error and no answer are in vain; after the last try the notification is dead, and says why."""
    error = f"status_{answer}" if isinstance(answer, int) else answer

    assert conclude(answer, 1, 0.0) == Later(error, RETRIES.delay(1, 0.0))
    assert isinstance(conclude(answer, MOST_TRIES - 1, 0.0), Later)
    assert conclude(answer, MOST_TRIES, 0.0) == Dead(error)


def test_410_ends_the_tries() -> None:
    """An endpoint that is gone is not asked again."""
    assert conclude(410, 1, 0.0) == Dead("status_410")


@pytest.mark.parametrize("draw", [0.0, 0.999])
def test_tries_go_on_for_about_a_day(draw: float) -> None:
    """The first pauses are seconds, the last ones hours, and all together take between 20 and 26 hours."""
    pauses = [RETRIES.delay(number, draw) for number in range(1, MOST_TRIES)]

    assert pauses == sorted(pauses)
    assert pauses[0] <= 5
    assert 20 * 3600 < sum(pauses) < 26 * 3600
    assert max(pauses) <= FARTHEST


def test_lease_outlasts_a_request() -> None:
    """A notifier that lives has its answer, and has recorded it, long before another takes its notification."""
    assert LEASE >= 4 * SEND_SECONDS


def test_due_time_of_a_clock_that_runs_ahead_counts_as_due() -> None:
    """What lies farther ahead than any pause was written by a wrong clock."""
    assert is_due(NOON, NOON)
    assert not is_due(NOON + 0.001, NOON)
    assert not is_due(NOON + FARTHEST, NOON)
    assert is_due(NOON + FARTHEST + 1, NOON)


def test_attempt_is_a_fencing_token() -> None:
    """What was taken later, or sent again, is not what an earlier holding speaks of; the number never falls."""
    first = Notification().taken("one")
    holding = first.holding("job1")
    second = first.taken("one")

    assert holding == Holding("job1", "one", 1)
    assert first.held_by(holding)
    assert not second.held_by(holding)
    assert not first.held_by(Holding("job1", "two", 1))
    assert not first.resent().held_by(holding)
    assert not first.delivered(NOON).held_by(holding)
    assert first.resent().taken("one").attempt == 2
    with pytest.raises(IllegalTransition):
        first.postponed("timeout").holding("job1")


@pytest.mark.parametrize("over", [Notification().delivered(NOON), Notification().buried("timeout", NOON)])
def test_what_is_over_is_taken_only_after_it_was_sent_again(over: Notification) -> None:
    """Delivered and dead ones are not taken; sent again, they have all of their tries."""
    with pytest.raises(IllegalTransition):
        over.taken("one")
    again = over.resent()
    assert (again.state, again.tries, again.ended_at) == (Progress.PENDING, 0, None)
    assert again.taken("one").tries == 1


def test_id_of_a_message_names_job_and_end() -> None:
    """The id is the same for each attempt, and has no full stop, which the signature uses as a mark."""
    assert message_id("abc", "failed") == "abc_failed"
    assert "." not in message_id("abc", "succeeded")
