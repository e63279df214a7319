"""
Play the fleet at each size, judge the figures, and write docs/scale.md with its picture.

    python -m benchmarks.scale              everything; two processes, some minutes
    python -m benchmarks.scale --page       write page and picture again from the figures of the last run
    python -m benchmarks.scale --only deep --sizes 10    print one figure after the other, and write nothing
"""

import argparse
import multiprocessing
import queue
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.scale import page, results
from benchmarks.scale.goals import verdicts
from benchmarks.scale.play import play
from benchmarks.scale.results import Result
from benchmarks.scale.scenes import SIZES, Scene, scenes

PROCESSES = 2
LOOK = 0.2  # seconds between two looks at how far the processes are
_reports: list[Any] = []  # in a process that plays: where it says how far it is


def main() -> int:
    """Return 1 if a goal was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__.strip().splitlines()[0])
    parser.add_argument("--page", action="store_true", help="play nothing; write what the last figures give")
    parser.add_argument("--only", help="play the scenes of this name alone, and write nothing")
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES, help="workers, and write nothing")
    parser.add_argument("--seconds", type=float, help="measure each scene for so long, and write nothing")
    given = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    if given.page:
        found: Sequence[Result] = results.read(page.FIGURES)
    else:
        wanted = [scene for size in given.sizes for scene in scenes(size, given.seconds)]
        wanted = [scene for scene in wanted if given.only in {None, scene.name}]
        found = play_all(console, wanted)
    if given.only or given.seconds or tuple(given.sizes) != SIZES:
        for line in page.tables(found):
            console.print(line, markup=False)
        return 0
    if not given.page:
        results.write(page.FIGURES, found)
    page.write(found)
    missed = [verdict for verdict in verdicts(found) if not verdict.held]
    for verdict in verdicts(found):
        mark = "[green]holds[/]" if verdict.held else "[red]missed[/]"
        console.print(f"{mark}  {verdict.goal}: {verdict.measured}")
    return 1 if missed else 0


def play_all(console: Console, wanted: Sequence[Scene]) -> list[Result]:
    """Play scenes in processes of their own, those that take longest first; show how far they are."""
    context = multiprocessing.get_context("spawn")
    reports = context.Queue()
    order = sorted(wanted, key=lambda scene: -scene.workers * (scene.warm_up + min(scene.measured, 150.0)))
    columns = (TextColumn("{task.description:30}"), BarColumn(), TextColumn("{task.percentage:3.0f}%"))
    with (
        ProcessPoolExecutor(PROCESSES, mp_context=context, initializer=_reports.append, initargs=(reports,)) as pool,
        Progress(*columns, TimeElapsedColumn(), console=console) as bar,
    ):
        tasks = {title(scene): bar.add_task(title(scene), total=1.0, start=False) for scene in order}
        playing = {title(scene): pool.submit(play_in_process, scene) for scene in order}
        for name, share in _heard(reports, list(playing.values())):
            bar.start_task(tasks[name])
            bar.update(tasks[name], completed=share)
    return [playing[title(scene)].result() for scene in wanted]


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


if __name__ == "__main__":
    sys.exit(main())
