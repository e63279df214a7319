"""
Measure how many polls of a job's progress are answered in a second, as a part of what a bare litestar route answers.

`CONNECTIONS` clients ask at once, for one job and for as many different ones, on the embedded stack and over stores in
memory. Each pair of measurements is taken in turn with the bare route, so that a busy machine slows both.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.requests import CONNECTIONS, rate
from benchmarks.rig import BAD, GOOD, rig
from service import wiring
from service.cli.processes import ROOT
from service.cli.sample import write_sample

SECONDS = 3.0  # of each measurement
ROUNDS = 3
GOALS = {"embedded": 0.3, "in memory": 0.5}


def run(console: Console, _: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Alternate between the bare route and each of the others, and print the ratios."""
    table = Table(title=f"polling: GET …/progress, {CONNECTIONS} connections, answers a second", title_justify="left")
    for name in ("stack", "jobs", "bare route", "progress", "ratio", "goal"):
        table.add_column(name, justify="right")
    with ExitStack() as stack:
        bare, _none = stack.enter_context(_server(environment, "bare"))
        stacks = {"embedded": stack.enter_context(_embedded(environment)),
                  "in memory": stack.enter_context(_server(environment, "quick", str(CONNECTIONS)))}  # fmt: skip
        for name, (address, jobs) in stacks.items():
            for asked in (jobs[:1], jobs):
                pairs = [_pair(bare, address, asked) for _ in range(ROUNDS)]
                middle = median(one / other for one, other in pairs)
                alone, polls = (f"{median(rates):.0f}" for rates in zip(*((o, p) for p, o in pairs), strict=True))
                verdict = GOOD if middle >= GOALS[name] else BAD
                table.add_row(name, str(len(asked)), alone, polls, f"{middle:.2f}", f"{GOALS[name]:.1f} {verdict}")
    console.print(table)


def _pair(bare: str, address: str, jobs: Sequence[str]) -> tuple[float, float]:
    """Return answers a second of progress, and of the bare route right after it."""
    paths = [f"/v1/jobs/{job_id}/progress" for job_id in jobs]
    polls = asyncio.run(rate(address, paths, seconds=SECONDS))
    return polls, asyncio.run(rate(bare, ["/"], seconds=SECONDS))


@contextmanager
def _embedded(environment: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Start a service that does not convert, with as many queued jobs as connections; yield address and ids."""
    api = {**environment, "REPRISE_ROLE": "api"}
    with tempfile.TemporaryDirectory(prefix="reprise-") as name, rig(Path(name), api) as service:
        piece = service.folder / "piece.wav"
        write_sample(piece, 1)
        upload_id = service.upload(piece)
        jobs = [str(service.client.submit(upload_id, "mp3").job_id) for _ in range(CONNECTIONS)]
        yield service.service.address, jobs


@contextmanager
def _server(environment: Mapping[str, str], *what: str) -> Iterator[tuple[str, list[str]]]:
    """Start one of `benchmarks.servers`; yield its address and the ids of its jobs."""
    command = wiring.mortal([sys.executable, "-m", "benchmarks.servers", *what])
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            address, *jobs = (process.stdout.readline() if process.stdout else "").split()
            yield address, jobs
        finally:
            process.terminate()
