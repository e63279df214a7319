"""
The record of a run, `history.jsonl`: how events are written to it, read from it, and become a `History`.

One JSON object a line, flushed line by line, so that a run which is killed leaves all that it saw.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, get_args

import msgspec

from chaos.history.events import (
    CLAIMED,
    FAIL,
    HEALED,
    INJECTED,
    LOST,
    NOW,
    OK,
    REFUSED,
    RELEASED,
    RESUMED,
    TAKEN_OVER,
    UNKNOWN,
    Attempt,
    Container,
    Event,
    Expected,
    Fault,
    Final,
    Leftover,
    Operation,
    Run,
    Sample,
    Stored,
)
from chaos.history.translation import history_of

__all__ = [
    "CLAIMED",
    "FAIL",
    "HEALED",
    "INJECTED",
    "LOST",
    "NOW",
    "OK",
    "REFUSED",
    "RELEASED",
    "RESUMED",
    "TAKEN_OVER",
    "UNKNOWN",
    "Attempt",
    "Container",
    "Event",
    "Expected",
    "Fault",
    "Final",
    "Leftover",
    "Operation",
    "Recorder",
    "Run",
    "Sample",
    "Stored",
    "history_of",
    "read",
]

NAME = "history.jsonl"
TYPES: dict[str, type[Event]] = {kind.__name__.lower(): kind for kind in get_args(Event)}


class Recorder:
    """
    Writes events; any thread may.

    `clock` returns the seconds since the start of the run, `wall` the time of day, with its zone.
    """

    def __init__(self, path: Path, clock: Callable[[], float], wall: Callable[[], datetime]) -> None:
        self._file = path.open("ab")
        self._clock = clock
        self._wall = wall
        self._lock = threading.Lock()

    def write(self, event: Event) -> None:
        """Append an event, with the moment if it brings none, and the time of day."""
        with self._lock:
            at = self._clock() if event.at == NOW else event.at
            wall = event.wall or _iso(self._wall())
            self._file.write(encode(replace(event, at=round(at, 6), wall=wall)))
            self._file.flush()

    def close(self) -> None:
        """End the record; may be repeated."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def encode(event: Event) -> bytes:
    """Return the line of an event, with its end."""
    fields = msgspec.to_builtins(event)
    head = {"at": fields.pop("at"), "wall": fields.pop("wall"), "type": type(event).__name__.lower()}
    return msgspec.json.encode(head | fields) + b"\n"


def decode(lines: Iterable[bytes]) -> list[Event]:
    """
    Return the events of whole lines, in their order.

    A last line without an end was being written when the run was killed, and is left out. Raises
    `msgspec.ValidationError` when a line is none of ours.
    """
    found: list[Event] = []
    for line in lines:
        if not line.endswith(b"\n"):
            continue
        fields = msgspec.json.decode(line, type=dict[str, object])
        kind = TYPES.get(str(fields.pop("type", None)))
        if kind is None:
            raise msgspec.ValidationError(f"not an event: {line.decode(errors='replace')[:200]}")
        found.append(msgspec.convert(fields, kind))
    return found


def read(path: Path) -> list[Event]:
    """Return the events of a record; `path` is the file or the folder of the run."""
    with (path / NAME if path.is_dir() else path).open("rb") as file:
        return decode(file)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
