"""The vocabulary of events, and what never reaches a log."""

import ast
import io
import json
import re
import threading
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

import service
from service.telemetry import (
    bind_tenant,
    configure_logging,
    emit,
    events,
    identify,
    log_context,
    logging,
    note_request,
    request_context,
    subscribe,
)
from service.telemetry.events import Event

EVENTS = {name: value for name, value in vars(events).items() if isinstance(value, Event)}


def test_names_are_unique_and_dotted() -> None:
    """Every event has a name of its own, ``thing.happened``."""
    names = [event.name for event in EVENTS.values()]

    assert len(names) == len(set(names))
    assert all(name.count(".") == 1 and name == name.lower() for name in names)


def test_every_event_is_emitted_with_the_fields_that_it_declares() -> None:
    """No call of `emit` leaves out a field of its event or adds one that is not declared."""
    used, wrong = set[str](), list[str]()
    for path, call in calls_of_emit():
        named = re.findall(r"\bevents\.([A-Z0-9_]+)", ast.unparse(call.args[0]))
        given = {keyword.arg for keyword in call.keywords if keyword.arg}
        open_end = len(given) < len(call.keywords)  # ends in `**more`, which `exact_fields` looks at in every test
        used.update(named)
        for event in (EVENTS[name] for name in named):
            missing = set() if open_end else set(event.fields) - given
            unknown = given - {*event.fields, *event.maybe, *events.CONTEXT, "exc_info"}
            if missing or unknown:
                wrong.append(f"{path}:{call.lineno} {event.name}: missing {missing}, not declared {unknown}")
    assert wrong == []


def calls_of_emit() -> Iterator[tuple[Path, ast.Call]]:
    """Every call of `emit` in the product's code."""
    for path in sorted(Path(service.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "emit":
                yield path, node


def test_fields_that_are_added_by_themselves_are_not_declared_again() -> None:
    """What every line has is no event's field; what is bound once is one only where it is about another job."""
    for event in EVENTS.values():
        assert not set(event.fields + event.maybe) & {*events.LINE, "instance", "request_id", "tenant"}, event.name
        assert event.about, event.name


def test_a_line_is_json_with_its_context(log: io.StringIO) -> None:
    """What is bound once is in every line that is said inside."""
    with log_context(job_id="j", attempt=2):
        emit(events.JOB_STEP, step="convert")
    emit(events.JOB_STOPPED)

    first, second = map(json.loads, log.getvalue().splitlines())
    assert (first["event"], first["job_id"], first["attempt"], first["step"]) == ("job.step", "j", 2, "convert")
    assert "job_id" not in second


def test_request_begins_its_context_anew(log: io.StringIO) -> None:
    """What an earlier request of the connection has bound is in no line of the next."""
    with log_context(tenant="another", job_id="another"):
        with request_context("r1") as facts:
            bind_tenant("ours")
            note_request(size=5)
            emit(events.JOB_STOPPED)
        emit(events.JOB_STOPPED)
        note_request(size=6)

    inside, after = map(json.loads, log.getvalue().splitlines())
    assert (inside["request_id"], inside["tenant"], facts) == ("r1", "ours", {"size": 5})
    assert "job_id" not in inside
    assert not {"request_id", "tenant"} & set(after)


def test_every_line_names_its_instance_on_whatever_thread(log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """The instance is known to threads that were started without a context."""
    monkeypatch.setattr(logging, "_process", {})
    identify("host-7-abcdef")
    thread = threading.Thread(target=emit, args=(events.JOB_STOPPED,))
    thread.start()
    thread.join()

    assert json.loads(log.getvalue())["instance"] == "host-7-abcdef"


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
    # No blank and no line end: the renderer itself quotes those.
    odd = "\x1b[2J\x1b[31m\x07\x9b1m\u202e\u2067\x7f\x00\u200b\u2060\ufeff\U000e0041\ue000\ud800"
    emit(events.REQUEST_DONE, method=odd, path=f"/v1/{odd}", status=[odd], seconds={odd: odd}, code=odd)
    written = stream.getvalue()

    shown = {unicodedata.category(character) for character in written.rstrip("\n")}
    assert not shown & {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
    assert "\\x1b[2J" in written
