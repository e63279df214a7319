"""What the figures must be. Each goal says what it found in the results; one whose scene was not played is missed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks.scale.results import Result
from service.core.jobs.trust import LeasePolicy

MOST_OF_COMPUTE = 0.05
MOST_CONFLICTS = 0.05
IDLE_BEFORE = 11_098.0
"""
Read units of an idle worker in an hour before the workers shared their work, when each of them listed all running jobs
once a second: this very scene, played with that worker.
"""
BUSY_BEFORE = {10: 0.134, 100: 0.961}
"""What state cost then with every worker busy, as a share of compute, by the number of workers."""
LEASE = LeasePolicy().duration  # seconds


@dataclass(frozen=True, slots=True)
class Verdict:
    """One goal, what was measured, and whether it holds."""

    goal: str
    measured: str
    held: bool


Check = Callable[[Sequence[Result]], Verdict]


def verdicts(results: Sequence[Result]) -> tuple[Verdict, ...]:
    """Return all goals, in the order of the page."""
    return tuple(check(results) for check in CHECKS)


def state_is_cheap(results: Sequence[Result]) -> Verdict:
    """State costs a small part of what compute costs, when all of the largest fleet are busy."""
    goal = f"state costs at most {MOST_OF_COMPUTE:.0%} of compute, at the largest size with every worker busy"
    return _largest(goal, "busy", results, lambda it: it.state_share, MOST_OF_COMPUTE, "{:.1%}")


def idling_costs_no_more(results: Sequence[Result]) -> Verdict:
    """An idle worker costs no more than before the workers shared their work, in money, at every size."""
    goal = f"an idle worker costs at most as much as before: {IDLE_BEFORE:,.0f} read units an hour, or that much money"
    found = _of("idle", results)
    worst = max((units_of_money(it) for it in found), default=0.0)
    return Verdict(goal, f"{worst:,.0f}" if found else "not played", bool(found) and worst <= IDLE_BEFORE)


def claims_spread(results: Sequence[Result]) -> Verdict:
    """Few claims are refused when many workers find a deep queue at once."""
    goal = f"at most {MOST_CONFLICTS:.0%} of all claims are refused, at the largest size on a deep queue"
    return _largest(goal, "deep", results, lambda it: it.conflict_share, MOST_CONFLICTS, "{:.1%}")


def first_come_first_served(results: Sequence[Result]) -> Verdict:
    """No job that is due waits while one that came much later is taken."""
    goal = "no job that is due is overtaken by one of its tenant that came more than 5 seconds later"
    found = _of("deep", results) + _of("arriving", results)
    count = sum(it.overtaken.count for it in found)
    longest = max((it.overtaken.most for it in found), default=0.0)
    measured = f"{count} jobs, which waited on for up to {longest:.2f} s" if found else "not played"
    return Verdict(goal, measured, bool(found) and not count)


def every_job_is_watched(results: Sequence[Result]) -> Verdict:
    """Some other worker looks at each running job within a lease, whatever happens to the workers."""
    goal = f"another worker looks at each running job at least once in a lease ({LEASE:g} s), whatever dies"
    found = [it for name in ("busy", "arriving", "deep", "faults", "heard") for it in _of(name, results)]
    worst = max((it.unwatched.most for it in found), default=0.0)
    played = bool(_of("faults", results))
    return Verdict(goal, f"{worst:.1f} s at most" if played else "not played", played and worst <= LEASE)


CHECKS: tuple[Check, ...] = (
    state_is_cheap,
    idling_costs_no_more,
    claims_spread,
    first_come_first_served,
    every_job_is_watched,
)


def units_of_money(result: Result) -> float:
    """Return what a worker-hour costs in read units: a write unit is as dear as five of them."""
    return (result.reads + 5 * result.writes) / result.worker_hours


def _largest(
    goal: str, scene: str, results: Sequence[Result], figure: Callable[[Result], float], most: float, form: str
) -> Verdict:
    """Judge the figure of a scene at the largest size."""
    found = max(_of(scene, results), key=lambda it: it.workers, default=None)
    if found is None:
        return Verdict(goal, "not played", held=False)
    return Verdict(goal, f"{form.format(figure(found))} at {found.workers:,}", figure(found) <= most)


def _of(scene: str, results: Iterable[Result]) -> list[Result]:
    return [it for it in results if it.scene == scene]
