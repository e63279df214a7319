"""
The compose stack, under a name and on ports of its own, with an ffmpeg that takes its time.

What is started is compose.yaml as it is. A second file, which only labels it for the tests and slows ffmpeg down, is
laid over it through Docker's own variables (COMPOSE_FILE …), so that a line of the README can be run as it stands.
"""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reprise import Client
from service.adapters.system.ambient import SystemIds
from tests.support.docker import LABEL, ROOT
from tests.support.image import RUN, Container, docker

SPEED = 4.0  # seconds of music in a second
SLOW = {"REPRISE_FFMPEG_OPTIONS": f"-readrate {SPEED:g}"}  # the real ffmpeg, which takes its time


@dataclass(frozen=True, slots=True)
class Stack:
    """A compose project."""

    project: str
    port: int
    environment: dict[str, str]
    to_close: ExitStack

    def client(self) -> Client:
        """A client, closed at the end of it all."""
        client = Client(self.address)
        self.to_close.callback(client.close)
        return client

    @property
    def address(self) -> str:
        """Where the service answers."""
        return f"http://localhost:{self.port}"

    @property
    def network(self) -> str:
        """The network that its containers are in."""
        return f"{self.project}_default"

    def compose(self, *arguments: str, seconds: float = 240) -> str:
        """``docker compose …`` of this project."""
        return docker("compose", *arguments, seconds=seconds, environment=self.environment)

    def services(self) -> list[Container]:
        """The containers of the service, whatever their state, in order."""
        return sorted(map(Container, self.compose("ps", "--all", "--format", "{{.Name}}", "service").split()), key=str)

    def left(self) -> list[str]:
        """All that Docker still has of this project."""
        mine = f"label=com.docker.compose.project={self.project}"
        asked = (["ps", "--all"], ["network", "ls"], ["volume", "ls"])
        return [line for ask in asked for line in docker(*ask, "--quiet", "--filter", mine).split()]


@pytest.fixture(scope="module")
def stack(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """
    A stack to be: nothing is started yet, and whatever is started is gone at the end.

    Each module has its own, though it takes seconds to start: idle, its containers cost a sixth of a small machine.
    """
    folder = tmp_path_factory.mktemp("compose")
    with compose_stack(image, folder, {}, {"environment": SLOW}) as made:
        yield made


@contextmanager
def compose_stack(
    image: str, folder: Path, settings: dict[str, str], service: dict[str, Any] | None = None
) -> Iterator[Stack]:
    """
    A stack of `image`, not started, that is gone with the block.

    `settings` are variables of compose.yaml; `service` is laid over the service of that name.
    """
    port, project = free_port(), f"reprise-test-{SystemIds().new()[:8]}"
    made = Stack(
        project,
        port,
        {
            "COMPOSE_PROJECT_NAME": project,
            "COMPOSE_FILE": f"{ROOT / 'compose.yaml'}:{_laid_over(folder, service or {})}",
            "REPRISE_COMPOSE_IMAGE": image,
            "REPRISE_COMPOSE_PORT": str(port),
            "REPRISE_COMPOSE_S3_PORT": str(free_port()),
            **settings,
        },
        ExitStack(),
    )
    with made.to_close:
        made.to_close.callback(made.compose, "down", "--volumes", "--timeout", "1")
        yield made


def free_port() -> int:
    """A port on 127.0.0.1 that is free at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _laid_over(folder: Path, service: dict[str, Any]) -> Path:
    ours = {"labels": {LABEL: RUN}}
    services = dict.fromkeys(("front", "localstack", "setup", "valkey"), ours)
    path = folder / "laid-over.json"
    path.write_text(
        json.dumps(
            {
                "services": {**services, "service": {**ours, **service}},
                "networks": {"default": ours},
                "volumes": {"scratch": ours},
            }
        )
    )
    return path
