"""Two service processes, of which the converting one is killed, again and again."""

import json
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.rig import job_seconds
from reprise import Client
from service import wiring
from service.cli import processes
from service.cli.convert import pause
from service.cli.in_turn import client_of
from service.cli.sample import write_sample

T = TypeVar("T")
LONG, SHORT = 600.0, 24.0  # seconds of music: more than anything waits for, and a conversion of a few seconds
SPEED = 4.0  # seconds of music in a second, for the short one: its time is then the same on every machine
WANTED = (b"job.claimed", b"job.reading")
LATEST = 90.0  # seconds to wait for anything, on a machine that does other things as well


class Log:
    """
    What a process has logged of the attempts at its jobs, read on from where it was read last.

    At level debug a process writes megabytes; reading all of it at each look would cost what is to be measured.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._at, self._found = path, 0, list[dict[str, Any]]()

    def events(self) -> Sequence[dict[str, Any]]:
        """Return the claims and readings so far."""
        with self._path.open("rb") as file:
            file.seek(self._at)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._at += len(whole)
        lines = (line for line in whole.splitlines() if line.startswith(b"{") and any(name in line for name in WANTED))
        self._found += [event for event in map(json.loads, lines) if event["event"].encode() in WANTED]
        return self._found


class Pair:
    """Two processes; `settings` are for both. Whichever is killed is replaced."""

    def __init__(self, stack: ExitStack, pointed: Mapping[str, str], folder: Path, **settings: str) -> None:
        self._stack, self._pointed, self._folder, self._settings = stack, pointed, folder, settings
        self._count = 0
        self._logs: dict[Path, Log] = {}
        self._services = [self._start(), self._start()]

    def upload(self, seconds: float) -> str:
        """Upload so much music; returns the id of the upload."""
        piece = self._folder / "piece.wav"
        write_sample(piece, seconds)
        return str(self._client(*self._services).upload(piece).upload_id)

    def strike(self, upload_id: str, number: signal.Signals, after: float) -> float:
        """
        Submit, and send the signal to the converting process so many seconds after its first progress.

        Returns the seconds until the other one makes progress.
        """
        job_id = self._submit(upload_id)
        victim = self._wait(lambda: self._progressed(job_id, self._services, 1))[0]
        (other,) = (service for service in self._services if service is not victim)
        pause(after)
        at = wiring.SystemClock().wall()
        victim.process.send_signal(number)
        _, resumed = self._wait(lambda: self._progressed(job_id, [other], 2))
        survivor = self._client(other)
        survivor.cancel(job_id)
        self._wait(lambda: survivor.job(job_id).state == "cancelled")
        self._replace(victim)
        return resumed - at

    def convert(self, upload_id: str, *, kill_after: float | None = None) -> float:
        """Convert to the end, and kill the converting process so many seconds after its claim; returns the seconds."""
        job_id = self._submit(upload_id)
        victim = self._wait(lambda: self._holder(job_id))
        if kill_after is not None:
            pause(kill_after)
            victim.kill()
        alive = self._client(*(service for service in self._services if service.process.poll() is None))
        job = alive.wait(job_id)
        if kill_after is not None:
            self._replace(victim)
        return job_seconds(job)

    def _submit(self, upload_id: str) -> str:
        return str(self._client(*self._services).submit(upload_id, "mp3").job_id)

    def _replace(self, victim: processes.ServiceProcess) -> None:
        victim.stop()
        self._services = [*(service for service in self._services if service is not victim), self._start()]

    def _holder(self, job_id: str) -> processes.ServiceProcess | None:
        for service in self._services:
            if any((event["event"], event.get("job_id")) == ("job.claimed", job_id) for event in self._events(service)):
                return service
        return None

    def _progressed(
        self, job_id: str, services: list[processes.ServiceProcess], attempt: int
    ) -> tuple[processes.ServiceProcess, float] | None:
        """Return which of them has made progress in this attempt, and when; None if none has."""
        for service in services:
            for event in self._events(service):
                about = (event.get("job_id"), event.get("attempt"), event["event"])
                if about == (job_id, attempt, "job.reading") and event["percent"] > 0:
                    return service, datetime.fromisoformat(event["timestamp"]).timestamp()
        return None

    def _events(self, service: processes.ServiceProcess) -> Sequence[dict[str, Any]]:
        return self._logs.setdefault(service.log, Log(service.log)).events()

    def _start(self) -> processes.ServiceProcess:
        self._count += 1
        settings = {"REPRISE_LOG_LEVEL": "debug", **self._settings}
        service = processes.start(f"service{self._count}", self._pointed, self._folder, **settings)
        self._stack.callback(service.stop)
        return service

    def _client(self, *services: processes.ServiceProcess) -> Client:
        return self._stack.enter_context(client_of([service.address for service in services]))

    def _wait(self, fact: Callable[[], T | None]) -> T:
        for _ in range(int(LATEST / 0.05)):
            if found := fact():
                return found
            pause(0.05)
        said = "\n".join(service.log.read_text()[-2000:] for service in self._services)
        raise RuntimeError(f"nothing happened; the processes said:\n{said}")
