"""Metrics of CloudWatch in the lines of the log: which events carry them, and in which form."""

import io
import json
from collections.abc import Iterator

import pytest
import structlog

from service.telemetry import configure_logging, emit, events
from service.telemetry.embedded_metrics import METRICS, EmbeddedMetric
from service.telemetry.events import Event

EVENTS = {it.name: it for it in vars(events).values() if isinstance(it, Event)}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """A log in memory that carries metrics; the configuration is put back afterwards."""
    before, stream = structlog.get_config(), io.StringIO()
    configure_logging(level="info", form="json", stream=stream, namespace="Reprise/test")
    yield stream
    structlog.configure(**before)


@pytest.mark.parametrize("metric", METRICS, ids=lambda it: f"{it.name} {it.event}")
def test_metrics_are_of_events_that_are_logged_with_their_fields(metric: EmbeddedMetric) -> None:
    """Each metric is of an event that is logged by default and always has the fields that are read."""
    event = EVENTS[metric.event]
    assert event.level >= events.INFO
    assert {*metric.at_least, *([metric.value] if metric.value else ())} <= set(event.fields)


def test_metrics_do_not_take_the_name_of_a_field() -> None:
    """A name is that of one number, whichever events it counts, and no field of an event is overwritten by a metric."""
    names = [(metric.name, metric.event) for metric in METRICS]
    numbers = {(metric.name, metric.value, metric.unit) for metric in METRICS}
    fields = {name for event in EVENTS.values() for name in (*event.fields, *event.maybe, *events.LINE)}
    assert len(names) == len(set(names))
    assert len(numbers) == len({name for name, _ in names})
    assert not fields & {name for name, _ in names}


def test_each_way_of_losing_a_worker_is_counted_as_one(log: io.StringIO) -> None:
    """A job whose worker is gone counts for the alarm, whether it is taken over or waits for a free slot."""
    fields = {"job_id": "j", "attempt": 1, "previous_owner": "o", "excused": False, "cause": "gone"}
    emit(events.JOB_REQUEUED, **fields)
    emit(events.JOB_TAKEN_OVER, **fields, silent=None, percent=0.0, lost_seconds=None, lost_bytes=None)

    assert [line["JobsTakenOver"] for line in map(json.loads, log.getvalue().splitlines())] == [1, 1]


def test_line_of_a_counted_event_is_an_embedded_metric(log: io.StringIO) -> None:
    """CloudWatch finds namespace, names, units and values where its format has them, and the moment of the line."""
    emit(events.QUEUE_DEPTH, queued=3, running=1, limit=250, oldest_seconds=12.5)

    line = json.loads(log.getvalue())
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Reprise/test"
    assert directive["Dimensions"] == [[]]
    units = {it["Name"]: it["Unit"] for it in directive["Metrics"]}
    assert units == {"QueuedJobs": "Count", "RunningJobs": "Count", "QueueAgeSeconds": "Seconds"}
    assert {name: line[name] for name in units} == {"QueuedJobs": 3, "RunningJobs": 1, "QueueAgeSeconds": 12.5}
    assert 1.7e12 < line["_aws"]["Timestamp"] < 1e13  # milliseconds


def test_only_what_is_counted_carries_metrics(log: io.StringIO) -> None:
    """An answer below 500 is no server error, and an event without a metric is a line as any other."""
    for status in (404, 500):
        emit(events.REQUEST_DONE, method="GET", path="/", status=status, seconds=0.1)
    emit(events.JOB_STOPPED)

    fine, failed, stopped = map(json.loads, log.getvalue().splitlines())
    assert failed["ServerErrors"] == 1
    assert not [line for line in (fine, stopped) if "_aws" in line or "ServerErrors" in line]


def test_value_that_is_no_number_is_no_metric(log: io.StringIO) -> None:
    """What is not known is left out: CloudWatch would take none of the line's metrics."""
    emit(events.QUEUE_DEPTH, queued=3, running=None, limit=250, oldest_seconds=True)

    (directive,) = json.loads(log.getvalue())["_aws"]["CloudWatchMetrics"]
    assert [it["Name"] for it in directive["Metrics"]] == ["QueuedJobs"]


def test_lines_carry_no_metrics_where_that_is_off() -> None:
    """Without a namespace, and in the form for people, a counted event is a plain line."""
    before = structlog.get_config()
    try:
        for form, namespace in (("json", None), ("text", "Reprise/test")):
            stream = io.StringIO()
            configure_logging(level="info", form=form, stream=stream, namespace=namespace)
            emit(events.JOB_FAILED, code="bad_media", detail="", facts={})
            assert "_aws" not in stream.getvalue()
            assert "JobsFailed" not in stream.getvalue()
    finally:
        structlog.configure(**before)
