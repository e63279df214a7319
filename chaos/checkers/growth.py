"""Checker of soaks: memory, descriptors, tasks, rows and objects do not grow with time."""

import statistics
from collections import defaultdict
from collections.abc import Sequence

from chaos.history.records import History

SHORTEST = 600.0  # seconds of samples below which nothing can be said of growth
WARM_UP = 0.2  # of the time, in which caches and pools fill
ALLOWED = 1.25  # of the last third over the first third after that
SLACK = {
    "memory": 32 * 1024 * 1024,
    "descriptors": 16,
    "tasks": 8,
    "rows": 40,
    "objects": 40,
    "unfinished uploads": 8,
}

Series = list[tuple[float, float]]


def nothing_grows(history: History) -> list[str]:
    """Memory, descriptors and tasks of containers, and rows and objects in the stores, do not grow in a soak."""
    broken = []
    for (of, what), series in _series(history).items():
        found = _growth(series)
        if found is None:
            continue
        first, last = found
        if last > first * ALLOWED and last - first > SLACK[what]:
            broken.append(f"{what} of {of} grew from {first:.0f} to {last:.0f} in {series[-1][0] - series[0][0]:.0f} s")
    return broken


def _series(history: History) -> dict[tuple[str, str], Series]:
    """What was measured, one series per life of a container: a new process begins small."""
    found: dict[tuple[str, str], Series] = defaultdict(list)
    starts: dict[str, list[float]] = defaultdict(list)
    for life in history.lives:
        if life.what == "started":
            starts[life.name].append(life.at)
    for one in history.samples:
        life_number = sum(at <= one.at for at in starts[one.container])
        of = f"{one.container} (start {life_number})" if life_number > 1 else one.container
        found[of, "memory"].append((one.at, one.memory_bytes))
        found[of, "descriptors"].append((one.at, one.descriptors))
        found[of, "tasks"].append((one.at, one.tasks))
    for kept in history.stored:
        found["the stores", "rows"].append((kept.at, kept.rows))
        found["the stores", "objects"].append((kept.at, kept.objects))
        found["the stores", "unfinished uploads"].append((kept.at, kept.uploads_open))
    return found


def _growth(series: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    """The medians of the first and of the last third of a series after the warm-up; None if it is too short."""
    begin, end = series[0][0], series[-1][0]
    if end - begin < SHORTEST:
        return None
    values = [value for at, value in series if at >= begin + WARM_UP * (end - begin)]
    third = len(values) // 3
    if third < 2:
        return None
    return statistics.median(values[:third]), statistics.median(values[-third:])
