"""
The image of the service, built once for all workers of a run, and containers of it.

It has a name of its own in each run and is removed by the last worker that used it. BuildKit, through which compose
builds, keeps the layers in its cache, so that the next run has the image in a second.
"""

import fcntl
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from service.adapters.system.ambient import SystemIds
from tests.support.cluster import wait_for
from tests.support.docker import LABEL, ROOT, docker_or_skip

RUN: Final = os.environ.get("PYTEST_XDIST_TESTRUNUID") or SystemIds().new()
IMAGE: Final = f"reprise-test:{RUN}"
PORT = 8080  # inside
# As compose.yaml has it: nothing to write to but /tmp, nothing to be gained, a gigabyte.
LOCKED_DOWN = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges:true",
               "--memory=1g", "--memory-swap=1g")  # fmt: skip


def docker(*arguments: str, seconds: float = 180, environment: dict[str, str] | None = None) -> str:
    """Run the command line of Docker; returns what it printed. A failure is one of the test, with what it said."""
    command = ["docker", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False, timeout=seconds,
    )  # fmt: skip
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr[-3000:]}")
    return done.stdout.strip()


@pytest.fixture(scope="session")
def image() -> Iterator[str]:
    """The image, built from this tree."""
    docker_or_skip()
    with _one_at_a_time() as users:
        if users["count"] == 0:
            docker("compose", "build", "--quiet", "service", seconds=1000, environment={"REPRISE_COMPOSE_IMAGE": IMAGE})
        users["count"] += 1
    yield IMAGE
    with _one_at_a_time() as users:
        users["count"] -= 1
        if users["count"] == 0:
            docker("image", "rm", "--force", IMAGE)


@contextmanager
def _one_at_a_time() -> Iterator[dict[str, int]]:
    """A note that the workers of a run share, under a lock: how many of them use the image."""
    path = Path(tempfile.gettempdir()) / f"reprise-image-{RUN}"
    with ExitStack() as stack:
        while True:
            file = stack.enter_context(path.open("a+"))
            fcntl.flock(file, fcntl.LOCK_EX)
            if path.exists() and os.path.samestat(
                path.stat(), os.fstat(file.fileno())
            ):  # else it was taken away meanwhile
                break
        file.seek(0)
        users = json.loads(file.read() or '{"count": 0}')
        yield users
        file.truncate(0)
        file.write(json.dumps(users))
        if users["count"] == 0:
            path.unlink()


@dataclass(frozen=True, slots=True)
class Container:
    """A container of the service."""

    name: str

    @property
    def address(self) -> str:
        """Where it answers, for us."""
        host = docker("port", self.name, str(PORT)).splitlines()[0]
        return f"http://{host}"

    def state(self) -> dict[str, Any]:
        """What Docker says about it: Status, ExitCode, Health …."""
        return dict(json.loads(docker("inspect", "--format", "{{json .State}}", self.name)))

    def health(self) -> str:
        """``starting``, ``healthy`` or ``unhealthy``."""
        return str(self.state()["Health"]["Status"])

    def events(self) -> list[dict[str, Any]]:
        """What it has logged so far."""
        done = subprocess.run(["docker", "logs", self.name], capture_output=True, text=True, check=True, timeout=30)
        return [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]

    def told(self, *names: str) -> list[dict[str, Any]]:
        """The events of these names."""
        return [event for event in self.events() if event["event"] in names]

    def inside(self, *command: str) -> str:
        """Run something in it."""
        return docker("exec", self.name, *command)

    def is_connected_to(self, port: int) -> bool:
        """Whether it has an open connection to this port of any other container."""
        connections = docker("exec", self.name, "python", "-I", "-c", "print(open('/proc/net/tcp').read())")
        return f":{port:04X} 01 " in connections  # 01 is TCP_ESTABLISHED of include/net/tcp_states.h

    def stop(self) -> None:
        """SIGTERM, and SIGKILL after a minute, which its exit code shows."""
        docker("stop", "--time=60", self.name, seconds=120)

    def start_again(self) -> None:
        """Start it after its end; comes back when it is healthy."""
        docker("start", self.name)
        wait_for(lambda: self.health() == "healthy", f"{self.name} is healthy")

    def wait_until_it_answers(self) -> None:
        """Come back when it takes requests, or work."""
        wait_for(lambda: "listening" in docker("logs", self.name) or "worker" in docker("logs", self.name), self.name)


def holder(containers: Sequence[Container], job_id: str) -> Container:
    """The one that claimed the job, or took it over, last."""
    claims = [
        (str(event["timestamp"]), number)
        for number, each in enumerate(containers)
        for event in each.told("job.claimed", "job.taken_over")
        if event["job_id"] == job_id
    ]
    return containers[max(claims)[1]]


def run_service(
    stack: ExitStack, image: str, network: str, environment: dict[str, str], options: Sequence[str] = ()
) -> Container:
    """Start a container of the image, as locked down as it is meant to be; it is removed with `stack`."""
    name = f"reprise-test-{SystemIds().new()[:10]}"
    settings = [f"--env={key}={value}" for key, value in environment.items()]
    docker("run", "--detach", f"--name={name}", f"--label={LABEL}={RUN}", f"--network={network}",
           f"--publish=127.0.0.1::{PORT}", *LOCKED_DOWN, *settings, *options, image)  # fmt: skip
    stack.callback(docker, "rm", "--force", "--volumes", name)
    return Container(name)


def run_silent(stack: ExitStack, image: str, network: str, *, port: int) -> str:
    """Start a container that takes connections and never answers; returns its name. It is removed with `stack`."""
    name = f"reprise-test-{SystemIds().new()[:10]}"
    program = f"import socket, threading; kept = socket.create_server(('', {port})); threading.Event().wait()"
    docker("run", "--detach", f"--name={name}", f"--label={LABEL}={RUN}", f"--network={network}",
           "--entrypoint=python", image, "-I", "-c", program)  # fmt: skip
    stack.callback(docker, "rm", "--force", "--volumes", name)
    return name
