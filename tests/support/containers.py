"""
Containers for tests, LocalStack first of all: started by the first test that asks and removed whatever happens.

LocalStack, the expensive one, is started once in a run, by the first process that finds no note of it under the lock.
The first pytest process of a run (with xdist the one that runs no tests) holds a lock as long as it lives and removes
the containers at its end. If it is killed, the kernel releases its lock, and a process that waits for that lock (it
was started together with the first container) removes them instead.
"""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import boto3
import httpx
import pytest
from botocore.config import Config

from tests.support.docker import LABEL, ROOT, docker_or_skip, images

FOLDER = "PYTEST_CONTAINERS_FOLDER"  # where the processes of a run keep their notes; its name is the name of the run
COLD_START = 240.0  # seconds for LocalStack, on a busy machine
REAPER = "import sys; from tests.support.containers import reap; reap(sys.argv[1])"
_owned: list[int] = []  # the file whose lock says that this run is alive


# ── a container ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Container:
    """A running container, which any process of the run can talk to: what it has is an id and an address."""

    id: str
    host: str
    ports: Mapping[int, int]  # inside → outside
    inside: str  # its address for other containers on the default network

    def pause(self) -> None:
        """Freeze it: connections stay open, answers stay away. One with many threads may take several tries."""
        self.wait(lambda: self._docker("pause"), "it is frozen")

    def unpause(self) -> None:
        """Thaw it."""
        self._docker("unpause")

    def kill(self) -> None:
        """SIGKILL; what it had in memory is lost."""
        self._docker("kill")

    def start(self) -> None:
        """Start it again, on the same port if that was fixed."""
        self._docker("start")

    def log(self) -> str:
        """The last of what it has said."""
        done = subprocess.run(
            ["docker", "logs", "--tail", "60", self.id], capture_output=True, text=True, check=False, timeout=100
        )
        return done.stdout + done.stderr

    def wait(self, fact: Callable[[], object], what: str, *, within: float = 100.0) -> None:
        """Ask again and again until `fact` neither raises nor is false; an error shows the container's log."""
        deadline = time.monotonic() + within
        problem: object = "never asked"
        while time.monotonic() < deadline:
            try:
                if fact():
                    return
                problem = "not yet"
            except Exception as error:  # noqa: BLE001  # whatever it is, it is not yet the fact
                problem = error
            time.sleep(0.05)
        raise RuntimeError(f"not within {within:g} s: {what} ({problem})\n{self.log()}")

    def remove(self) -> None:
        """Take it away with its volumes."""
        with contextlib.suppress(RuntimeError):  # another process does it already
            self._docker("rm", "--force", "--volumes")

    def note(self) -> dict[str, Any]:
        """For another process."""
        return {"id": self.id, "host": self.host, "ports": dict(self.ports), "inside": self.inside}

    @classmethod
    def noted(cls, note: Mapping[str, Any]) -> Self:
        """From what another process left."""
        return cls(**{**note, "ports": {int(inside): outside for inside, outside in note["ports"].items()}})

    def _docker(self, *verb: str) -> bool:
        command = ["docker", *verb, self.id]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        return True


def run_container(
    image: str,
    *ports: int,
    fixed: Mapping[int, int] | None = None,
    environment: Mapping[str, str] | None = None,
    command: list[str] | None = None,
    files: Mapping[str, bytes] | None = None,
) -> Container:
    """Start a container of this run. `ports` get any port on 127.0.0.1, those of `fixed` (inside → outside) theirs."""
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415  # slow to import

    run = _run_of_this_process()
    made = DockerContainer(images()[image], env=dict(environment or {}), labels={LABEL: run})
    made._command = command  # the constructor knows texts only, docker-py knows lists
    wanted: dict[int, int | None] = {**dict.fromkeys(ports), **(fixed or {})}
    made.ports = {str(inside): ("127.0.0.1", outside) for inside, outside in wanted.items()}  # type: ignore[misc]  # docker-py takes an address too
    for path, content in (files or {}).items():
        made.with_copy_into_container(content, path)
    made.start()
    wrapped = made.get_wrapped_container()
    wrapped.reload()
    network = wrapped.attrs["NetworkSettings"]
    outside = {port: int(network["Ports"][f"{port}/tcp"][0]["HostPort"]) for port in wanted}
    container = Container(str(wrapped.id), "127.0.0.1", outside, network["IPAddress"])
    made.get_docker_client().client.close()
    return container


# ── one for all processes of a run ───────────────────────────────────────────────────────────────────────────────


def folder_of_run() -> Path:
    """Where the workers of a run leave notes for each other; it goes with the run."""
    return Path(os.environ[FOLDER])


def shared(name: str, start: Callable[[], Container]) -> Container:
    """The container of this name; the first process that asks starts it, the others wait for that."""
    note = folder_of_run() / f"{name}.json"
    with note.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not note.exists():
            note.write_text(json.dumps(start().note()))
        return Container.noted(json.loads(note.read_text()))


def _run_of_this_process() -> str:
    """The name of the run, after starting the process that removes its containers."""
    folder = folder_of_run()
    with (folder / "reaper.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        reaper = folder / "reaper"
        if not reaper.exists():
            # In a session of its own, so that Ctrl-C does not end it; it outlives this process.
            subprocess.run(
                ["setsid", "--fork", sys.executable, "-c", REAPER, str(folder)],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=True,
            )
            reaper.touch()
    return folder.name


def reap(folder: str) -> None:
    """Wait until the run has ended, in whatever way, and remove what is left of it."""
    with (Path(folder) / "alive").open("r+") as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)
    remove_all(Path(folder).name)
    shutil.rmtree(folder, ignore_errors=True)


def remove_all(run: str) -> None:
    """Remove every container of a run, with its volumes, and every network."""
    ours = ["--filter", f"label={LABEL}={run}"]
    for find, remove in (
        (["docker", "ps", "--all", "--quiet", *ours], ["docker", "rm", "--force", "--volumes"]),
        (["docker", "network", "ls", "--quiet", *ours], ["docker", "network", "rm"]),
    ):
        found = subprocess.run(find, capture_output=True, text=True, check=False, timeout=180).stdout.split()
        if found:
            subprocess.run([*remove, *found], capture_output=True, check=False, timeout=300)


def pytest_configure(config: pytest.Config) -> None:
    """Open a run, unless this process belongs to one."""
    if FOLDER in os.environ:
        return
    folder = Path(tempfile.mkdtemp(prefix="reprise-run-"))
    alive = os.open(folder / "alive", os.O_CREAT | os.O_RDWR)
    fcntl.flock(alive, fcntl.LOCK_EX)
    _owned.append(alive)
    os.environ[FOLDER] = str(folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close the run that this process has opened."""
    if not _owned:
        return
    folder = Path(os.environ.pop(FOLDER))
    if (folder / "reaper").exists():
        remove_all(folder.name)
    shutil.rmtree(folder, ignore_errors=True)
    os.close(_owned.pop())


# ── LocalStack ───────────────────────────────────────────────────────────────────────────────────────────────────


def run_localstack(*more: str) -> Container:
    """S3 and DynamoDB in one container, and `more` services; returns when these two have answered a call."""
    container = run_container(
        "LOCALSTACK_IMAGE",
        4566,
        environment={
            "SERVICES": ",".join(("s3", "dynamodb", *more)),
            "EAGER_SERVICE_LOADING": "1",
            "DYNAMODB_IN_MEMORY": "1",
        },
    )
    endpoint = endpoint_of(container)
    container.wait(
        lambda: httpx.get(f"{endpoint}/_localstack/health", timeout=2).is_success,
        "LocalStack is healthy",
        within=COLD_START,
    )
    config = Config(connect_timeout=2, read_timeout=20, retries={"total_max_attempts": 1})
    session = boto3.session.Session("test", "test", region_name="us-east-1")
    s3 = session.client("s3", endpoint_url=endpoint, config=config)
    dynamodb = session.client("dynamodb", endpoint_url=endpoint, config=config)
    container.wait(s3.list_buckets, "S3 answers", within=COLD_START)
    container.wait(dynamodb.list_tables, "DynamoDB answers", within=COLD_START)
    s3.close()
    dynamodb.close()
    return container


def endpoint_of(container: Container) -> str:
    """The address of a LocalStack, for a client on this machine."""
    return f"http://{container.host}:{container.ports[4566]}"


@pytest.fixture(scope="session")
def localstack() -> Container:
    """The LocalStack of the run, for tests that are `one_worker`. Killing it loses what all of them have made."""
    docker_or_skip()
    return shared("localstack", run_localstack)
