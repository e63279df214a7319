import pytest

from service.core.errors import IllegalTransition
from service.core.jobs.lease import Holding
from service.core.webhooks.asked import MOST_ASKED, Answer
from service.core.webhooks.notification import (
    FARTHEST,
    LAST_CHANCE,
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

NOON = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT


def concluded(answer: int | str, tries: int, draw: float) -> Delivered | Later | Dead:
    """What follows from a status without more, or from why there was none."""
    return conclude(Answer(answer) if isinstance(answer, int) else answer, tries, draw, now=NOON)


def pause(retry_after: str, *, status: int = 503, tries: int = 1, ends_at: float = NOON + 86400) -> float:
    """How long the next attempt is put off after an answer with this field."""
    verdict = conclude(Answer(status, retry_after), tries, 0.0, now=NOON, ends_at=ends_at)
    assert isinstance(verdict, Later)
    assert verdict.error == f"status_{status}"
    return verdict.delay


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_success(status: int) -> None:
    """A receiver accepts with any status of the 200s, also at the last try."""
    assert concluded(status, 1, 0.5) == concluded(status, MOST_TRIES, 0.5) == Delivered()


@pytest.mark.parametrize("answer", [100, 199, 300, 301, 302, 400, 404, 429, 500, 503, "timeout", "address_not_allowed"])
def test_all_else_is_tried_again_until_the_last_try(answer: int | str) -> None:
    """A redirect, an error and no answer are in vain; after the last try the notification is dead, and says why."""
    error = f"status_{answer}" if isinstance(answer, int) else answer

    assert concluded(answer, 1, 0.0) == Later(error, RETRIES.delay(1, 0.0))
    assert isinstance(concluded(answer, MOST_TRIES - 1, 0.0), Later)
    assert concluded(answer, MOST_TRIES, 0.0) == Dead(error)


def test_410_ends_the_tries() -> None:
    """An endpoint that is gone is not asked again."""
    assert concluded(410, 1, 0.0) == Dead("status_410")


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("retry_after", ["120", " 120 ", "Fri, 15 Jan 2027 08:02:00 GMT"])
def test_receiver_may_ask_for_a_longer_pause(status: int, retry_after: str) -> None:
    """`Retry-After` of 429 and 503 is heeded, in seconds and as a date."""
    assert pause(retry_after, status=status) == 120.0


@pytest.mark.parametrize("retry_after", ["0", "1", "Fri, 15 Jan 2027 08:00:01 GMT", "Fri, 15 Jan 2021 08:00:00 GMT"])
def test_receiver_cannot_ask_for_a_shorter_pause(retry_after: str) -> None:
    """Our own pauses are the least, so that no receiver uses up its tries in a moment."""
    assert pause(retry_after) == RETRIES.delay(1, 0.0)
    assert pause("60", tries=MOST_TRIES - 1) == RETRIES.delay(MOST_TRIES - 1, 0.0) > MOST_ASKED


@pytest.mark.parametrize("retry_after", ["3601", "9" * 60, "Fri, 15 Jan 2100 08:00:00 GMT"])
def test_receiver_cannot_ask_for_more_than_an_hour(retry_after: str) -> None:
    """Whatever is asked, the pause ends within an hour, and before its job is forgotten; it is no longer than any."""
    assert pause(retry_after) == MOST_ASKED == 3600 < FARTHEST
    assert pause(retry_after, ends_at=NOON + 600) == 600 - LAST_CHANCE
    assert pause(retry_after, ends_at=NOON - 1) == RETRIES.delay(1, 0.0)


@pytest.mark.parametrize(
    "retry_after",
    [
        *("", "soon", "-120", "1.5e3", "+120", "120, 120", "\u0661\u0662", "nan", "inf", "1 2 3 4 5", "9" * 65, "\x00"),
        *("Fri, 99 Jan 2027 08:02:00 GMT", "Fri, 15 Jan 99999999 08:02:00 GMT", "Fri, 15 Jan 2027 08:02:00"),
    ],
)
def test_nonsense_about_pauses_is_ignored(retry_after: str) -> None:
    """What is neither seconds nor a date of HTTP changes nothing."""
    assert pause(retry_after) == RETRIES.delay(1, 0.0)


@pytest.mark.parametrize("status", [302, 404, 500, 502])
def test_pause_is_asked_with_429_and_503_alone(status: int) -> None:
    """With other statuses the field is not looked at; with 410, or at the last try, there is nothing to put off."""
    assert pause("120", status=status) == RETRIES.delay(1, 0.0)
    assert conclude(Answer(410, "120"), 1, 0.0, now=NOON) == Dead("status_410")
    assert conclude(Answer(503, "120"), MOST_TRIES, 0.0, now=NOON) == Dead("status_503")


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
