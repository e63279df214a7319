"""Tests of `chaos.checkers.jobs`: each checker with a history that is good, and one or more that are not."""

import ast
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import chaos
from chaos.checkers import attempts, jobs, removals
from chaos.history.records import (
    DONE,
    NOT_FOUND,
    OPEN,
    STOPPING,
    Absence,
    Accepted,
    Conversion,
    Deletion,
    Download,
    Expectation,
    Final,
    Glimpse,
    History,
    Leftover,
    Reading,
    Removal,
    Wish,
    Write,
)

PACKAGE = Path(str(chaos.__file__)).parent
Checker = Callable[[History], list[str]]
KEY = "results/job1/1/song.mp3"


def reading(asked: float, percent: float, state: str = "running", **more: Any) -> Reading:
    """Asked at a moment, answered half a second later."""
    fields: dict[str, Any] = {
        "client": "c1",
        "via": "a1",
        "job_id": "job1",
        "attempt": 1,
        "answered": asked + 0.5,
    } | more
    return Reading(asked=asked, percent=percent, state=state, **fields)


def download(asked: float, digest: str | None = "right", problem: str | None = None) -> Download:
    """Asked at a moment, there half a second later."""
    return Download(
        client="c1", via="a1", job_id="job1", digest=digest, problem=problem, asked=asked, answered=asked + 0.5
    )


def write(at: float, verb: str, state: str, attempt: int = 1, **more: Any) -> Write:
    """Of the holder w1, unless it is said otherwise."""
    holder = ("w1", attempt) if verb in {"renew", "release", "succeed", "fail", "stop"} else None
    fields: dict[str, Any] = {"job_id": "job1", "output_key": None, "holder": holder, "held": holder or (None, 0)}
    return Write(at=at, verb=verb, state=state, attempt=attempt, **(fields | more))


def deletion(asked: float, answer: str | None = DONE, what: str = "job1") -> Deletion:
    """Asked for at a moment, answered half a second later."""
    return Deletion(client="c1", what=what, asked=asked, answered=asked + 0.5, answer=answer)


def absence(asked: float) -> Absence:
    """Nobody knew job1."""
    return Absence(client="c1", via="a1", job_id="job1", asked=asked, answered=asked + 0.5)


def glimpse(verb: str, answer: str) -> Glimpse:
    """Of another tenant."""
    return Glimpse(what="job1", verb=verb, answer=answer, at=1.0)


def accepted(job_id: str = "job1", key: str | None = "key1", asked: float = 0.0) -> Accepted:
    """A request that became a job."""
    return Accepted(client="c1", via="a1", job_id=job_id, key=key, asked=asked, answered=asked + 0.5)


def final(state: str = "succeeded", **more: Any) -> Final:
    """The end of job1."""
    fields: dict[str, Any] = {"job_id": "job1", "upload_id": "upload1", "attempt": 1, "failure": None}
    fields["output_key"] = KEY if state == "succeeded" else None
    return Final(state=state, **(fields | more))


def a_good_history() -> History:
    """One job from submission to a second download, taken over once."""
    return History(
        accepted=[accepted(), accepted(asked=0.2)],
        readings=[reading(1, 0, "queued"), reading(2, 20), reading(2.2, 20), reading(9, 100, "succeeded")],
        downloads=[download(10), download(100)],
        writes=[
            write(0.3, "submit", "queued", 0),
            write(1.1, "claim", "running", 1),
            write(2.0, "renew", "running", 1),
            write(8.5, "succeed", "succeeded", 1, output_key=KEY),
        ],
        conversions=[Conversion(job_id="job1", attempt=1, via="w1", begun=1.2, ended=8.0)],
        quiet_from=5.0,
        ended=20.0,
        finals=[final()],
        leftovers=[Leftover(key="results/job9/1/x", excuse="killed")],
        expected={"upload1": Expectation(digest="right", may_succeed=True, failures=frozenset())},
        upload_of={"job1": "upload1"},
        wishes=[Wish(job_id="job1", asked=8.4)],  # too late
    )


@pytest.mark.parametrize("check", jobs.ALL, ids=lambda check: check.__name__)
def test_a_good_history_is_not_complained_about(check: Checker) -> None:
    """No checker finds fault with a run in which everything held."""
    assert check(a_good_history()) == []


TAKEN_OVER = [write(1, "claim", "running", 1), write(8, "take_over", "running", 2, held=("w1", 1))]
OF_W1: dict[str, Any] = {"job_id": "job1", "attempt": 1, "via": "w1", "begun": 1.2}

BAD: list[tuple[Checker, dict[str, Any]]] = [
    (jobs.every_job_ends, {"finals": []}),
    (jobs.every_job_ends, {"finals": [final("running")]}),
    (jobs.final_states_are_final, {"readings": [reading(1, 100, "succeeded"), reading(2, 40, "running")]}),
    (
        jobs.final_states_are_final,
        {"readings": [reading(1, 40, "failed"), reading(2, 40, "cancelled", client="c2")]},
    ),
    (jobs.final_states_are_final, {"writes": [write(1, "fail", "failed"), write(2, "renew", "running")]}),
    (jobs.progress_never_falls, {"readings": [reading(1, 40), reading(2, 39.9, client="c2", via="a2")]}),
    (jobs.progress_never_falls, {"readings": [reading(2, 39.9), reading(1, 40, answered=1.9)]}),
    (jobs.progress_never_falls, {"readings": [reading(1, 100)]}),
    (jobs.progress_never_falls, {"readings": [reading(1, 99.9, "succeeded")]}),
    (jobs.a_success_can_be_downloaded, {"downloads": [download(10), download(11, None, "object_gone")]}),
    (jobs.the_bytes_are_right, {"downloads": [download(10, "wrong")]}),
    (attempts.only_the_holder_writes, {"writes": [write(1, "renew", "running", held=("w2", 2))]}),
    (attempts.only_the_holder_writes, {"writes": [write(1, "renew", "running", held=("w1", 2))]}),
    (attempts.only_the_holder_writes, {"writes": [write(1, "claim", "running", 2), write(2, "renew", "running", 1)]}),
    (attempts.only_the_holder_writes, {"writes": [write(1, "claim", "running", 1), write(2, "claim", "running", 1)]}),
    (attempts.outputs_are_of_the_last_attempt, {"finals": [final(attempt=2)]}),
    (attempts.attempts_clean_up, {"leftovers": [Leftover(key=KEY, excuse=None)]}),
    (jobs.an_idempotency_key_is_one_job, {"accepted": [accepted(), accepted("job2")]}),
    (jobs.cancelled_jobs_have_no_output, {"finals": [final("cancelled", output_key=KEY)], "downloads": []}),
    (jobs.cancelled_jobs_have_no_output, {"finals": [final("cancelled")], "downloads": [download(10)]}),
    (jobs.failures_are_explained, {"finals": [final("failed", failure="bad_media")]}),
    (jobs.failures_are_explained, {"finals": [final(upload_id="of nobody")], "downloads": []}),
    (
        jobs.failures_are_explained,
        {"expected": {"upload1": Expectation(digest="", may_succeed=False, failures=frozenset())}},
    ),
    (
        attempts.holders_stop_before_takeover,
        {"writes": TAKEN_OVER, "conversions": [Conversion(**OF_W1, ended=8.1)]},
    ),
    (attempts.holders_stop_before_takeover, {"writes": TAKEN_OVER, "conversions": [Conversion(**OF_W1)]}),
    (attempts.outcomes_are_recorded_at_once, {"conversions": [Conversion(**OF_W1, ended=5.0)]}),
    (attempts.outcomes_are_recorded_at_once, {"conversions": [Conversion(**OF_W1 | {"attempt": 3}, ended=8.0)]}),
    (jobs.every_job_ends, {"absences": [absence(50)]}),
    (jobs.a_success_can_be_downloaded, {"downloads": [download(10, None, NOT_FOUND)]}),
    (
        jobs.a_success_can_be_downloaded,
        {"downloads": [download(10, None, "object_gone")], "deletions": [deletion(9, None)], "erased": {"job1": 11.0}},
    ),
    (
        jobs.an_idempotency_key_is_one_job,
        {"accepted": [accepted(), accepted("job2")], "deletions": [deletion(9, what="job3")]},
    ),
    (jobs.cancelled_jobs_have_no_output, {"finals": [final("cancelled")], "downloads": [], "wishes": []}),
    (removals.deleted_jobs_stay_deleted, {"deletions": [deletion(7)], "finals": [], "writes": [], "downloads": []}),
    (removals.deleted_jobs_stay_deleted, {"deletions": [deletion(11)], "finals": []}),
    (removals.deleted_jobs_stay_deleted, {"deletions": [deletion(7)], "finals": [], "readings": [], "downloads": []}),
    (removals.deleted_jobs_stay_deleted, {"deletions": [deletion(101)]}),
    (removals.deletion_may_be_repeated, {"deletions": [deletion(7), deletion(8, NOT_FOUND)]}),
    (removals.deletion_may_be_repeated, {"deletions": [deletion(7), deletion(8, STOPPING)]}),
    (jobs.tenants_are_isolated, {"glimpses": [glimpse("read", OPEN)]}),
    (jobs.tenants_are_isolated, {"glimpses": [glimpse("read", "expired")]}),
    (jobs.tenants_are_isolated, {"glimpses": [glimpse("delete", NOT_FOUND)]}),
    (jobs.tenants_are_isolated, {"accepted": [replace(accepted(), tenant="birch")]}),
    (removals.owned_objects_are_never_removed, {"removals": [Removal(at=9.0, key=KEY, owner="job1 names it")]}),
    (removals.janitors_remove_all_orphans, {"remains": [KEY]}),
    (jobs.nothing_was_unexpected, {"surprises": ["KeyError"]}),
]


def test_repeated_deletion_of_a_stopped_job_breaks_no_promise() -> None:
    """Stopped, deleted, deleted again, sought in vain, and its key used for another job: all as it should be."""
    history = replace(
        a_good_history(),
        accepted=[accepted(), accepted("job2", asked=20.0)],
        downloads=[download(10), download(10.4, None, "object_gone"), download(100, None, NOT_FOUND)],
        erased={"job1": 10.8},
        absences=[absence(20)],
        deletions=[deletion(9.2, STOPPING), deletion(10.2, None), deletion(10.5), deletion(12)],
        finals=[final("failed", job_id="job2", failure="input_gone")],
        expected={"upload1": Expectation(digest="right", may_succeed=False, failures=frozenset())},
        removals=[Removal(at=9.0, key=KEY, owner=None)],
        glimpses=[glimpse("read", NOT_FOUND), glimpse("delete", DONE)],
    )
    gone = replace(history, deletions=[*history.deletions, deletion(3, what="upload1")])

    assert jobs.broken_promises(gone) == []
    assert jobs.broken_promises(history) == ["failures_are_explained: job2 failed with input_gone"]


@pytest.mark.parametrize(("check", "wrong"), BAD, ids=[f"{check.__name__}-{n}" for n, (check, _) in enumerate(BAD)])
def test_checker_reports_each_broken_promise_once(check: Checker, wrong: dict[str, Any]) -> None:
    """Each checker says exactly one sentence about the one thing that is wrong in a history."""
    assert len(check(replace(a_good_history(), **wrong))) == 1


def test_every_checker_has_a_history_that_breaks_it() -> None:
    """No checker is in the list that was never seen to complain."""
    assert {check for check, _ in BAD} == set(jobs.ALL)


def test_answers_that_overlap_may_come_in_any_order() -> None:
    """A question that was asked before the other answer was there may be answered with less."""
    history = replace(a_good_history(), readings=[reading(1, 40, answered=3.0), reading(2, 39), reading(3.5, 40)])

    assert jobs.progress_never_falls(history) == []


def test_progress_of_one_job_is_not_compared_with_another() -> None:
    """One job is at 90 %, another at 10 %: nothing fell."""
    history = replace(a_good_history(), readings=[reading(1, 90), reading(2, 10, job_id="job2")])

    assert jobs.progress_never_falls(history) == []


def test_a_process_that_slept_may_be_replaced_while_working() -> None:
    """A frozen worker cannot stop its ffmpeg: that is no broken promise."""
    asleep = Conversion(**OF_W1, asleep=2.0)

    found = attempts.holders_stop_before_takeover(replace(a_good_history(), writes=TAKEN_OVER, conversions=[asleep]))

    assert found == []


@pytest.mark.parametrize("excuse", [{"disturbed": {"w1"}}, {"noisy": True}], ids=str)
def test_a_container_in_trouble_may_be_late(excuse: dict[str, Any]) -> None:
    """A container that was frozen, killed or cut off, or whose calls go wrong, need not record at once."""
    late = [Conversion(**OF_W1, ended=5.0)]

    assert attempts.outcomes_are_recorded_at_once(replace(a_good_history(), conversions=late, **excuse)) == []


def test_a_job_without_a_success_may_refuse_its_download() -> None:
    """Before any client was told of success, a refusal breaks no promise."""
    history = replace(a_good_history(), readings=[reading(1, 20)], downloads=[download(2, None, "not_ready")])

    assert jobs.a_success_can_be_downloaded(history) == []


def test_broken_promise_names_its_checker() -> None:
    """Each sentence begins with the name of the checker that found it."""
    assert jobs.broken_promises(replace(a_good_history(), surprises=["x"])) == ["nothing_was_unexpected: unexpected: x"]


@pytest.mark.parametrize("module", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_chaos_package_imports_no_service_code(module: Path) -> None:
    """Checkers, records and faults import nothing of the service: they fit a real system seen from outside as well."""
    assert "service" not in {name.split(".")[0] for name in imported(module)}


def imported(path: Path) -> set[str]:
    """What a module imports."""
    found = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = {alias.name for node in found if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module or "" for node in found if isinstance(node, ast.ImportFrom)}
