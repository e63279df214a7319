"""
Break every guard of the table in turn, and show which test went red, and how soon.

    python -m tests.mutations                    all of them, two at a time
    python -m tests.mutations head-patch …       only these
"""

import argparse
import queue
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.mutations.table import MUTATIONS
from tests.mutations.tree import Mutation, Stale, Tree, complaint, copied


def main() -> int:
    """Returns 1 if a broken guard was not noticed."""
    names = [mutation.name for mutation in MUTATIONS]
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__.splitlines()[1])
    parser.add_argument("names", nargs="*", choices=[[], *names], metavar="name", help="a guard of the table")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    parser.add_argument("--plain", action="store_true", help="text alone, without colours or a bar")
    arguments = parser.parse_args()
    console = Console(no_color=arguments.plain, highlight=False)
    chosen = [mutation for mutation in MUTATIONS if mutation.name in arguments.names or not arguments.names]
    table = Table("guard", "because of it …", "went red", "in s")
    complaints = []
    with ExitStack() as stack, Progress(console=console, disable=arguments.plain) as bar:
        trees: queue.Queue[Tree] = queue.Queue()
        for _ in range(arguments.jobs):
            trees.put(stack.enter_context(copied()))
        task = bar.add_task("guards", total=len(chosen))
        pool = stack.enter_context(ThreadPoolExecutor(arguments.jobs))
        for mutation, (seconds, wrong) in zip(
            chosen, pool.map(lambda mutation: tried(trees, mutation), chosen), strict=True
        ):
            bar.advance(task)
            if wrong:
                complaints.append(f"{mutation.name}: {wrong}")
            tests = "\n".join(test.partition("::")[2].removeprefix("Test") for test in mutation.red)
            table.add_row(mutation.name, mutation.promise, "[red]NOTHING[/red]" if wrong else tests, f"{seconds:.1f}")
    console.print(table)
    for each in complaints:
        console.print(each, style="red", markup=False)
    console.print(f"{len(chosen)} guards, {len(complaints)} that could be broken without notice")
    return bool(complaints)


def tried(trees: "queue.Queue[Tree]", mutation: Mutation) -> tuple[float, str]:
    """Break this guard in a tree that is free; how long its tests took, and what is wrong with the outcome."""
    tree = trees.get()
    try:
        with tree.broken(mutation.edits):
            run = tree.run(mutation.red)
        return run.seconds, complaint(mutation, run)
    except (Stale, subprocess.TimeoutExpired) as error:
        return 0.0, str(error)
    finally:
        trees.put(tree)


if __name__ == "__main__":
    sys.exit(main())
