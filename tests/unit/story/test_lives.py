import hashlib

import pytest

from service.story.lines import read
from service.story.lives import Life, Story, story_of
from service.story.telling import costs, sentences
from tests.unit.story.logs import AGAIN, ARRIVAL, BEGAN, FIRST, JOB, KEY, ONE, OTHER, SECOND, about, line, started


def told(*lines: bytes) -> Life:
    """The life of the job, from these lines."""
    return everything(*lines).lives[JOB]


def everything(*lines: bytes) -> Story:
    """All lives and processes."""
    return story_of(read(lines).entries)


def ends(life: Life) -> list[str]:
    """How each attempt ended."""
    return [one.end for one in life.attempts]


def named(source: str, lines: tuple[bytes, ...]) -> list[bytes]:
    """As docker compose prints them."""
    return [f"{source}  | ".encode() + one for one in lines]


def test_kill_is_concluded_from_an_attempt_without_an_end() -> None:
    """An attempt without an end, in a container that was started again, was killed; the next one succeeded."""
    life = told(*FIRST, *SECOND)
    first, second = life.attempts

    assert (life.state, life.output, life.size) == ("succeeded", KEY, 721748)
    assert (first.owner, first.end, first.begun, first.last) == (ONE, "killed", BEGAN + 8, BEGAN + 10)
    assert first.until == BEGAN + 14, "when its container was started again"
    assert (second.owner, second.how, second.end, second.ended) == (OTHER, "taken over", "succeeded", BEGAN + 20.5)
    assert life.missing == []


@pytest.mark.parametrize("seed", range(5))
def test_order_of_named_containers_does_not_matter(seed: int) -> None:
    """Lines that name their container tell the same in any order."""
    lines = [*named("service-1", FIRST), *named("service-2", SECOND)]
    lines.sort(key=lambda one: hashlib.sha256(bytes([seed]) + one).digest())
    first, second = told(*lines).attempts

    assert [(one.container, one.owner, one.end) for one in (first, second)] == [
        ("service-1", ONE, "killed"),
        ("service-2", OTHER, "succeeded"),
    ]


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_lines_without_a_container_are_given_to_no_process(seed: int) -> None:
    """Where neither line nor order tells the process, none is made up: only the takeover names an owner."""
    lines = [*FIRST, *SECOND]
    lines.sort(key=lambda one: hashlib.sha256(bytes([seed]) + one).digest())
    life = told(*lines)

    assert life.state == "succeeded"
    assert [one.owner for one in life.attempts] == [ONE, ""]
    assert "the process that held attempt 2" in life.missing


def test_instance_in_a_line_is_believed() -> None:
    """A line that names its instance belongs to that, whatever stands around it."""
    lines = [
        about(8, "job.claimed", 1, instance=ONE),
        started(1, OTHER),
        about(16, "job.taken_over", 2, instance=AGAIN),
    ]
    life = told(*lines)

    assert [one.owner for one in life.attempts] == [ONE, AGAIN]


def test_process_that_logs_on_after_a_takeover_was_not_killed() -> None:
    """A process that was frozen, and finds that it was replaced, has lost its attempt; it did not die."""
    first = (started(1, ONE), *ARRIVAL, about(8, "job.claimed", 1), about(30, "job.lost", 1, reason="fenced"))
    story = everything(*first, *SECOND)

    assert ends(story.lives[JOB]) == ["lost", "succeeded"]
    assert not any(one.died for one in story.processes.values())
    silent = everything(started(1, ONE), about(8, "job.claimed", 1), line(30, "queue.depth"), *SECOND)
    assert ends(silent.lives[JOB]) == ["replaced", "succeeded"]


def test_process_with_a_wrong_clock_is_known_to_be_killed_all_the_same() -> None:
    """In one container the process that is first in the input is the first, although its last lines are of later."""
    first = (
        started(1, ONE), *ARRIVAL, about(8, "job.claimed", 1, instance=ONE),
        line(500, "queue.depth", queued=0, instance=ONE), started(14, AGAIN),
    )  # fmt: skip
    life = told(*first, *SECOND)

    assert ends(life) == ["killed", "succeeded"]
    assert "by clocks that differ" not in costs(told(*FIRST, *SECOND))[0]
    late = told(started(1, ONE), about(500, "job.claimed", 1, instance=ONE), started(14, AGAIN), *SECOND)
    assert "(by clocks that differ)" in costs(late)[0]


def test_process_that_was_replaced_before_it_died_was_not_killed_for_that() -> None:
    """An attempt whose process logged on after the takeover was replaced, also if that process is killed later."""
    first = (started(1, ONE), about(8, "job.claimed", 1, instance=ONE), line(30, "queue.depth", instance=ONE))

    assert ends(told(*first, *SECOND, started(40, AGAIN))) == ["replaced", "succeeded"]


def test_job_of_a_silent_process_that_waits_again_is_queued() -> None:
    """A job that was put into the queue again waits, and the next claim of it is the next attempt."""
    again = about(16, "job.requeued", 1, previous_owner=ONE, excused=False, level="warning", instance=OTHER)
    story = everything(started(1, ONE), *ARRIVAL, about(8, "job.claimed", 1, instance=ONE), again)
    waiting = story.lives[JOB]
    assert (waiting.state, ends(waiting), waiting.attempts[0].until) == ("queued", ["silent"], BEGAN + 16)
    assert story.processes[ONE].until == BEGAN + 16

    late = told(started(1, ONE), *ARRIVAL, about(8, "job.claimed", 1), again, about(90, "job.claimed", 2))
    assert late.attempts[0].until == BEGAN + 16, "it died before it was queued again, and not as late as it was claimed"
    claimed = told(started(1, ONE), *ARRIVAL, again, about(18, "job.claimed", 2, instance=OTHER))
    assert [(one.owner, one.end) for one in claimed.attempts] == [(ONE, "silent"), (OTHER, "running")]
    assert claimed.state == "running"


def test_process_of_which_nothing_more_is_heard_fell_silent() -> None:
    """Without a new start in its container a process that fell silent is not said to have been killed."""
    story = everything(started(1, ONE), about(8, "job.claimed", 1), *SECOND)

    assert ends(story.lives[JOB]) == ["silent", "succeeded"]
    assert story.processes[ONE].until == BEGAN + 16


def test_process_that_names_the_one_before_it_proves_its_death() -> None:
    """Where neither the log nor the host names a container, the next process there says which one died."""
    before, after = "ip-10-0-1-2.internal-7-aaaaaa", "ip-10-0-1-2.internal-7-bbbbbb"
    again = line(14, "service.restarted", previous=before, jobs=[JOB], within=6, instance=after)
    story = everything(started(1, before), *ARRIVAL, about(8, "job.claimed", 1), started(13, after), again, *SECOND)

    assert ends(story.lives[JOB]) == ["killed", "succeeded"]
    assert (story.processes[before].replaced, story.processes[after].died) == (BEGAN + 14, False)
    said = [one.text for one in sentences(story.lives[JOB], story.processes)]
    assert f"starts in the container of {before}, which did not give this job back" in said


def test_want_of_memory_before_a_death_is_known() -> None:
    """What a process was short of is known by its last word, and no longer once that is over."""
    high = line(9, "resources.high", short_of=["memory"], instance=ONE)
    assert everything(*FIRST, high).processes[ONE].short_of == "memory"
    over = line(9.5, "resources.normal", instance=ONE)
    assert everything(*FIRST, high, over).processes[ONE].short_of == ""
    assert everything(*FIRST, line(9, "resources.high", short_of=7, instance=ONE)).processes[ONE].short_of == ""


def test_stopped_process_gives_its_job_back() -> None:
    """A process that is stopped has released its job, which is logged twice, and has not died."""
    first = (
        started(1, ONE), *ARRIVAL, about(8, "job.claimed", 1), line(9, "service.stopping", signal="SIGTERM"),
        about(9.1, "job.released", 1, reason="shutdown"), about(9.2, "job.lost", 1, reason="handed back"),
        line(9.3, "service.stopped"), started(12, AGAIN),
    )  # fmt: skip
    story = everything(*first, started(1.5, OTHER), about(9.5, "job.claimed", 2))

    assert ends(story.lives[JOB]) == ["released", "running"]
    assert story.lives[JOB].state == "running"
    assert not story.processes[ONE].died


def test_attempt_of_which_nothing_was_logged_is_told_all_the_same() -> None:
    """A process that died before it could log its claim held an attempt: the next takeover names it."""
    life = told(
        started(1, OTHER), about(16, "job.taken_over", 2, previous_owner=ONE), about(18, "job.failed", 2, code="x")
    )

    assert [(one.number, one.owner) for one in life.attempts] == [(1, ONE), (2, OTHER)]
    assert (life.state, life.code) == ("failed", "x")
    assert {"the acceptance of the job", "its upload", "the begin of attempt 1"} <= set(life.missing)


def test_download_proves_a_success_that_was_not_logged() -> None:
    """A process may die between its record and the line about it; a download of its output proves the success."""
    download = about(25, "download.started", key=KEY, via="url", request_id="r")
    life = told(*FIRST, *SECOND[:2], started(30, OTHER), download)

    assert (life.state, life.attempts[-1].end) == ("succeeded", "succeeded")
    assert "the line of its success, which a download proves" in life.missing


def test_ends_without_an_attempt_are_told() -> None:
    """A job that is cancelled while it waits, or given up, has that end; one of which nothing is said has none."""
    assert told(*ARRIVAL).state == "queued"
    assert told(*ARRIVAL, about(9, "job.cancelled")).state == "cancelled"
    given_up = told(*FIRST, about(16, "job.exhausted", lapses=5))
    assert (given_up.state, given_up.code) == ("failed", "attempts_exhausted")
    deleted = told(*FIRST, *SECOND, line(40, "request.done", method="DELETE", path=f"/v1/jobs/{JOB}", status=204))
    assert (deleted.state, deleted.deleted) == ("succeeded", BEGAN + 40)


@pytest.mark.parametrize("attempt", [0, -1, 1.5, 10**9, 1e308, True, "1", None, [1], {"a": 1}])
def test_forged_numbers_of_attempts_cost_nothing(attempt: object) -> None:
    """What is no number of an attempt makes no attempt, and no list of a thousand million of them."""
    life = told(*ARRIVAL, line(9, "job.claimed", job_id=JOB, attempt=attempt))

    assert life.attempts == []


def test_forged_names_of_jobs_make_no_job() -> None:
    """A job's name that is none, by its kind or its length, is no job."""
    lines = [
        line(9, "job.claimed", job_id=name, attempt=1) for name in (7, None, ["x"], "x" * 65, "\x1b[2J", "a b", "")
    ]

    assert everything(*lines).lives == {}
