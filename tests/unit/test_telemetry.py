"""The vocabulary of events, and what never reaches a log."""

import io
import json
from collections.abc import Iterator

import pytest
import structlog

from service import telemetry

EVENTS = {name: value for name, value in vars(telemetry).items() if isinstance(value, telemetry.Event)}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """A log in memory; the configuration is put back afterwards."""
    before = structlog.get_config()
    stream = io.StringIO()
    telemetry.configure(level="debug", form="json", stream=stream)
    yield stream
    structlog.configure(**before)


def test_names_are_unique_and_dotted() -> None:
    """Every event has a name of its own, ``thing.happened``."""
    names = [event.name for event in EVENTS.values()]

    assert len(names) == len(set(names))
    assert all(name.count(".") == 1 and name == name.lower() for name in names)


def test_a_line_is_json_with_its_context(log: io.StringIO) -> None:
    """What is bound once is in every line that is said inside."""
    with telemetry.bound(job_id="j", attempt=2):
        telemetry.say(telemetry.JOB_STEP, step="convert")
    telemetry.say(telemetry.JOB_STOPPED)

    first, second = map(json.loads, log.getvalue().splitlines())
    assert (first["event"], first["job_id"], first["attempt"], first["step"]) == ("job.step", "j", 2, "convert")
    assert "job_id" not in second


def test_signatures_stay_out_of_the_log(log: io.StringIO) -> None:
    """The query of an address, where a presigned URL has its signature, is cut."""
    telemetry.say(
        telemetry.DOWNLOAD_STARTED, job_id="j", key="k", via="redirect", url="https://b/k?X-Amz-Signature=abc"
    )

    assert "abc" not in log.getvalue()


def test_an_exception_comes_with_its_trace(log: io.StringIO) -> None:
    """An unexpected error is logged with the place where it happened."""
    try:
        raise ZeroDivisionError
    except ZeroDivisionError as error:
        telemetry.say(telemetry.UNEXPECTED, where="test", exc_info=error)

    assert "test_an_exception_comes_with_its_trace" in json.loads(log.getvalue())["exception"]


def test_who_listens_hears_what_is_not_logged() -> None:
    """An observer is told of every event while it listens, also of those that the log leaves out."""
    heard: list[tuple[telemetry.Event, dict[str, object]]] = []
    before = structlog.get_config()
    telemetry.configure(level="error", form="json", stream=io.StringIO())
    try:
        with telemetry.observed(lambda event, fields: heard.append((event, dict(fields)))):
            telemetry.say(telemetry.JOB_STEP, step="convert")
        telemetry.say(telemetry.JOB_STOPPED)
    finally:
        structlog.configure(**before)

    assert heard == [(telemetry.JOB_STEP, {"step": "convert"})]
