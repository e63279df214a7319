"""
What libraries write to Python's own log, as events: nothing else writes a line, and none of them is a line of its own.

Some complain of what a client has sent, as uvicorn of a request that is none, so there is a limit to each.
"""

import logging

from service.telemetry import events
from service.telemetry.logging import emit

MOST = 10  # lines a minute of each logger
MOST_CHARACTERS = 500  # of a line


class LibraryLog(logging.Handler):
    """Emits what is a warning or worse. A minute is one of the clock, by the time that the record has."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: dict[str, tuple[int, int]] = {}  # by logger: the minute, and what it said in it

    def emit(self, record: logging.LogRecord) -> None:
        """Emit one record, unless there were too many; the first of a later minute says how many were left out."""
        minute = int(record.created // 60)
        since, count = self._said.get(record.name, (minute, 0))
        dropped = max(0, count - MOST) if since != minute else 0
        count = count + 1 if since == minute else 1
        self._said[record.name] = minute, count
        if count <= MOST:
            text, more = record.getMessage()[:MOST_CHARACTERS], {"dropped": dropped} if dropped else {}
            emit(events.LIBRARY_SAID, logger=record.name, text=text, exc_info=record.exc_info, **more)


def listen_to_libraries() -> None:
    """Take what libraries log in this process from now on."""
    root = logging.getLogger()
    if not any(isinstance(one, LibraryLog) for one in root.handlers):
        root.addHandler(LibraryLog())
