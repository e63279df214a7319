"""Tests of `chaos.verdict`, with what it counts: interruptions, figures, and what must have happened once."""

from dataclasses import replace

import pytest

from chaos import verdict
from chaos.checkers.sometimes import SOMETIMES
from chaos.history.events import Attempt, Container, Event, Expected, Fault, Final, Operation, Run
from chaos.history.interruptions import interruptions, spans
from chaos.history.translation import history_of
from chaos.verdict import judge
from tests.support.chaos_run import made_up_run


def shown(at: float, percent: float, state: str = "running") -> Operation:
    """What a client was told of job1."""
    return Operation(
        at=at,
        client="c",
        via="s2",
        verb="read",
        asked=at - 0.1,
        answered=at,
        outcome="ok",
        job_id="job1",
        state=state,
        percent=percent,
        attempt=1,
    )


def attempt(at: float, what: str, number: int, container: str, detail: str = "") -> Attempt:
    """What a container logged of job1."""
    return Attempt(at=at, job_id="job1", attempt=number, container=container, what=what, detail=detail)


# s1 is killed at 5 s and at 40 %; s2 goes on at 11 s, and clients see more than 40 % at 16 s.
KILL: list[Event] = [
    Run(at=0.0, scenario="kill", seed=3, command="make chaos SEED=3", parameters={"sometimes": "takeover_happened"}),
    Expected(at=0.1, upload_id="up1", digest="d", bytes=1),
    Operation(
        at=1.0,
        client="c",
        via="s1",
        verb="submit",
        asked=0.9,
        answered=1.0,
        outcome="ok",
        job_id="job1",
        upload_id="up1",
    ),
    attempt(2.0, "claimed", 1, "s1"),
    shown(4.0, 40.0),
    Fault(at=5.0, name="kill", phase="injected", targets=["s1"]),
    Container(at=5.0, name="s1", what="killed"),
    shown(8.0, 40.0),
    attempt(11.0, "taken_over", 2, "s2"),
    shown(14.0, 40.0),
    shown(16.0, 55.0),
    attempt(20.0, "ended", 2, "s2", "succeeded"),
    shown(21.0, 100.0, "succeeded"),
    Final(at=22.0, job_id="job1", upload_id="up1", state="succeeded", attempt=2, output_key="results/job1/2/a"),
]


def test_an_interruption_says_when_work_and_progress_went_on() -> None:
    """Recovery ends when a container holds the job, the penalty when progress rises; all work before is repeated."""
    (cut,) = interruptions(history_of(KILL))

    assert (cut.container, cut.cause, cut.by, cut.percent) == ("s1", "killed", "s2", 40.0)
    assert (cut.recovery, cut.penalty, cut.repeated) == (6.0, 11.0, 3.0)


def test_an_attempt_ends_with_its_container_or_its_last_word() -> None:
    """The first attempt ends with the kill, the second when it has recorded its outcome."""
    assert [(one.attempt, one.begun, one.ended, one.ending) for one in spans(history_of(KILL))] == [
        (1, 2.0, 5.0, "killed"),
        (2, 11.0, 20.0, "ended"),
    ]


def test_a_last_word_counts_although_the_kill_was_recorded_before_it() -> None:
    """A container that recorded the end of an attempt, and was killed then, has not been cut short."""
    events = [one for one in KILL if not isinstance(one, Attempt)]
    own = [attempt(2.0, "claimed", 1, "s1"), attempt(5.3, "ended", 1, "s1", "succeeded")]

    assert interruptions(history_of([*events, *own])) == []


def test_a_pause_that_is_thawed_in_time_interrupts_nothing() -> None:
    """A container that goes on before its lease ends has lost nothing."""
    events = [
        replace(one, what="paused") if isinstance(one, Container) else one
        for one in KILL
        if not isinstance(one, Attempt)
    ]
    thawed = Container(at=7.0, name="s1", what="thawed")
    own = [attempt(2.0, "claimed", 1, "s1"), attempt(20.0, "ended", 1, "s1", "succeeded")]

    assert interruptions(history_of([*events, thawed, *own])) == []


def test_figures_of_a_run_count_jobs_faults_and_seconds() -> None:
    """The figures are those of the one kill: its recovery, its penalty, the share of the work that was done again."""
    figures = judge(KILL).figures

    assert figures["jobs"] == figures["succeeded"] == figures["faults"] == figures["kills"] == 1
    assert (figures["attempts"], figures["interruptions"]) == (2, 1)
    assert figures["recovery_p50"] == figures["recovery_max"] == 6.0
    assert figures["penalty_max"] == 11.0
    assert figures["repeated_share"] == 0.25


def test_a_run_that_met_what_it_requires_has_passed() -> None:
    """The run required a takeover, and there was one; its command and parameters are kept."""
    judged = judge(KILL)

    assert (judged.verdict, judged.scenario, judged.seed, judged.command) == ("passed", "kill", 3, "make chaos SEED=3")
    assert [one.name for one in judged.sometimes if one.required] == ["takeover_happened"]


def test_claim_of_what_was_given_back_to_the_queue_counts_as_a_takeover() -> None:
    """What a watcher without a free slot gives back to the queue is claimed again; that counts like a takeover."""
    queued = [
        replace(one, what="claimed") if isinstance(one, Attempt) and one.what == "taken_over" else one for one in KILL
    ]
    counted = {one.name: one.count for one in SOMETIMES}["takeover_happened"]

    assert counted(history_of(KILL)) == counted(history_of(queued)) == 1
    assert counted(history_of([one for one in queued if getattr(one, "attempt", 1) == 1])) == 0


def test_a_run_that_never_met_what_it_requires_has_failed() -> None:
    """Every promise was kept, but no stale write was refused: that proves nothing of stale writes."""
    judged = judge(KILL, required=["stale_write_was_refused"])

    assert not any(check.broken for check in judged.checks)
    assert judged.verdict == "failed"


def test_a_run_that_broke_off_has_not_passed() -> None:
    """What stopped the runner is the reason, whatever was seen until then."""
    judged = judge(KILL, error="Docker does not answer")

    assert (judged.verdict, judged.reason) == ("error", "Docker does not answer")


def test_an_unknown_requirement_is_refused() -> None:
    """A name with a slip of the pen must not be a requirement that is never met, or never asked for."""
    with pytest.raises(ValueError, match="takeover_happend"):
        judge(KILL, required=["takeover_happend"])


def test_the_bound_of_recovery_can_be_chosen() -> None:
    """Six seconds are within thirty, and not within four."""
    assert judge(KILL).verdict == "passed"

    judged = judge(KILL, recovery_bound=4.0)

    assert [check.name for check in judged.checks if check.broken] == ["recovery_is_bounded"]


def test_a_job_without_an_oracle_breaks_no_checker() -> None:
    """A job of which nothing is expected is reported as such, and the others are judged."""
    judged = judge([one for one in KILL if not isinstance(one, Expected)])

    assert [check.name for check in judged.checks if check.broken] == ["all_jobs_have_an_oracle"]


def test_every_sometimes_assertion_is_met_by_a_large_run() -> None:
    """Each count rises when what it counts happens, and names are unique."""
    counts = {one.name: one.count for one in judge([*made_up_run(200, containers=6), *resumed()]).sometimes}

    assert len(counts) == len(SOMETIMES)
    assert [name for name, count in counts.items() if not count] == []


def resumed() -> list[Event]:
    """A container that took its own job up again."""
    return [
        Expected(at=0.1, upload_id="up", digest="d"),
        attempt(1.0, "claimed", 1, "x1"),
        Container(at=2.0, name="x1", what="killed"),
        attempt(3.0, "resumed", 2, "x1"),
        attempt(4.0, "ended", 2, "x1", "succeeded"),
        Final(at=5.0, job_id="job1", upload_id="up", state="succeeded", attempt=2),
    ]


def test_every_sometimes_assertion_is_nought_without_its_event() -> None:
    """Nothing is counted in a run in which nothing happened."""
    assert {one.count for one in judge(KILL[:3]).sometimes} == {0}


@pytest.mark.parametrize("check", verdict.CHECKERS, ids=lambda check: check.__name__)
def test_each_checker_states_its_promise_in_a_sentence(check: verdict.Checker) -> None:
    """The report quotes the first line of a checker's docstring: a sentence without a number."""
    promise = verdict.promise_of(check)

    assert promise[0].isupper() or promise[0] == "`"
    assert promise.endswith(".")
    assert "(" not in promise[:1]


def test_percentiles_are_of_the_nearest_rank() -> None:
    """Of four values, the median is the second, p99 the last; of none, there is none."""
    assert [verdict.percentile([1, 2, 3, 4], share) for share in (0.5, 0.99, 1.0)] == [2, 4, 4]
    assert verdict.percentile([], 0.5) is None
