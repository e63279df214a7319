from typing import Any

import pytest

from benchmarks.scale import goals
from benchmarks.scale.goals import verdicts
from benchmarks.scale.results import Spread, Units
from tests.unit.scale.bad import a_result, all_results


def test_good_results_meet_every_goal() -> None:
    """With figures as they should be no goal is missed."""
    assert [it.goal for it in verdicts(all_results()) if not it.held] == []


@pytest.mark.parametrize(
    ("check", "scene", "changed"),
    [
        (goals.state_is_cheap, "busy", {"operations": {"renew": Units(1, 0, 0.0, 4_000_000.0)}}),
        (goals.idling_costs_no_more, "idle", {"operations": {"running": Units(1, 0, 1000 * 11_300.0, 0.0)}}),
        (goals.idling_costs_no_more, "idle", {"operations": {"sign": Units(1, 0, 0.0, 1000 * 2_300.0)}}),
        (goals.claims_spread, "deep", {"conflicts": 6, "claims": 94}),
        (goals.first_come_first_served, "deep", {"overtaken": Spread(1, 0.1, 0.1, 0.1)}),
        (goals.first_come_first_served, "arriving", {"overtaken": Spread(1, 0.1, 0.1, 0.1)}),
        (goals.every_job_is_watched, "busy", {"unwatched": Spread(9, 1.0, 2.0, 6.1)}),
        (goals.every_job_is_watched, "faults", {"unwatched": Spread(9, 1.0, 2.0, 6.1)}),
    ],
)
def test_bad_figure_misses_its_goal_and_no_other(check: goals.Check, scene: str, changed: dict[str, Any]) -> None:
    """One figure beyond its limit is found by the goal that is about it, and by that one alone."""
    results = [a_result(scene, **changed) if (it.scene, it.workers) == (scene, 1000) else it for it in all_results()]

    assert [it.goal for it in verdicts(results) if not it.held] == [check(results).goal]


@pytest.mark.parametrize("check", goals.CHECKS, ids=lambda check: check.__name__)
def test_scene_that_was_not_played_meets_no_goal(check: goals.Check) -> None:
    """A goal without figures is missed, so that no run passes by leaving something out."""
    assert not check([]).held
