"""Measure what one tenant's work costs while another floods the same process: the ratio of the two times."""

import argparse
import hashlib
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks.flood import flooding
from benchmarks.rig import BAD, GOOD
from reprise import Client
from service import wiring
from service.cli import processes
from service.cli.sample import write_sample
from service.cli.serve import embed

MINUTES = 5
PROMISED = 2.0  # times as long, with fair shares of two cores
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
        client = stack.enter_context(Client(service.address, key=OTHER))
        http = httpx.Client(base_url=service.address, headers={"X-API-Key": OTHER}, timeout=300)
        stack.enter_context(http)
        times = {"alone": [_work(client, http, piece, folder / "out.mp3") for _ in range(given.runs)]}
        with flooding(service.address, FLOOD):
            times["beside a flood"] = [_work(client, http, piece, folder / "out.mp3") for _ in range(given.runs)]
    alone = median(times["alone"])
    for what, seconds in times.items():
        ratio = median(seconds) / alone
        figures = [f"{figure:.2f}" for figure in (median(seconds), max(seconds), ratio)]
        last = ["", ""] if what == "alone" else [f"≤ {PROMISED:g}", GOOD if ratio <= PROMISED else BAD]
        table.add_row(what, str(given.runs), *figures, *last)
    console.print(table)


def _work(client: Client, http: httpx.Client, piece: Path, target: Path) -> float:
    """
    Upload, convert and download a file; returns the seconds from the first byte to the last.

    The upload is one body through the service, which is flooded; the client would send its parts past it.
    """
    clock = wiring.SystemClock()
    began = clock.monotonic()
    with piece.open("rb") as body:
        answer = http.post("/v1/uploads", params={"filename": piece.name}, content=body).raise_for_status()
    job = client.wait(client.submit(answer.json()["upload_id"], "mp3").job_id)
    if job.attempt != 1:
        raise RuntimeError(f"the job took {job.attempt} attempts")
    client.download(job.job_id, target)
    return clock.monotonic() - began
