import math

import pytest

from benchmarks.scale.meter import TABLE
from benchmarks.scale.play import play
from benchmarks.scale.results import Result
from benchmarks.scale.scenes import QUICK, Scene, deep
from service.worker.context import WorkerConfig


@pytest.fixture(scope="module")
def played() -> dict[str, Result]:
    """The quick scenes: ten workers without work, and ten before two hundred jobs."""
    return {scene.name: play(scene) for scene in QUICK}


def test_every_job_of_a_deep_queue_ends_and_costs_what_its_calls_cost(played: dict[str, Result]) -> None:
    """A hundred jobs are a hundred claims, ends and entries of outputs, and a refused claim is billed."""
    result = played["deep"]
    calls = {name: one.calls - one.refused for name, one in result.operations.items()}

    assert result.jobs == result.claims == 100
    assert (calls["claim"], calls["succeed"], calls["enter output"]) == (100, 100, 100)
    assert result.operations["claim"].refused == result.conflicts
    # The item and two entries of the index; item and one entry; a refused one costs the item alone.
    assert result.operations["claim"].writes == 3 * 100 + result.conflicts
    assert result.operations["succeed"].writes == 2 * 100


def test_units_by_operation_and_by_partition_are_the_same(played: dict[str, Result]) -> None:
    """What is counted for calls is what is counted for the table and for the shards of the index."""
    for result in played.values():
        for unit in ("reads", "writes"):
            by_operation = sum(getattr(one, unit) for one in result.operations.values())
            by_partition = sum(getattr(one, unit) for one in result.partitions.values())

            assert math.isclose(by_operation, by_partition)


def test_busy_worker_renews_at_its_heartbeat(played: dict[str, Result]) -> None:
    """A conversion renews at each heartbeat, sooner when its progress needs it, and once more when it records."""
    result, beat = played["deep"], WorkerConfig(instance="").lease.heartbeat
    renewals = result.operations["renew"].calls

    assert result.busy_seconds / beat < renewals < result.busy_seconds / (beat / 4) + result.jobs
    assert result.operations["renew"].writes == renewals


def test_idle_fleet_touches_no_job(played: dict[str, Result]) -> None:
    """Without jobs there is nothing to renew, to claim and to end."""
    result = played["idle"]

    assert result.jobs == result.claims == 0
    assert not {"claim", "renew", "succeed", "running, records"} & result.operations.keys()
    assert result.reads > 0


def test_same_seed_gives_the_same_figures() -> None:
    """Played again, every figure is the same, and with another seed not."""
    again = [play(deep(5, 20, (2.0, 4.0), 5.0), seed) for seed in (0, 0, 1)]

    assert again[0] == again[1] != again[2]


@pytest.mark.long
def test_killed_workers_are_replaced_and_their_jobs_taken_over() -> None:
    """In the scene of faults, jobs of workers that were killed or told to stop go on elsewhere."""
    result = play(
        Scene(
            name="faults",
            workers=10,
            measured=400.0,
            waiting=8,
            begun=8,
            conversion=(20.0, 60.0),
            load=0.7,
            deaths=(10, 10),
        )
    )

    assert result.killed.count >= 4
    assert result.stopped.count >= 4
    assert 0 < result.takeovers >= result.killed.count
    assert result.partitions[TABLE].writes > 0
    assert result.throttled > 0
