"""The bill of an idle stack, against what the real worker reads and writes."""

import dataclasses

import pytest

from benchmarks.scale.play import play
from benchmarks.scale.scenes import idle
from infra.costs.model import FEW, idle_units


@pytest.mark.parametrize(
    ("workers", "heard"),
    [(1, False), (FEW, False), (FEW, True), (FEW + 1, False), (FEW + 1, True)],
    ids=["one", "few", "few, with Redis", "many", "many, with Redis"],
)
def test_bill_counts_what_an_idle_worker_reads_and_writes(workers: int, *, heard: bool) -> None:
    """Played, idle workers use the units that docs/costs.md bills, with a Redis that tells of deaths and without."""
    result = play(dataclasses.replace(idle(workers), heard=heard))
    hours = workers * result.seconds / 3600
    billed = idle_units(workers)

    assert result.writes / hours == pytest.approx(billed.writes, rel=0.01)
    assert result.reads / hours == pytest.approx(billed.reads, rel=0.05)
