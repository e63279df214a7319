from pathlib import Path

import pytest

from benchmarks.scale import page, picture, results
from benchmarks.scale.goals import units_of_money, verdicts
from benchmarks.scale.limits import LIMITS, balance, first, workers_at
from benchmarks.scale.play import play
from benchmarks.scale.results import Spread, Units, usd_of_worker_hour
from benchmarks.scale.scenes import idle
from tests.unit.scale.bad import a_result, all_results


def test_page_is_what_the_figures_give() -> None:
    """docs/scale.md is written from the figures of the last run: `make scale`."""
    assert page.PAGE.read_text(encoding="utf-8") == page.page(results.read(page.FIGURES))


def test_page_marks_each_goal_that_its_figures_miss() -> None:
    """What is documented as held holds, and what is missed is said to be."""
    missed = [it for it in verdicts(results.read(page.FIGURES)) if not it.held]

    assert page.PAGE.read_text(encoding="utf-8").count("**missed**") == len(missed)


def test_figures_are_those_of_the_present_worker() -> None:
    """Played again, an idle fleet costs what the page says; if a change moves that, `make scale` writes it anew."""
    scene = idle(10, 60.0)
    documented = next(it for it in results.read(page.FIGURES) if (it.scene, it.workers) == (scene.name, scene.workers))

    assert units_of_money(play(scene)) == pytest.approx(units_of_money(documented), rel=0.05)


def test_same_figures_give_the_same_picture(tmp_path: Path) -> None:
    """The picture holds no date and no ids of chance, so that it changes with the figures alone."""
    one, other = tmp_path / "one.svg", tmp_path / "other.svg"
    picture.write(one, all_results())
    picture.write(other, all_results())

    assert one.read_bytes() == other.read_bytes()
    assert "by operation" in one.read_text(encoding="utf-8")


def test_figures_read_back_as_they_were_written(tmp_path: Path) -> None:
    """JSON keeps every figure."""
    results.write(tmp_path / "figures.json", all_results())

    assert results.read(tmp_path / "figures.json") == tuple(all_results())


def test_missed_goal_is_marked_on_the_page() -> None:
    """A page from bad figures says so."""
    bad = [a_result("deep", conflicts=50, claims=50, overtaken=Spread(1, 2.0, 2.0, 2.0))]

    assert page.page(bad).count("**missed**") == len(verdicts(bad))
    assert "50.0% at 1,000" in page.page(bad)


def test_state_is_a_share_of_the_price_of_fargate() -> None:
    """1 vCPU and 2 GB for an hour, against units at their prices: a write a second is a little less than 5 % of it."""
    result = a_result("busy", operations={"renew": Units(1, 0, 0.0, 3600.0 * 1000)})

    assert round(usd_of_worker_hour(), 5) == 0.04937
    assert round(result.state_share, 4) == round(3600 * 0.625e-6 / 0.04937, 4)


def test_first_limit_is_the_part_that_is_used_most() -> None:
    """The partition nearest to what it takes counts, and growth between two sizes says when it is reached."""
    larger = a_result(
        "busy", partitions={"queued#1": Units(0, 0, 9.0, 9.0, 300.0, 1.0), "table": Units(0, 0, 1, 1, 9, 9)}
    )
    smaller = a_result("busy", 100, partitions={"queued#1": Units(0, 0, 9.0, 9.0, 3.0, 1.0)})

    assert first([smaller, larger]).limit is LIMITS[0]
    assert round(workers_at(smaller, larger, LIMITS[0])) == round(1000 * 10**0.5)


def test_balance_compares_the_busiest_shard_with_the_average() -> None:
    """Four shards of which one wrote twice as much as each of the others."""
    shards = {f"queued#{number}": Units(0, 0, 0.0, 20.0 if number else 40.0) for number in range(4)}

    assert balance(a_result("deep", partitions=shards), "queued") == 1.6
