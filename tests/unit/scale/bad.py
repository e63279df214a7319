"""Results made by hand, for the goals and the page."""

from dataclasses import replace
from typing import Any

from benchmarks.scale.results import Result, Spread, Units

NONE = Spread(0, 0.0, 0.0, 0.0)


def a_result(scene: str, workers: int = 1000, **changed: Any) -> Result:
    """Return an hour in which everything is as it should be, but for what is `changed`."""
    usual = Result(
        scene=scene,
        workers=workers,
        seconds=3600.0,
        busy_seconds=3600.0 * workers,
        jobs=workers,
        waiting=workers,
        operations={"renew": Units(1800 * workers, 0, 0.0, 1800.0 * workers)},
        partitions={
            "queued#0": Units(0, 0, 100.0, 100.0, 60.0, 2.0),
            "running#0": Units(0, 0, 100.0, 100.0, 30.0, 2.0),
            "table": Units(0, 0, 100.0, 100.0, 9.0, 2.0),
        },
        throttled=0,
        claims=100,
        conflicts=1,
        takeovers=4,
        needless=0,
        waits=Spread(10, 0.1, 0.2, 0.3),
        overtaken=NONE,
        unwatched=Spread(10, 1.0, 2.0, 3.0),
        killed=Spread(20, 6.1, 7.0, 8.0),
        stopped=Spread(20, 0.1, 1.0, 2.0),
    )
    return replace(usual, **changed)


def all_results() -> list[Result]:
    """Return one result of each scene and size, with which all goals hold."""
    idle = {"look": Units(100, 0, 100.0, 0.0)}
    return [
        a_result(scene, workers, **({"operations": idle} if scene == "idle" else {}))
        for workers in (10, 100, 1000)
        for scene in ("idle", "busy", "arriving", "deep", "faults", "heard")
    ]
