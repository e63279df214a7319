"""Play scenes in two processes, and show how far they are."""

import multiprocessing
import queue
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.scale.play import play
from benchmarks.scale.results import Result
from benchmarks.scale.scenes import Scene

PROCESSES = 2
LOOK = 0.2  # seconds between two looks at how far the processes are
_reports: list[Any] = []  # in a process that plays: where it says how far it is


def play_all(console: Console, wanted: Sequence[Scene]) -> list[Result]:
    """Play scenes in processes of their own, those that take longest first; show how far they are."""
    context = multiprocessing.get_context("spawn")
    reports = context.Queue()
    order = sorted(wanted, key=lambda scene: -scene.workers * (scene.warm_up + min(scene.measured, 150.0)))
    columns = (TextColumn("{task.description:30}"), BarColumn(), TextColumn("{task.percentage:3.0f}%"))
    with (
        ProcessPoolExecutor(PROCESSES, mp_context=context, initializer=_listen, initargs=(reports,)) as pool,
        Progress(*columns, TimeElapsedColumn(), console=console) as bar,
    ):
        tasks = {title(scene): bar.add_task(title(scene), total=1.0, start=False) for scene in order}
        playing = {title(scene): pool.submit(play_in_process, scene) for scene in order}
        for name, share in _heard(reports, list(playing.values())):
            bar.start_task(tasks[name])
            bar.update(tasks[name], completed=share)
    return [playing[title(scene)].result() for scene in wanted]


def _listen(reports: Any) -> None:
    _reports.append(reports)


def play_in_process(scene: Scene) -> Result:
    """Play one scene, and report to the process that shows it."""
    name = title(scene)
    _reports[0].put((name, 0.0))
    result = play(scene, progress=lambda share: _reports[0].put((name, share)))
    _reports[0].put((name, 1.0))
    return result


def title(scene: Scene) -> str:
    """Return how a scene is called."""
    return f"{scene.workers:,} workers, {scene.name}"


def _heard(reports: Any, playing: Sequence[Future[Result]]) -> Iterator[tuple[str, float]]:
    """Return the reports of the processes until all have ended; an error of one ends it at once."""
    while not all(one.done() for one in playing) or not reports.empty():
        for one in playing:
            if one.done() and (error := one.exception()) is not None:
                for other in playing:
                    other.cancel()
                raise error
        try:
            yield reports.get(timeout=LOOK)
        except queue.Empty:
            continue
