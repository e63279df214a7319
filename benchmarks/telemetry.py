"""
Measure what logs, CloudWatch's metrics and traces cost: a conversion's time, and answers to polls in a second.

Of conversions: three services on one embedded stack, each with a bucket and a table of its own: one in which nothing is
logged and counted at all, one that logs as it does by default with the metrics of Prometheus and CloudWatch, and one
that sends a trace of every request too. They take turns in short rounds, in one order and then in the other, and each
is compared with the first of its own round.

Of polls: three processes of `benchmarks.polled`, which is the service in front of a table that answers at once, in the
same three ways. One client polls each in turn, one poll after the other, for some hundredths of a second, so that what
a neighbour does to the caches is the same for all three, or hits some of many rounds, which the median leaves out. They
are started anew again and again, and each start counts once, because two processes of one program differ by where their
memory lies. With many clients on a real table the differences would drown: clients share reads of a record, how many
depends on the machine's load, and a read costs more than all that is measured.

Wall times of a busy machine differ from round to round by more than what is measured, and are shown beside the rest
only. The promise is judged by CPU time, which a neighbour does not take: the CPU that an answer takes, because a
service that answers as fast as it can is bound by it, and the CPU that the service takes more for a conversion, as a
part of the conversion's wall time, which cannot grow by more than that. ffmpeg's own CPU time is left out of it: it
does the same work in all three.
"""

import argparse
import http.server
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks.medians import Median, median_of
from benchmarks.rig import BAD, GOOD, Rig, job_seconds
from benchmarks.turns import POLLS, Polls, cpu_of, polls
from reprise import Client, Job
from service import settings, wiring
from service.cli import processes
from service.cli.sample import write_sample
from service.cli.serve import embed

STARTS = 4  # of the processes that are polled, in a run
MINUTES = 3  # of sound in a conversion
MOST = 0.03  # of a conversion's wall time, and of what an answer takes
OFF = "nothing"
ON = {"REPRISE_LOG_LEVEL": "info", "REPRISE_METRICS_NAMESPACE": "Reprise/bench"}
UNSURE = "[yellow]not sure: more --runs[/]"
# Read by Python before the service is: what is emitted goes nowhere, and neither calls to AWS nor requests are noted.
SILENCE = """
import contextlib

import service.telemetry
import service.telemetry.logging

def nothing(*_, **__):
    pass

for name in ("emit", "note_request", "bind_tenant"):
    setattr(service.telemetry, name, nothing)
    setattr(service.telemetry.logging, name, nothing)
service.telemetry.wanted = service.telemetry.logging.wanted = lambda _: False
service.telemetry.log_context = lambda **_: contextlib.nullcontext()
service.telemetry.request_context = lambda _: contextlib.nullcontext({})

import redis.asyncio
import redis.asyncio.client

import service.adapters.aws.calls
import service.adapters.redis.calls
import service.web.operations.metrics

service.adapters.aws.calls.CallLog.listen = nothing
service.adapters.redis.calls.LoggedRedis.execute_command = redis.asyncio.Redis.execute_command
service.adapters.redis.calls.LoggedPipeline.execute = redis.asyncio.client.Pipeline.execute
service.web.operations.metrics.RequestMetrics.middleware = lambda self, app: app
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One conversion. Seconds; `cpu` is that of the service, `ffmpeg` that of the programs it ran."""

    job_id: str
    wall: float
    cpu: float
    ffmpeg: float


def run(console: Console, given: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Let the services take turns, after a round that does not count, and print medians with their intervals."""
    taken: list[int] = []
    with ExitStack() as stack:
        silent = stack.enter_context(_silence(environment.get("PYTHONPATH", "")))
        kinds = {
            OFF: {"REPRISE_LOG_LEVEL": "error", "PYTHONPATH": silent},
            "logs, metrics": ON,
            "… and traces": {**ON, "OTEL_EXPORTER_OTLP_ENDPOINT": stack.enter_context(_receiver(taken))},
        }
        with ExitStack() as inner:
            embedded = embed(inner, environment)
            rigs = {name: inner.enter_context(_rig(embedded, more, n)) for n, (name, more) in enumerate(kinds.items())}
            uploads = {name: _upload(one) for name, one in rigs.items()}
            rounds = [_conversions(_in_turn(rigs, n), uploads) for n in range(4 * given.runs + 1)]
            if any(rigs[OFF].service.events()) or not any(rigs["logs, metrics"].service.events()) or not taken:
                raise RuntimeError("what should be off is on, or the other way round")
        console.print(_of_conversions(rounds[1:]))
        console.print(_of_polls([polls(environment, kinds) for _ in range(STARTS * given.runs)]))


def _of_conversions(rounds: list[dict[str, Measured]]) -> Table:
    table = Table(title=f"telemetry: {MINUTES} minutes of WAV to MP3, {len(rounds)} rounds", title_justify="left")
    for title in ("on", "seconds", "ratio", "s CPU of the service", "of ffmpeg", "more CPU, part of the time",
                  f"promised {MOST:.2f}"):  # fmt: skip
        table.add_column(title, justify="right")
    for name in rounds[0]:
        wall = median_of([one[name].wall for one in rounds])
        ratio = median_of([one[name].wall / one[OFF].wall for one in rounds])
        cpu = median_of([one[name].cpu for one in rounds])
        ffmpeg = median_of([one[name].ffmpeg for one in rounds])
        more = median_of([(one[name].cpu - one[OFF].cpu) / one[OFF].wall for one in rounds])
        table.add_row(name, wall.text(2), ratio.text(3), cpu.text(3), ffmpeg.text(2), *_judged(name, more))
    return table


def _of_polls(starts: list[Polls]) -> Table:
    rounds = sum(one.rounds for one in starts)
    title = f"telemetry: GET …/progress, {POLLS} polls in a turn, {rounds} rounds, {len(starts)} starts"
    table = Table(title=title, title_justify="left")
    for title in ("on", "ms CPU an answer", "more CPU, part of an answer", f"promised {MOST:.2f}"):
        table.add_column(title, justify="right")
    for name in starts[0].seconds:
        more = median_of([one.more[name] for one in starts])
        table.add_row(name, median_of([one.seconds[name] * 1000 for one in starts]).text(3), *_judged(name, more))
    return table


def _judged(name: str, more: Median) -> tuple[str, str]:
    """The share that is judged, and whether the promise holds: surely, surely not, or not to be told yet."""
    if name == OFF:
        return "", ""
    return more.text(3), GOOD if more.most <= MOST else BAD if more.least > MOST else UNSURE


def _in_turn(rigs: Mapping[str, Rig], number: int) -> list[tuple[str, Rig]]:
    """Return the services in one order, and in the next round in the other."""
    order = list(rigs.items())
    return order if number % 2 else order[::-1]


def _conversions(rigs: list[tuple[str, Rig]], uploads: Mapping[str, str]) -> dict[str, Measured]:
    found = {}
    for name, one in rigs:
        cpu, ffmpeg = _cpu(one), _cpu_of_children(one)
        job = _convert(one, uploads[name])
        cpu, ffmpeg = _cpu(one) - cpu, _cpu_of_children(one) - ffmpeg
        found[name] = Measured(job.job_id, job_seconds(job), cpu, ffmpeg)
    return {name: found[name] for name in uploads}


def _convert(one: Rig, upload_id: str) -> Job:
    """Convert to the end, with one request that waits: polls would cost more than what is measured."""
    job = one.client.submit(upload_id, "mp3")
    address = f"{one.service.address}/v1/jobs/{job.job_id}"
    while not job.final:
        httpx.get(address, params={"wait": 30}, timeout=60).raise_for_status()
        job = one.client.job(job.job_id)
    if job.state != "succeeded":
        raise RuntimeError(f"the job ended as {job.state}: {job.error}")
    return job


def _cpu(one: Rig) -> float:
    """Return the seconds of CPU that the service has taken so far."""
    return cpu_of(one.service.process.pid)


def _cpu_of_children(one: Rig) -> float:
    """Return the seconds that the processes have taken which it started and that have ended (hundredths)."""
    words = Path(f"/proc/{one.service.process.pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(words[13]) + int(words[14])) / os.sysconf("SC_CLK_TCK")


def _upload(one: Rig) -> str:
    piece = one.folder / "piece.wav"
    write_sample(piece, MINUTES * 60)
    try:
        return one.upload(piece)
    finally:
        piece.unlink()


@contextmanager
def _silence(path: str) -> Iterator[str]:
    """Yield a value of PYTHONPATH with which a process neither logs nor counts anything."""
    with tempfile.TemporaryDirectory(prefix="reprise-") as folder:
        Path(folder, "sitecustomize.py").write_text(SILENCE, encoding="utf-8")
        yield os.pathsep.join(filter(None, (folder, path)))


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
    """Takes spans, and keeps no more than their sizes."""

    def __init__(self, taken: list[int], *given: Any) -> None:
        self._taken = taken
        super().__init__(*given)

    def do_POST(self) -> None:
        self._taken.append(len(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@contextmanager
def _receiver(taken: list[int]) -> Iterator[str]:
    """Yield the address of something that takes spans by OTLP over HTTP."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Taker, taken))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
