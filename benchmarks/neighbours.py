"""Measure what one tenant's work costs while another floods the same process: the ratio of the two times."""

import argparse
import hashlib
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.flood import flooding
from benchmarks.rig import BAD, GOOD
from service import wiring
from service.cli import processes
from service.cli.client import Client, ServiceProblem
from service.cli.convert import follow, pause
from service.cli.sample import write_sample
from service.cli.serve import embed

MINUTES = 5
PROMISED = 2.0  # times as long, with fair shares of two cores
TRIES = 100  # for an upload whose place the flood has taken
FLOOD, OTHER = "key-of-the-flood", "key-of-the-other"


def run(console: Console, given: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Convert with and without a flood of another tenant, and print the ratio of the medians."""
    keys = {"a": FLOOD, "b": OTHER}
    configured = ",".join(f"{who}:{hashlib.sha256(key.encode()).hexdigest()}" for who, key in keys.items())
    table = Table(title=f"neighbours: upload, convert {MINUTES} minutes and download, seconds", title_justify="left")
    for name in ("", "runs", "median", "longest", "ratio", "promised", ""):
        table.add_column(name, justify="right")
    with tempfile.TemporaryDirectory(prefix="reprise-") as name, ExitStack() as stack:
        folder = Path(name)
        piece = folder / "piece.wav"
        write_sample(piece, MINUTES * 60)
        service = processes.start("service", embed(stack, environment), folder, REPRISE_API_KEYS=configured)
        stack.callback(service.stop)
        client = Client([service.address], pause=pause, key=OTHER)
        stack.callback(client.close)
        times = {"alone": [_work(client, piece, folder / "out.mp3") for _ in range(given.runs)]}
        with flooding(service.address, FLOOD):
            times["beside a flood"] = [_work(client, piece, folder / "out.mp3") for _ in range(given.runs)]
    alone = median(times["alone"])
    for what, seconds in times.items():
        ratio = median(seconds) / alone
        figures = [f"{figure:.2f}" for figure in (median(seconds), max(seconds), ratio)]
        last = ["", ""] if what == "alone" else [f"≤ {PROMISED:g}", GOOD if ratio <= PROMISED else BAD]
        table.add_row(what, str(given.runs), *figures, *last)
    console.print(table)


def _work(client: Client, piece: Path, target: Path) -> float:
    """Upload, convert and download a file; returns the seconds from the first byte to the last."""
    clock = wiring.SystemClock()
    began = clock.monotonic()
    job = client.submit(_upload(client, piece), "mp3", {})
    job = follow(client, job["job_id"], lambda _: None)
    if (job["state"], job["attempt"]) != ("succeeded", 1):
        raise RuntimeError(f"the job ended as {job['state']} in attempt {job['attempt']}")
    client.download(job["job_id"], target, int(job["size"]), lambda _: None)
    return clock.monotonic() - began


def _upload(client: Client, piece: Path) -> str:
    for _ in range(TRIES):
        try:
            return str(client.upload(piece, lambda _: None)["upload_id"])
        except ServiceProblem as problem:
            if not str(problem).startswith("busy"):
                raise
            pause(0.5)
    raise RuntimeError("there was no place for an upload")
