"""Reads the logs of containers while they come, over restarts: kept line by line, and handed on as JSON objects."""

import json
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from docker.errors import APIError

from chaos.ambient import pause
from chaos.stack.engine import Box

Line = Callable[[str, Mapping[str, Any], datetime], None]  # container, object, when the engine got the line
AGAIN = 0.2  # seconds between the end of a log and the next look


class Follower:
    """Follows one container, in a thread; `stop` reads what is left and ends it."""

    def __init__(self, box: Box, path: Path, on_line: Line) -> None:
        self._box, self._on_line = box, on_line
        self._file = path.open("ab")
        self._last = ""  # the stamp of the last line: what has been read already is skipped
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True, name=f"log of {box.name}")
        self._thread.start()

    def stop(self) -> None:
        """Read what has been logged until now, then end. The container must not be logging any more."""
        self._stopping.set()
        self._thread.join(20)
        self._file.close()

    def _follow(self) -> None:
        while not self._stopping.is_set():
            self._read(follow=True)
            pause(AGAIN)
        self._read(follow=False)

    def _read(self, *, follow: bool) -> None:
        since = datetime.fromisoformat(self._last[:26] + "+00:00").timestamp() if self._last else None
        try:
            stream = self._box.raw.logs(stream=True, follow=follow, timestamps=True, since=since)
            rest = b""
            for chunk in stream:
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._one(line)
        except (APIError, OSError, ValueError):
            return  # the container is being started or removed; what is missing is read next time

    def _one(self, line: bytes) -> None:
        stamp, _, text = line.decode(errors="replace").partition(" ")
        if stamp <= self._last or not stamp.endswith("Z"):
            return
        self._last = stamp
        self._file.write(text.encode() + b"\n")
        self._file.flush()
        if not text.startswith("{"):
            return
        try:
            said = json.loads(text)
        except ValueError:
            return
        self._on_line(self._box.name, said, datetime.fromisoformat(stamp[:26]).replace(tzinfo=UTC))
