"""
Measure what the death of a process costs: how long its job pauses, and how much later it ends.

The first is the time from the signal to progress by another process. The second is the *kill penalty*: the time of a
job whose process is killed once, at a random moment, less that of the same job undisturbed. It holds the pause and what
is converted once more. Both are measured with Redis, which shows at once that a process is gone, and without.
"""

import argparse
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import quantiles

from rich.console import Console
from rich.table import Table

from benchmarks.pair import LONG, SHORT, SPEED, Pair
from benchmarks.rig import BAD, GOOD
from service import settings
from service.adapters.system.ambient import SystemIds
from service.cli.serve import embed

WITH, WITHOUT = "with Redis", "without"
WITHIN = 5.0  # seconds of the first progress: when the signal is sent
IDLE_POLL = 2.0  # seconds, after which a worker without Redis looks for work
LEASE = settings.read({}).lease
# (signal, Redis) → seconds for half of all, None if nothing is promised; seconds for 99 of 100
PROMISED: Mapping[tuple[signal.Signals, str], tuple[float | None, float]] = {
    (signal.SIGKILL, WITH): (1.0, LEASE + 2),
    (signal.SIGTERM, WITH): (None, 1.0),
    (signal.SIGKILL, WITHOUT): (None, LEASE + 2),
    (signal.SIGTERM, WITHOUT): (None, IDLE_POLL + 0.5),
}


def run(console: Console, given: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Kill the converting one of two processes, again and again; print the distributions."""
    with tempfile.TemporaryDirectory(prefix="reprise-") as name, ExitStack() as stack:
        pointed = dict(embed(stack, environment))
        modes = {WITH: pointed, WITHOUT: {name: value for name, value in pointed.items() if name != "REDIS_URL"}}
        if "REDIS_URL" not in pointed:
            console.print("There is no redis-server here: nothing is measured with Redis.")
            del modes[WITH]
        console.print(_pauses(modes, Path(name), given.kills))
        console.print(_penalties(modes, Path(name), given.pairs))


def _pauses(modes: Mapping[str, Mapping[str, str]], folder: Path, kills: int) -> Table:
    title = f"recovery: seconds from signal to progress elsewhere, lease {LEASE:g} s"
    table = _table(title, "signal", "", "times", "p50", "p99", "longest", "promised", "")
    ids = SystemIds()
    for mode, pointed in modes.items():
        with _a_pair(pointed, folder) as pair:
            upload_id = pair.upload(LONG)
            for number in (signal.SIGKILL, signal.SIGTERM):
                pauses = [pair.strike(upload_id, number, WITHIN * ids.draw()) for _ in range(kills)]
                half, most = PROMISED[number, mode]
                (p50, p99), said = _cuts(pauses), f"p99 {most:g} s"
                holds = p99 <= most and (half is None or p50 <= half)
                said = said if half is None else f"p50 {half:g} s, {said}"
                verdict = GOOD if holds else BAD
                table.add_row(number.name, mode, str(kills), *_figures(p50, p99, max(pauses)), said, verdict)
    return table


def _penalties(modes: Mapping[str, Mapping[str, str]], folder: Path, pairs: int) -> Table:
    """Convert in turn undisturbed and killed."""
    title = "kill penalty: seconds by which a job ends later that is killed once at a random moment"
    table = _table(
        title, "", "pairs", "undisturbed p50", "killed p50", "penalty p50", "penalty p99", "of it twice, p50"
    )
    ids = SystemIds()
    for mode, pointed in modes.items():
        with _a_pair(pointed, folder, REPRISE_FFMPEG_OPTIONS=f"-readrate {SPEED:g}") as pair:
            upload_id = pair.upload(SHORT)
            pair.convert(upload_id)  # not counted: what is done for the first time takes longer
            calm, killed, moments = [], [], []
            for _ in range(pairs):
                calm.append(pair.convert(upload_id))
                moments.append(calm[-1] * ids.draw())
                killed.append(pair.convert(upload_id, kill_after=moments[-1]))
            penalties = [late - usual for late, usual in zip(killed, calm, strict=True)]
            middles = (_cuts(calm)[0], _cuts(killed)[0], *_cuts(penalties), _cuts(moments)[0])
            table.add_row(mode, str(pairs), *_figures(*middles))
    return table


@contextmanager
def _a_pair(pointed: Mapping[str, str], folder: Path, **options: str) -> Iterator[Pair]:
    with ExitStack() as stack:
        yield Pair(stack, pointed, Path(tempfile.mkdtemp(dir=folder)), **options)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(name, justify="right")
    return table


def _cuts(seconds: Sequence[float]) -> tuple[float, float]:
    """Return p50 and p99."""
    cuts = quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else [seconds[0]] * 99
    return cuts[49], cuts[98]


def _figures(*seconds: float) -> list[str]:
    return [f"{one:.2f}" for one in seconds]
