"""
Play the fleet at each size, judge the figures, and write docs/scale.md with its picture.

    python -m benchmarks.scale              everything; two processes, some minutes
    python -m benchmarks.scale --page       write page and picture again from the figures of the last run
    python -m benchmarks.scale --only deep --sizes 10    print one figure after the other, and write nothing
"""

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

from benchmarks.scale import page, results
from benchmarks.scale.goals import verdicts
from benchmarks.scale.parallel import play_all
from benchmarks.scale.results import Result
from benchmarks.scale.scenes import SIZES, scenes


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


if __name__ == "__main__":
    sys.exit(main())
