"""
What a flow asks of its driver, and what it is told.

A flow (`reprise.flows`) is a generator: it yields a step and is sent what came of it. It does no input or output over
the network itself, so that one description serves the synchronous and the asynchronous client.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import msgspec

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Make a request: `to` is a path of the service, or a whole URL elsewhere, which is asked without the key."""

    method: str
    to: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    json: Any = None
    seconds: float = 30.0  # without a byte, before it counts as unanswered

    @property
    def elsewhere(self) -> bool:
        """Whether this does not go to the service: to the object store, by a presigned URL."""
        return "://" in self.to


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON; an empty object if it is none."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            return {}


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nothing came back, or it broke off. Whether the request had its effect is not known."""

    reason: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait, in seconds; the driver adds chance, so that many clients do not come back in the same moment."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Open:
    """Make a request whose answer is read piece by piece (`Next`). Sends an `Answer`, whole if it is a refusal."""

    ask: Ask
    kind: Literal["events", "bytes"]


@dataclass(frozen=True, slots=True)
class Next:
    """Read on in what is open. Sends a `Piece`, None at the end, or `NoAnswer` if it broke off."""


@dataclass(frozen=True, slots=True)
class Close:
    """Close what is open."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of a file, or a server-sent event with its name and id."""

    data: bytes
    event: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Tell:
    """Hand a value to whoever iterates over the flow."""

    value: Any


Step = Ask | Pause | Open | Next | Close | Tell
Flow = Generator[Step, Any, T]
