"""
Play histories by hand.

    python -m tests.simulation 0-9999       play these seeds; stops at nothing, lists those that failed
    python -m tests.simulation 123          play one, and print its timeline
    python -m tests.simulation mutations    break each guard, and write down how soon it is noticed
"""

import argparse
import itertools
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, track
from rich.table import Table

from tests.simulation.mutations import MUTATIONS
from tests.simulation.run import simulate
from tests.simulation.table import DOCUMENT, first_seed_that_notices, write_table

LIMIT = 10_000


def main() -> int:
    """Returns 1 if a promise was broken (or, for mutations, if a broken guard was not noticed)."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__.splitlines()[1])
    parser.add_argument("what", help="a seed, a range of seeds (0-9999, inclusive), or 'mutations'")
    parser.add_argument("--plain", action="store_true", help="text alone, without colours or a bar")
    parser.add_argument("--limit", type=int, default=LIMIT, help="seeds to try for each mutation")
    parser.add_argument("--break", dest="guard", choices=MUTATIONS, help="break this guard while playing")
    arguments = parser.parse_args()
    console = Console(no_color=arguments.plain, soft_wrap=True, highlight=False)
    if arguments.what == "mutations":
        return mutations(console, arguments.limit)
    first, _, last = arguments.what.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    if arguments.guard is None:
        return play(console, seeds)
    with MUTATIONS[arguments.guard].applied():
        return play(console, seeds)


def play(console: Console, seeds: range) -> int:
    """Play them all; of a single one, print everything."""
    if len(seeds) == 1:
        result = simulate(seeds[0], trace=True)
        sys.stdout.write(result.trace + "\n")
        for sentence in result.broken:
            console.print(f"[red]BROKEN[/red] {sentence}")
        console.print(f"seed {seeds[0]}: {'broken' if result.broken else 'all promises held'}")
        return bool(result.broken)
    hits: Counter[str] = Counter()
    failed = []
    with Progress(console=console) as bar:
        task = bar.add_task("histories", total=len(seeds))
        for seed in seeds:
            result = simulate(seed)
            hits += result.hits
            bar.advance(task)
            if result.broken:
                failed.append(seed)
                bar.console.print(f"[red]seed {seed}[/red] {result.broken[0]}\n  replay: make simulate SEEDS={seed}")
    table = Table("what happened", "times")
    for what, times in sorted(hits.items()):
        table.add_row(what, f"{times:,}")
    console.print(table)
    console.print(f"{len(seeds):,} histories, {len(failed)} with a broken promise")
    return bool(failed)


def mutations(console: Console, limit: int) -> int:
    """Break each guard, two at a time in processes of their own, and write the table."""
    found = {}
    with ProcessPoolExecutor(2) as pool:
        searches = pool.map(search, MUTATIONS, itertools.repeat(limit))
        for name, each in track(zip(MUTATIONS, searches, strict=True), "guards", len(MUTATIONS), console=console):
            found[name] = each
            seed, sentence = each or (None, "not noticed")
            console.print(f"{name}: {'-' if seed is None else seed}  {sentence}")
    write_table(Path(DOCUMENT), found)
    return any(each is None for each in found.values())


def search(name: str, limit: int) -> tuple[int, str] | None:
    """The first seed that notices, for the guard of this name."""
    return first_seed_that_notices(MUTATIONS[name], limit)


if __name__ == "__main__":
    sys.exit(main())
