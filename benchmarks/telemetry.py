"""
Measure what logs, CloudWatch's metrics and traces cost: a conversion's time, and answers to polls in a second.

Four services on one embedded stack, each with a bucket and a table of its own: one that says next to nothing, one that
logs as it does by default with CloudWatch's metrics, one that sends a trace of every request too, and one at level
debug, for which nothing is promised. They take turns, so that a busy machine slows all of them. (What /metrics shows is
counted in all four: it cannot be turned off.)
"""

import argparse
import asyncio
import http.server
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks import poll_cost
from benchmarks.requests import CONNECTIONS, rate
from benchmarks.rig import BAD, GOOD, Rig, job_seconds
from reprise import Client
from service import settings, wiring
from service.cli import processes
from service.cli.sample import write_sample
from service.cli.serve import embed

MINUTES = 10
SECONDS = 3.0  # of each measurement of polls
MOST = 1.03  # times as long as with nothing on; and as many answers at least, the other way round
ON = {"REPRISE_LOG_LEVEL": "info", "REPRISE_METRICS_NAMESPACE": "Reprise/bench"}
PROMISED = ("logs, metrics", "… and traces")


def run(console: Console, given: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Let the services take turns, after one round that does not count, and print medians beside the first's."""
    table = Table(title=f"telemetry: {MINUTES} minutes of WAV to MP3, and GET …/progress", title_justify="left")
    for name in ("on", "seconds", "ratio", "answers a second", "ratio", "ms CPU an answer", f"promised {MOST:.2f}"):
        table.add_column(name, justify="right")
    with ExitStack() as stack:
        kinds = {
            "nothing": {"REPRISE_LOG_LEVEL": "error"},
            "logs, metrics": ON,
            "… and traces": {**ON, "OTEL_EXPORTER_OTLP_ENDPOINT": stack.enter_context(_receiver())},
            "debug": {"REPRISE_LOG_LEVEL": "debug"},
        }
        embedded = embed(stack, environment)
        rigs = {name: stack.enter_context(_rig(embedded, more, n)) for n, (name, more) in enumerate(kinds.items())}
        uploads = {name: _upload(one) for name, one in rigs.items()}
        rounds = [_round(rigs, uploads) for _ in range(given.runs + 1)][1:]
    off = "nothing"
    for name in kinds:
        seconds, answers, cpu = (median(found[name][what] for found in rounds) for what in range(3))
        slower = median(found[name][0] / found[off][0] for found in rounds)
        fewer = median(found[off][1] / found[name][1] for found in rounds)
        verdict = "" if name not in PROMISED else GOOD if max(slower, fewer) <= MOST else BAD
        table.add_row(name, f"{seconds:.2f}", f"{slower:.3f}", f"{answers:.0f}", f"{fewer:.3f}", f"{cpu:.3f}", verdict)
    console.print(table)
    poll_cost.run(console)


def _round(rigs: Mapping[str, Rig], uploads: Mapping[str, str]) -> dict[str, tuple[float, float, float]]:
    """Return seconds of a conversion, polls a second, and milliseconds of CPU a poll, of each."""
    found = {}
    for name, one in rigs.items():
        job = one.convert(uploads[name], "mp3")
        path = f"/v1/jobs/{job.job_id}/progress"
        before = _cpu_seconds(one)
        polls = asyncio.run(rate(one.service.address, [path] * CONNECTIONS, seconds=SECONDS))
        found[name] = (job_seconds(job), polls, (_cpu_seconds(one) - before) / (polls * SECONDS) * 1000)
    return found


def _cpu_seconds(one: Rig) -> float:
    """What the service itself has used so far, without ffmpeg."""
    words = Path(f"/proc/{one.service.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _upload(one: Rig) -> str:
    piece = one.folder / "piece.wav"
    write_sample(piece, MINUTES * 60)
    try:
        return one.upload(piece)
    finally:
        piece.unlink()


@contextmanager
def _rig(embedded: Mapping[str, str], more: Mapping[str, str], number: int) -> Iterator[Rig]:
    """A service that converts, on a bucket and a table of its own."""
    name = f"telemetry-{number}"
    pointed = {**embedded, "REPRISE_BUCKET": name, "REPRISE_TABLE": name, **more}
    wiring.prepare_embedded(settings.read(pointed), pointed)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reprise-")))
        service = processes.start("service", pointed, folder)
        stack.callback(service.stop)
        client = stack.enter_context(Client(service.address))
        yield Rig(service, client, folder, wiring.ffmpeg_program(settings.read(pointed)))


class _Taker(http.server.BaseHTTPRequestHandler):
    """Takes spans, and does nothing with them."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@contextmanager
def _receiver() -> Iterator[str]:
    """Yield the address of something that takes spans by OTLP over HTTP."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Taker)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
