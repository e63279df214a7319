"""What the Docker stack asks of a service: how its image is run, what it logs and what it stores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chaos.history.events import Final, Leftover, Stored
from chaos.stack.backing import Backing


@dataclass(frozen=True, slots=True)
class Shape:
    """How many members a stack has, and how each is set up: what a scenario decides."""

    members: int = 3
    version: str = "new"  # of the image that they are started from
    speed: int = 12  # ffmpeg reads so many times as fast as music plays
    slots: int = 2
    settings: tuple[tuple[str, str], ...] = ()  # more variables of the service
    clock: bool = False  # the clock of members can be set


class Kit(Protocol):
    """What the stack has to know of a service: how its image is run, what it logs and what it stores."""

    port: int
    health: str  # path
    memory: int
    scratch: str

    def prepare(self, backing: Backing, image: str) -> None:
        """Make what the service needs before its first start: buckets, tables."""

    def environment(self, links: Mapping[str, int], shape: Shape, version: str) -> Mapping[str, str]:
        """Return the variables of a member of a version whose links are on these ports of the host `toxiproxy`."""

    def options(self) -> Mapping[str, Any]:
        """Return how its container is run, as docker-py names it."""

    def attempt(self, line: Mapping[str, Any]) -> tuple[str, str, int, str] | None:
        """Return (what, job, attempt, detail) if a line of the log tells of an attempt."""

    def stored(self, backing: Backing) -> Stored:
        """Count what is stored."""

    def finals(self, backing: Backing) -> Sequence[Final]:
        """Return what the store says of all jobs."""

    def leftovers(self, backing: Backing) -> Sequence[Leftover]:
        """Return what is stored and belongs to no record."""
