"""What libraries log: as events, and no more of them than an operator can read."""

import logging
import sys

import pytest

from service.telemetry import events, subscribe
from service.telemetry.libraries import MOST, MOST_CHARACTERS, LibraryLog


def record(text: str, *, at: float, level: int = logging.WARNING, **more: object) -> logging.LogRecord:
    """What a library hands to Python's log at a moment, in seconds."""
    made = logging.makeLogRecord({"name": "uvicorn.error", "msg": text, "levelno": level, "created": at, **more})
    made.levelname = logging.getLevelName(level)
    return made


@pytest.fixture
def said() -> "list[dict[str, object]]":
    """What was emitted."""
    return []


def test_complaint_of_a_library_is_an_event(said: list[dict[str, object]]) -> None:
    """With the name of its logger, a text of bounded length and the traceback; what is no warning is left out."""
    log = LibraryLog()
    try:
        raise ValueError("why")
    except ValueError:
        failed = record("x" * 10_000, at=60.0, exc_info=sys.exc_info())
    with subscribe(lambda event, fields: said.append({"event": event, **fields})):
        log.handle(failed)
    (one,) = said
    assert (one["event"], one["logger"]) == (events.LIBRARY_SAID, "uvicorn.error")
    assert one["text"] == "x" * MOST_CHARACTERS
    assert one["exc_info"] == failed.exc_info
    assert log.level == logging.WARNING


def test_flood_of_complaints_is_cut_and_says_how_many_there_were(said: list[dict[str, object]]) -> None:
    """A client that sends garbage a thousand times a minute makes ten lines of it, and another logger has its own."""
    log = LibraryLog()
    with subscribe(lambda _, fields: said.append(dict(fields))):
        for _ in range(1000):
            log.handle(record("Invalid HTTP request received.", at=61.0))
        log.handle(record("a task failed", at=62.0, name="asyncio"))
        log.handle(record("Invalid HTTP request received.", at=121.0))
        log.handle(record("Invalid HTTP request received.", at=122.0))
    assert len(said) == MOST + 3
    assert [one["logger"] for one in said[-3:]] == ["asyncio", "uvicorn.error", "uvicorn.error"]
    assert [one.get("dropped") for one in said[-3:]] == [None, 1000 - MOST, None]
