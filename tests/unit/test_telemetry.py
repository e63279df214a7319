"""The vocabulary of events, and what never reaches a log."""

import io
import json
import unicodedata
from collections.abc import Iterator

import pytest
import structlog

from service.telemetry import configure_logging, emit, events, log_context, subscribe
from service.telemetry.events import Event

EVENTS = {name: value for name, value in vars(events).items() if isinstance(value, Event)}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """A log in memory; the configuration is put back afterwards."""
    before = structlog.get_config()
    stream = io.StringIO()
    configure_logging(level="debug", form="json", stream=stream)
    yield stream
    structlog.configure(**before)


def test_names_are_unique_and_dotted() -> None:
    """Every event has a name of its own, ``thing.happened``."""
    names = [event.name for event in EVENTS.values()]

    assert len(names) == len(set(names))
    assert all(name.count(".") == 1 and name == name.lower() for name in names)


def test_a_line_is_json_with_its_context(log: io.StringIO) -> None:
    """What is bound once is in every line that is said inside."""
    with log_context(job_id="j", attempt=2):
        emit(events.JOB_STEP, step="convert")
    emit(events.JOB_STOPPED)

    first, second = map(json.loads, log.getvalue().splitlines())
    assert (first["event"], first["job_id"], first["attempt"], first["step"]) == ("job.step", "j", 2, "convert")
    assert "job_id" not in second


def test_signatures_stay_out_of_the_log(log: io.StringIO) -> None:
    """The query of an address, where a presigned URL has its signature, is cut."""
    emit(events.DOWNLOAD_STARTED, job_id="j", key="k", via="redirect", url="https://b/k?X-Amz-Signature=abc")

    assert "abc" not in log.getvalue()


def test_an_exception_comes_with_its_trace(log: io.StringIO) -> None:
    """An unexpected error is logged with the place where it happened."""
    try:
        raise ZeroDivisionError
    except ZeroDivisionError as error:
        emit(events.UNEXPECTED, where="test", exc_info=error)

    assert "test_an_exception_comes_with_its_trace" in json.loads(log.getvalue())["exception"]


def test_who_listens_hears_what_is_not_logged() -> None:
    """An observer is told of every event while it listens, also of those that the log leaves out."""
    heard: list[tuple[Event, dict[str, object]]] = []
    before = structlog.get_config()
    configure_logging(level="error", form="json", stream=io.StringIO())
    try:
        with subscribe(lambda event, fields: heard.append((event, dict(fields)))):
            emit(events.JOB_STEP, step="convert")
        emit(events.JOB_STOPPED)
    finally:
        structlog.configure(**before)

    assert heard == [(events.JOB_STEP, {"step": "convert"})]


def test_text_log_has_nothing_that_a_terminal_obeys(log: io.StringIO) -> None:
    """What a client sends cannot clear an operator's screen, colour it, or turn the direction of its text."""
    stream = io.StringIO()
    configure_logging(level="debug", form="text", stream=stream)
    odd = "\x1b[2J\x1b[31m\x07\x9b1m\u202e\x7f\x00"  # no blank and no line end: the renderer itself quotes those
    emit(events.REQUEST_DONE, method=odd, path=f"/v1/{odd}", status=[odd], seconds={odd: odd}, code=odd)
    written = stream.getvalue()

    assert [character for character in written.rstrip("\n") if unicodedata.category(character) in {"Cc", "Cf"}] == []
    assert "\\x1b[2J" in written
