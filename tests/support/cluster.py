"""Real service processes over one embedded stack, to be killed, frozen and watched."""

import itertools
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from reprise import Client
from service import settings
from service.cli import processes
from service.cli.in_turn import client_of
from service.cli.serve import embed
from service.wiring import environment, prepare_embedded

LEASE, HEARTBEAT = 2.4, 0.6  # seconds; shorter than the defaults, so that tests are
FACT_TIMEOUT = 200.0  # seconds, for a machine three times slower than a slow one
SHORTEST, LONGEST = 0.05, 0.4  # seconds between two looks at a fact
_numbers = itertools.count(1)


def pause(seconds: float) -> None:
    """Wait, in this thread."""
    threading.Event().wait(seconds)


def wait_for(fact: Callable[[], Any], what: str, *, within: float = FACT_TIMEOUT) -> Any:
    """
    Ask again and again until `fact` is true; returns what it returned. `within` counts the pauses alone.

    The pauses grow, and are longer than it takes to ask, so that waiting leaves the processor to what is waited for.
    """
    waited, step = 0.0, SHORTEST
    while True:
        began = time.monotonic()
        if found := fact():
            return found
        if waited >= within:
            raise AssertionError(f"not within {within:g} s: {what}")
        rest = max(step, min(2 * (time.monotonic() - began), LONGEST))
        pause(rest)
        waited, step = waited + rest, min(step * 1.2, LONGEST)


def gone(pid: int) -> bool:
    """Whether a process has ended; a zombie that only waits to be reaped has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


@dataclass(slots=True)
class Cluster:
    """Any number of service processes, and one client that asks them in turn."""

    folder: Path
    pointed: Mapping[str, str]
    stack: ExitStack
    services: list[processes.ServiceProcess] = field(default_factory=list)

    def start(self, *, under: Sequence[str] = (), **settings: str) -> processes.ServiceProcess:
        """Start one more process; `under` is a command that runs the rest of its line."""
        name = f"service{len(self.services)}"
        lease = {"REPRISE_LEASE_SECONDS": str(LEASE), "REPRISE_HEARTBEAT_SECONDS": str(HEARTBEAT)}
        service = processes.start(name, {**self.pointed, **lease}, self.folder, under, **settings)
        self.services.append(service)
        self.stack.callback(service.stop)
        return service

    def client(self, *services: processes.ServiceProcess) -> Client:
        """A client of these processes, or of all."""
        client = client_of([service.address for service in services or self.services])
        self.stack.callback(client.close)
        return client

    def slow_ffmpeg(self, speed: float) -> dict[str, str]:
        """Settings with an ffmpeg that reads `speed` times as fast as music plays, and is the real one otherwise."""
        return {"REPRISE_FFMPEG_OPTIONS": f"-readrate {speed:g}"}

    def holder(self) -> processes.ServiceProcess | None:
        """The process that claimed or took over last, by the logs."""
        claims = [
            (str(event["timestamp"]), number)
            for number, service in enumerate(self.services)
            for event in service.events()
            if event["event"] in {"job.claimed", "job.taken_over"}
        ]
        return self.services[max(claims)[1]] if claims else None

    def freeze(self, service: processes.ServiceProcess) -> None:
        """SIGSTOP to the process; its ffmpeg stops when its pipes are full."""
        os.kill(service.process.pid, signal.SIGSTOP)
        self.stack.callback(self.thaw, service)

    def thaw(self, service: processes.ServiceProcess) -> None:
        """SIGCONT."""
        if service.process.poll() is None:
            os.kill(service.process.pid, signal.SIGCONT)

    def left_in_s3(self) -> tuple[list[str], list[str]]:
        """Keys of all objects, and of all unfinished multipart uploads."""
        s3 = boto3.client("s3", endpoint_url=self.pointed["AWS_ENDPOINT_URL_S3"], region_name="us-east-1",
                          aws_access_key_id="test", aws_secret_access_key="test")  # fmt: skip
        bucket = self.pointed["REPRISE_BUCKET"]
        objects = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        uploads = [item["Key"] for item in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])]
        s3.close()
        return objects, uploads


@pytest.fixture(scope="session")
def embedded_stack() -> Iterator[Mapping[str, str]]:
    """One embedded stack for all clusters of a session: it takes longer to start than most tests take."""
    with ExitStack() as stack:
        yield embed(stack, environment())


@contextmanager
def a_cluster(
    embedded: Mapping[str, str], *, redis: bool = True, extra: Mapping[str, str] | None = None
) -> Iterator[Cluster]:
    """
    A bucket, a table and processes of its own on a stack that others share; the processes end with the block.

    `extra` are settings that hold for all of them, and for the bucket.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reprise-cluster-")))
        name = f"cluster-{os.getpid()}-{next(_numbers)}"
        pointed = {**embedded, "REPRISE_BUCKET": name, "REPRISE_TABLE": name, **(extra or {})}
        if not redis:
            pointed.pop("REDIS_URL", None)
        prepare_embedded(settings.read(pointed), pointed)
        cluster = Cluster(folder, pointed, stack)
        try:
            yield cluster
        except BaseException:
            for service in cluster.services:  # shown with the failure
                said = service.log.read_text(errors="replace")[-3000:]
                sys.stderr.write(f"{service.name}, exit code {service.process.poll()}:\n{said}\n")
            raise


@dataclass(slots=True)
class Watcher:
    """Polls a job in a thread, asking each address in turn, and remembers what it was told."""

    addresses: list[str]
    job_id: str
    readings: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    _done: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> "Watcher":
        """Begin."""
        self._thread = threading.Thread(target=self._poll, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> list[float]:
        """End; returns all readings."""
        self._done.set()
        if self._thread:
            self._thread.join(30)
        return self.readings

    def _poll(self) -> None:
        turn = itertools.cycle(self.addresses)
        with httpx.Client(timeout=2) as http:
            while not self._done.wait(0.05):
                address = next(turn)
                try:
                    answer = http.get(f"{address}/v1/jobs/{self.job_id}/progress")
                except httpx.TransportError:
                    continue  # killed or frozen
                if answer.is_error:
                    self.problems.append(f"{answer.status_code} {answer.text}")
                    continue
                percent = answer.json()["percent"]
                self.readings.append(percent)
                if percent == 100:  # then the download must work, at once
                    found = http.get(f"{address}/v1/jobs/{self.job_id}/download?via=proxy")
                    if found.status_code != 200:
                        self.problems.append(f"100 % but the download answers {found.status_code}")
