"""Measure how long a job pauses when its process dies: from the signal to progress by another process."""

import argparse
import signal
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from statistics import quantiles
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from benchmarks.rig import BAD, GOOD
from service import settings, wiring
from service.cli import processes
from service.cli.client import Client
from service.cli.convert import pause
from service.cli.sample import write_sample
from service.cli.serve import embed

T = TypeVar("T")
MINUTES = 10
LATEST = 60.0  # seconds to wait for anything, on a machine that does other things as well
PROMISED = {signal.SIGKILL: "lease + 2 s", signal.SIGTERM: "1 s"}


def run(console: Console, given: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Kill the converting one of two processes, again and again; print the distribution of the pauses."""
    lease = settings.read({}).lease
    bounds = {signal.SIGKILL: lease + 2, signal.SIGTERM: 1.0}
    table = Table(title=f"recovery: seconds from signal to progress elsewhere, lease {lease:g} s", title_justify="left")
    for name in ("signal", "times", "p50", "p99", "longest", "promised", ""):
        table.add_column(name, justify="right")
    with tempfile.TemporaryDirectory(prefix="reprise-") as name, ExitStack() as stack:
        pair = _Pair(stack, embed(stack, environment), Path(name))
        for number, bound in bounds.items():
            pauses = [pair.strike(number) for _ in range(given.kills)]
            cuts = quantiles(pauses, n=100, method="inclusive")
            figures = [f"{seconds:.2f}" for seconds in (cuts[49], cuts[98], max(pauses))]
            verdict = GOOD if cuts[98] <= bound else BAD
            table.add_row(number.name, str(given.kills), *figures, PROMISED[number], verdict)
    console.print(table)


class _Pair:
    """Two service processes, of which `strike` kills the converting one and starts a new one."""

    def __init__(self, stack: ExitStack, pointed: Mapping[str, str], folder: Path) -> None:
        self._stack, self._pointed, self._folder = stack, pointed, folder
        self._count = 0
        self._services = [self._start(), self._start()]
        piece = folder / "piece.wav"
        write_sample(piece, MINUTES * 60)
        client = self._client(*self._services)
        self._upload_id = str(client.upload(piece, lambda _: None)["upload_id"])

    def strike(self, number: signal.Signals) -> float:
        """Submit, send the signal to the converting process, return the seconds until the other one makes progress."""
        client = self._client(*self._services)
        job_id = str(client.submit(self._upload_id, "mp3", {})["job_id"])
        victim = self._wait(lambda: self._progressed(job_id, self._services, 1))[0]
        (other,) = (service for service in self._services if service is not victim)
        at = wiring.SystemClock().wall()
        victim.process.send_signal(number)
        _, resumed = self._wait(lambda: self._progressed(job_id, [other], 2))
        survivor = self._client(other)
        survivor.cancel(job_id)
        self._wait(lambda: survivor.job(job_id)["state"] == "cancelled")
        victim.stop()
        self._services = [other, self._start()]
        return resumed - at

    def _progressed(
        self, job_id: str, services: list[processes.ServiceProcess], attempt: int
    ) -> tuple[processes.ServiceProcess, float] | None:
        """Return which of them has made progress in this attempt, and when; None if none has."""
        for service in services:
            for event in service.events():
                about = (event.get("job_id"), event.get("attempt"), event["event"])
                if about == (job_id, attempt, "job.reading") and event["percent"] > 0:
                    return service, datetime.fromisoformat(event["timestamp"]).timestamp()
        return None

    def _start(self) -> processes.ServiceProcess:
        self._count += 1
        settings = {"REPRISE_LOG_LEVEL": "debug"}
        service = processes.start(f"service{self._count}", self._pointed, self._folder, **settings)
        self._stack.callback(service.stop)
        return service

    def _client(self, *services: processes.ServiceProcess) -> Client:
        client = Client([service.address for service in services], pause=pause)
        self._stack.callback(client.close)
        return client

    def _wait(self, fact: Callable[[], T | None]) -> T:
        for _ in range(int(LATEST / 0.05)):
            if found := fact():
                return found
            pause(0.05)
        said = "\n".join(service.log.read_text()[-2000:] for service in self._services)
        raise RuntimeError(f"nothing happened; the processes said:\n{said}")
