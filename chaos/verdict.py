"""The verdict on a run: every promise, what is broken of it, what was met at least once, and the figures."""

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from chaos.checkers.blackbox import BLACK_BOX
from chaos.checkers.growth import nothing_grows
from chaos.checkers.jobs import ALL
from chaos.checkers.sometimes import SOMETIMES
from chaos.history.events import Event, Run
from chaos.history.interruptions import interruptions, spans
from chaos.history.records import CANCELLED, FAILED, FINAL, SUCCEEDED, History
from chaos.history.translation import history_of

PASSED, FAILED_RUN, ERROR = "passed", "failed", "error"
# Checkers that need what only a simulation sees (each write with its holder, each ffmpeg, each object removed) find
# nothing in a run from outside, and are not listed: a promise that was not looked at is not one that was kept.
NEED_AN_INSIDE_VIEW = frozenset(
    {
        "only_the_holder_writes",
        "outputs_are_of_the_last_attempt",  # `replaced_attempts_are_refused` says it
        "attempts_clean_up",  # runs wait for the janitors: `janitors_remove_all_orphans`
        "holders_stop_before_takeover",
        "outcomes_are_recorded_at_once",
        "owned_objects_are_never_removed",
        "nothing_was_unexpected",
    }
)
Checker = Callable[[History], list[str]]


def all_jobs_have_an_oracle(history: History) -> list[str]:
    """Of each file it is known what an undisturbed run makes of it: nothing goes unchecked."""
    uploads = {**history.upload_of}
    return [
        f"{job_id}: nothing is known of its upload {upload_id}"
        for job_id, upload_id in sorted(uploads.items())
        if job_id not in history.expected and upload_id not in history.expected
    ] + [f"{one.job_id} was downloaded and never accepted" for one in history.downloads if one.job_id not in uploads]


CHECKERS: tuple[Checker, ...] = (
    *(check for check in ALL if check.__name__ not in NEED_AN_INSIDE_VIEW),
    *BLACK_BOX,
    nothing_grows,
    all_jobs_have_an_oracle,
)


@dataclass(frozen=True, slots=True)
class Check:
    """A promise, and the sentences that say how it was broken."""

    name: str
    promise: str
    broken: list[str]


@dataclass(frozen=True, slots=True)
class Count:
    """How often something happened that a scenario may require."""

    name: str
    meaning: str
    count: int
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is to be said of a run; `asdict` of it is `run.json`."""

    verdict: str  # passed | failed | error
    reason: str = ""
    scenario: str = ""
    seed: int = 0
    command: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    checks: list[Check] = field(default_factory=list)
    sometimes: list[Count] = field(default_factory=list)
    figures: dict[str, float | int | None] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return asdict(self)


def judge(
    events: Sequence[Event], *, required: Iterable[str] = (), recovery_bound: float | None = None, error: str = ""
) -> Verdict:
    """
    Return the verdict on a run.

    `required` are names of `SOMETIMES`, beside those in the run's parameter `sometimes` (separated by commas); a run
    that met one of them never has failed. `recovery_bound` in seconds. `error` says why a run could not be finished:
    such a run has not passed, whatever was seen until then. Raises `ValueError` when a required name is unknown.
    """
    run = next((one for one in events if isinstance(one, Run)), None)
    history = history_of(events)
    if recovery_bound is not None:
        history.recovery_bound = recovery_bound
    wanted = {*required, *_required(run)}
    if unknown := wanted - {one.name for one in SOMETIMES}:
        raise ValueError(f"no such sometimes-assertion: {', '.join(sorted(unknown))}")
    oracle = Check(
        all_jobs_have_an_oracle.__name__, promise_of(all_jobs_have_an_oracle), all_jobs_have_an_oracle(history)
    )
    if oracle.broken:
        history = _without_unknown(history)
    checks = [Check(one.__name__, promise_of(one), one(history)) for one in CHECKERS[:-1]] + [oracle]
    counts = [Count(one.name, one.meaning, one.count(history), one.name in wanted) for one in SOMETIMES]
    bad = any(one.broken for one in checks) or any(one.required and not one.count for one in counts)
    return Verdict(
        verdict=ERROR if error else FAILED_RUN if bad else PASSED,
        reason=error,
        scenario=run.scenario if run else "",
        seed=run.seed if run else 0,
        command=run.command if run else "",
        parameters=dict(run.parameters) if run else {},
        seconds=round(history.ended, 1),
        checks=checks,
        sometimes=counts,
        figures=figures(history),
    )


def promise_of(check: Checker) -> str:
    """Return the promise that a checker guards: the first line of its docstring, without the number."""
    lines = [line.strip() for line in (check.__doc__ or "").strip().splitlines()]
    text = lines[0] if lines else check.__name__
    return text.split(") ", 1)[1] if text.startswith("(") else text


def figures(history: History) -> dict[str, float | int | None]:
    """Return the numbers of a run; seconds where nothing else is said, None where nothing was measured."""
    cut = interruptions(history)
    recoveries = sorted(one.recovery for one in cut if one.recovery is not None)
    penalties = sorted(one.penalty for one in cut if one.penalty is not None)
    held = spans(history)
    working = sum(one.ended - one.begun for one in held)
    repeated = sum(one.repeated for one in cut)
    states = [final.state for final in history.finals]
    return {
        "jobs": len({one.job_id for one in history.accepted} | {final.job_id for final in history.finals}),
        "succeeded": states.count(SUCCEEDED),
        "failed": states.count(FAILED),
        "cancelled": states.count(CANCELLED),
        "unfinished": sum(state not in FINAL for state in states),
        "faults": sum(one.phase == "injected" for one in history.faults),
        "kills": sum(one.what == "killed" for one in history.lives),
        "attempts": len(held),
        "interruptions": len(cut),
        "recovery_p50": percentile(recoveries, 0.5),
        "recovery_p99": percentile(recoveries, 0.99),
        "recovery_max": percentile(recoveries, 1.0),
        "penalty_p50": percentile(penalties, 0.5),
        "penalty_max": percentile(penalties, 1.0),
        "repeated_seconds": round(repeated, 3),
        "repeated_share": round(repeated / working, 4) if working else None,
        "mean_attempt_seconds": round(statistics.fmean(one.ended - one.begun for one in held), 3) if held else None,
    }


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """Return the value below which a share of an ordered sequence lies (nearest rank); None of an empty one."""
    if not ordered:
        return None
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 3)


def _required(run: Run | None) -> set[str]:
    named = run.parameters.get("sometimes") if run else None
    return {name.strip() for name in str(named).split(",") if name.strip()} if named else set()


def _without_unknown(history: History) -> History:
    """Leave out the jobs of which nothing is expected: their checkers could only fall over, and the verdict says so."""
    known = {
        job_id
        for job_id, upload_id in history.upload_of.items()
        if job_id in history.expected or upload_id in history.expected
    }
    return replace(
        history,
        finals=[one for one in history.finals if one.job_id in known],
        downloads=[one for one in history.downloads if one.job_id in known],
        accepted=[one for one in history.accepted if one.job_id in known],
    )
