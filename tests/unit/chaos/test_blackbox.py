"""Tests of `checkers.blackbox` and `checkers.growth`: each with a run that is good, and one or more that are not."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from chaos import verdict
from chaos.checkers import blackbox, growth, jobs
from chaos.history.events import (
    Attempt,
    Container,
    Event,
    Expected,
    Fault,
    Final,
    Leftover,
    Operation,
    Run,
    Sample,
    Stored,
)
from chaos.history.records import History
from chaos.history.translation import history_of
from tests.support.chaos_run import made_up_run

Checker = Callable[[History], list[str]]


def asked(verb: str, at: float, **more: Any) -> Operation:
    """Of client c1 about job1 through s1, answered with ok a tenth of a second later."""
    fields: dict[str, Any] = {
        "client": "c1",
        "via": "s1",
        "job_id": "job1",
        "upload_id": "up1",
        "outcome": "ok",
        "status": 200,
        "tenant": "t",
        "answered": at + 0.1,
    } | more
    return Operation(at=fields["answered"], verb=verb, asked=at, **fields)


def shown(at: float, percent: float, state: str = "running", **more: Any) -> Operation:
    """What a poll was answered."""
    return asked(more.pop("verb", "read"), at, percent=percent, state=state, **({"attempt": 1} | more))


def attempt(at: float, what: str, number: int = 1, container: str = "s1", detail: str = "") -> Attempt:
    """What a container logged of job1."""
    return Attempt(at=at, job_id="job1", attempt=number, container=container, what=what, detail=detail)


def final(state: str = "succeeded", number: int = 1, key: str | None = "results/job1/1/a.mp3", **more: Any) -> Final:
    """What became of job1."""
    return Final(at=100.0, job_id="job1", upload_id="up1", state=state, attempt=number, output_key=key, **more)


def lived(at: float, what: str, name: str = "s1") -> Container:
    """A container's life."""
    return Container(at=at, name=name, what=what)


def fault(at: float, phase: str = "injected", name: str = "kill") -> Fault:
    """Harm to s1."""
    return Fault(at=at, name=name, phase=phase, targets=["s1"])


EXPECTED = Expected(at=0.1, upload_id="up1", digest="right", bytes=10)
POISON = Expected(at=0.1, upload_id="up1", digest="", may_succeed=False, failures=["attempts_exhausted"])
SUBMITTED = asked("submit", 1.0, key="k1")
KILLED: list[Event] = [attempt(2.0, "claimed"), fault(5.0), lived(5.0, "killed")]
TAKEN_OVER: list[Event] = [attempt(2.0, "claimed"), attempt(9.0, "taken_over", 2, "s2")]


def grown(kind: str, step: int) -> list[Event]:
    """A soak of twenty minutes in which one number rises minute by minute."""
    steady = Sample(container="s1", memory_bytes=10**8, descriptors=30, tasks=9)
    return [replace(steady, at=60.0 * n, **{kind: getattr(steady, kind) + n * step}) for n in range(20)]


BAD: list[tuple[Checker, Sequence[Event], str]] = [
    (
        blackbox.event_streams_never_fall,
        [shown(1.0, 50, verb="stream", answered=2.0), shown(1.0, 40, verb="stream", answered=3.0)],
        "fell from 50 to 40",
    ),
    (
        blackbox.event_streams_never_fall,
        [shown(1.0, 100, "succeeded", verb="stream"), shown(1.0, 100, "succeeded", verb="stream", answered=3.0)],
        "went on after succeeded",
    ),
    (blackbox.downloads_are_never_partial, [asked("download", 3.0, digest="x", bytes=9), final()], "9 bytes of 10"),
    (
        blackbox.downloads_are_never_partial,
        [asked("download", 3.0, digest="right", bytes=10), final("failed", key=None)],
        "was delivered at 3.000 and is failed",
    ),
    (
        blackbox.cancelling_wins,
        [attempt(2.0, "claimed"), asked("cancel", 3.0, state="running"), attempt(40.0, "ended"), final()],
        "was to be cancelled at 3.100, and is succeeded",
    ),
    (blackbox.cancelling_wins, [asked("cancel", 3.0), final("running", key=None)], "and is running"),
    (
        blackbox.an_attempt_has_one_holder,
        [attempt(2.0, "claimed"), attempt(3.0, "claimed", 1, "s2")],
        "attempt 1 was begun by s1 and by s2",
    ),
    (
        blackbox.replaced_attempts_are_refused,
        [*TAKEN_OVER, attempt(12.0, "ended", 1, "s1", "succeeded"), final(number=2, key="results/job1/2/a.mp3")],
        "attempt 1 of s1 recorded its outcome at 12.000, after s2 had begun attempt 2",
    ),
    (blackbox.replaced_attempts_are_refused, [final(number=2)], "at attempt 2 and serves the output of attempt 1"),
    (blackbox.fencing_tokens_never_fall, [shown(2.0, 5, attempt=3), shown(4.0, 6, attempt=2)], "was at attempt 3"),
    (
        blackbox.recovery_is_bounded,
        [*KILLED, lived(6.0, "started"), lived(7.0, "ready"), attempt(60.0, "claimed", 2, "s1"), final(number=2)],
        "s1 was killed at 5.000, and s1 did not go on with it, although it was free for 53.0 s",
    ),
    (
        blackbox.recovery_is_bounded,
        [
            *KILLED,
            lived(0.5, "ready", "s2"),
            *(event for n in range(8) for event in (fault(9.0 + 4 * n), lived(9.0 + 4 * n, "killed"))),
            *(Fault(at=12.0 + 4 * n, name="kill", phase="healed", targets=["s1"]) for n in range(8)),
            attempt(60.0, "taken_over", 2, "s2"),
            final(number=2),
        ],
        "and s2 did not go on with it, although it was free for 55.0 s",
    ),
    (blackbox.attempts_are_bounded, [final(number=2)], "took 2 attempts, and only 1 have a reason"),
    (
        blackbox.attempts_are_bounded,
        [POISON, final("failed", 9, None, failure="attempts_exhausted")],
        "took 9 attempts, and only 7 have a reason",
    ),
    (growth.nothing_grows, grown("memory_bytes", 10**7), "memory of s1 grew"),
    (growth.nothing_grows, grown("descriptors", 5), "descriptors of s1 grew"),
    (growth.nothing_grows, grown("tasks", 5), "tasks of s1 grew"),
    (
        growth.nothing_grows,
        [Stored(at=60.0 * n, rows=10 + 20 * n, objects=5, uploads_open=0) for n in range(20)],
        "rows of the stores grew",
    ),
    (
        growth.nothing_grows,
        [Stored(at=60.0 * n, rows=10, objects=5 + 9 * n, uploads_open=0) for n in range(20)],
        "objects of the stores grew",
    ),
    (
        growth.nothing_grows,
        [Stored(at=60.0 * n, rows=10, objects=5, uploads_open=2 * n) for n in range(20)],
        "unfinished uploads of the stores grew",
    ),
]
# What the checkers of `jobs` and `removals` say, once the events of a real run have become a history.
TRANSLATED: list[tuple[str, Sequence[Event]]] = [
    ("every_job_ends", [SUBMITTED]),
    ("every_job_ends", [SUBMITTED, asked("read", 2.0, outcome="fail", status=404), final()]),
    ("every_job_ends", [SUBMITTED, final("running", key=None)]),
    ("final_states_are_final", [shown(2.0, 5, "failed"), shown(3.0, 5), final()]),
    ("progress_never_falls", [shown(2.0, 50), shown(3.0, 49, via="s2"), final()]),
    ("progress_never_falls", [shown(2.0, 50), shown(3.0, 49, verb="stream"), final()]),
    (
        "a_success_can_be_downloaded",
        [SUBMITTED, shown(2.0, 100, "succeeded"), asked("download", 3.0, outcome="fail", status=409)],
    ),
    ("the_bytes_are_right", [SUBMITTED, asked("download", 3.0, digest="wrong", bytes=10), final()]),
    ("an_idempotency_key_is_one_job", [SUBMITTED, asked("submit", 2.0, key="k1", job_id="job2"), final()]),
    ("cancelled_jobs_have_no_output", [asked("cancel", 2.0), final("cancelled")]),
    ("failures_are_explained", [final("failed", key=None, failure="strange")]),
    ("deleted_jobs_stay_deleted", [asked("delete_job", 2.0), shown(3.0, 5)]),
    ("deletion_may_be_repeated", [asked("delete_job", 2.0, outcome="fail", status=409, code="conflict")]),
    ("tenants_are_isolated", [asked("peek", 2.0, detail="read", tenant="other")]),
    ("tenants_are_isolated", [asked("peek", 2.0, detail="cancel", outcome="fail", status=403, code="forbidden")]),
    ("janitors_remove_all_orphans", [Leftover(at=9.0, key="results/old")]),
    ("all_jobs_have_an_oracle", [asked("submit", 1.0, job_id="job9", upload_id="up9")]),
]


@pytest.mark.parametrize(("check", "events", "sentence"), BAD, ids=lambda value: getattr(value, "__name__", None))
def test_checker_of_real_runs_names_what_was_broken(check: Checker, events: Sequence[Event], sentence: str) -> None:
    """Each checker says of a bad run what was broken, and of which job or container."""
    found = check(history_of([EXPECTED, *events]))

    assert any(sentence in text for text in found), found


@pytest.mark.parametrize(("name", "events"), TRANSLATED, ids=lambda value: value if isinstance(value, str) else None)
def test_events_of_a_real_run_reach_the_checkers_of_histories(name: str, events: Sequence[Event]) -> None:
    """What a client records of a broken promise is found by the checker that guards it, and the run has failed."""
    judged = verdict.judge([EXPECTED, *events])

    assert [check.name for check in judged.checks if check.broken and check.name == name] == [name]
    assert judged.verdict == "failed"


def test_every_checker_of_a_real_run_was_seen_to_complain() -> None:
    """No checker is in the verdict that no bad run was shown to."""
    seen = {check.__name__ for check, _, _ in BAD} | {name for name, _ in TRANSLATED}

    assert seen == {check.__name__ for check in verdict.CHECKERS}


@pytest.mark.parametrize("seed", range(3))
def test_a_run_that_keeps_every_promise_has_passed(seed: int) -> None:
    """Kills, freezes, cancellations, retries and bad files break no promise by themselves."""
    judged = verdict.judge(made_up_run(30, seed))

    assert [check for check in judged.checks if check.broken] == []
    assert judged.verdict == "passed"


GOOD: list[tuple[str, Checker, Sequence[Event]]] = [
    (
        "a refused connection is no answer",
        jobs.every_job_ends,
        [
            SUBMITTED,
            asked("read", 2.0, outcome="fail", status=None),
            asked("delete_job", 2.0, outcome="fail", status=None),
            final(),
        ],
    ),
    (
        "a stream and a poll may cross",
        blackbox.event_streams_never_fall,
        [shown(1.0, 50), shown(1.5, 40, verb="stream")],
    ),
    (
        "a cancellation may come too late",
        blackbox.cancelling_wins,
        [attempt(2.0, "claimed"), asked("cancel", 3.0), attempt(4.0, "ended"), final()],
    ),
    ("a refused cancellation is none", blackbox.cancelling_wins, [asked("cancel", 3.0, outcome="fail"), final()]),
    (
        "an outcome just before the takeover is of the holder",
        blackbox.replaced_attempts_are_refused,
        [attempt(2.0, "claimed"), attempt(9.0, "ended"), attempt(9.5, "claimed", 2, "s2")],
    ),
    (
        "no container was alive",
        blackbox.recovery_is_bounded,
        [*KILLED, lived(70.0, "started"), lived(71.0, "ready"), attempt(75.0, "taken_over", 2), final(number=2)],
    ),
    (
        "the stores were away",
        blackbox.recovery_is_bounded,
        [
            *KILLED,
            lived(6.0, "ready"),
            fault(7.5, name="cut_off"),
            fault(70.0, "healed", "cut_off"),
            attempt(75.0, "taken_over", 2),
            final(number=2),
        ],
    ),
    (
        "every container was full",
        blackbox.recovery_is_bounded,
        [
            Run(at=0.0, scenario="x", seed=1, command="", parameters={"slots": 1}),
            *KILLED,
            lived(6.0, "ready"),
            Attempt(at=6.5, job_id="other", attempt=1, container="s1", what="claimed"),
            Attempt(at=70.0, job_id="other", attempt=1, container="s1", what="ended"),
            attempt(71.0, "taken_over", 2),
            final(number=2),
        ],
    ),
    (
        "a kill before the first word of an attempt explains the next one",
        blackbox.attempts_are_bounded,
        [SUBMITTED, fault(1.5), attempt(9.0, "taken_over", 2, "s2"), final(number=2)],
    ),
    (
        "a container that was short of time gave its attempt up",
        blackbox.attempts_are_bounded,
        [attempt(2.0, "claimed"), attempt(9.0, "lost"), attempt(12.0, "taken_over", 2, "s2"), final(number=2)],
    ),
    (
        "a long fault costs several attempts",
        blackbox.attempts_are_bounded,
        [fault(5.0, name="cut"), fault(35.0, "healed", "cut"), final(number=6)],
    ),
    ("a short run says nothing of growth", growth.nothing_grows, grown("memory_bytes", 10**7)[:8]),
    ("a steady soak does not grow", growth.nothing_grows, grown("memory_bytes", 0)),
    (
        "a container that was started again begins anew",
        growth.nothing_grows,
        [lived(0.0, "started"), *grown("descriptors", 1), lived(1190.0, "started")],
    ),
]


@pytest.mark.parametrize(("check", "events"), [row[1:] for row in GOOD], ids=[row[0] for row in GOOD])
def test_checker_of_real_runs_accepts_what_breaks_no_promise(check: Checker, events: Sequence[Event]) -> None:
    """What looks like a broken promise and is none is not reported."""
    assert check(history_of([EXPECTED, *events])) == []
