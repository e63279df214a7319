"""What is traced, how it is told apart, and where it is sent."""

from collections.abc import Mapping

import pytest
import requests
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from service.adapters.otel import export
from service.adapters.otel.signing import session_for
from service.adapters.otel.spans import OtelTracer
from service.telemetry import events, subscribe
from service.telemetry.events import Event
from service.telemetry.tracing import carried, note, span, traced_by

AWAY = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
XRAY = "https://xray.eu-central-1.amazonaws.com/v1/traces"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> tuple[TracerProvider, InMemorySpanExporter]:
    """A provider whose spans stay here."""
    kept = InMemorySpanExporter()
    monkeypatch.setattr(export, "_exporter", lambda _: kept)
    monkeypatch.setattr(export, "BatchSpanProcessor", SimpleSpanProcessor)
    return export.provider(AWAY, instance="one", version="1"), kept


def by_name(kept: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    """The spans that have ended."""
    return {it.name: it for it in kept.get_finished_spans()}


def test_trace_begins_with_a_request_alone(made: tuple[TracerProvider, InMemorySpanExporter]) -> None:
    """What a worker does without a job is not recorded, and carries nothing to others; what a request leads to is."""
    provider, kept = made
    with traced_by(OtelTracer(provider)):
        with span("looking"):
            assert carried() is None
        with provider.get_tracer("t").start_as_current_span("request", kind=SpanKind.SERVER), span("job"):
            assert carried() is not None
    assert set(by_name(kept)) == {"request", "job"}


def test_attempt_in_another_process_is_a_child_of_the_job(made: tuple[TracerProvider, InMemorySpanExporter]) -> None:
    """What a job's record carries is enough to go on with its trace."""
    provider, kept = made
    with traced_by(OtelTracer(provider)):
        request = provider.get_tracer("t").start_as_current_span("request", kind=SpanKind.SERVER)
        with request, span("job", kind="producer"):
            context = carried()
        with span("attempt", kind="consumer", parent=context, attempt=2):
            note(outcome="succeeded")
    job, attempt = by_name(kept)["job"], by_name(kept)["attempt"]
    assert attempt.parent is not None
    assert job.context is not None
    assert (attempt.parent.trace_id, attempt.parent.span_id) == (job.context.trace_id, job.context.span_id)
    assert dict(attempt.attributes or {}) == {"attempt": 2, "outcome": "succeeded"}


@pytest.mark.parametrize("carried_over", ["", "nonsense", "00-0-0-01"])
def test_unreadable_context_is_as_good_as_none(
    made: tuple[TracerProvider, InMemorySpanExporter], carried_over: str
) -> None:
    """A record that holds something else costs no conversion."""
    provider, kept = made
    with traced_by(OtelTracer(provider)), span("attempt", parent=carried_over):
        pass
    assert not by_name(kept)


def test_hooks_do_nothing_without_a_tracer() -> None:
    """Where tracing is off, a span is an empty block, and a job carries no context."""
    with span("step", attempt=1):
        note(outcome="x")
        assert carried() is None


def test_instance_and_release_are_told_with_every_span(made: tuple[TracerProvider, InMemorySpanExporter]) -> None:
    """Spans of two containers can be told apart."""
    provider, _ = made
    assert {"service.name": "reprise", "service.version": "1", "service.instance.id": "one"}.items() <= dict(
        provider.resource.attributes
    ).items()


@pytest.mark.parametrize("share", ["most", "1.5", "-1"])
def test_impossible_share_of_requests_is_refused(share: str) -> None:
    """A share is a number from 0 to 1."""
    with pytest.raises(ValueError, match=r"."):
        export.provider({**AWAY, export.SHARE: share}, instance="one", version="1")


def test_receiver_that_is_away_is_an_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans that cannot be sent are dropped with one of our events, and nothing is raised."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", AWAY["OTEL_EXPORTER_OTLP_ENDPOINT"])
    monkeypatch.setattr(export, "SEND_TIMEOUT", 0.3)
    heard: list[Event] = []

    def hear(event: Event, _: Mapping[str, object]) -> None:
        heard.append(event)

    with subscribe(hear):
        provider = export.provider(AWAY, instance="one", version="1")
        with provider.get_tracer("t").start_as_current_span("request", kind=SpanKind.SERVER):
            pass
        provider.shutdown()
    assert events.TRACE_TROUBLE in heard


@pytest.mark.parametrize(("endpoint", "signed"), [(XRAY, True), ("http://collector:4318/v1/traces", False)])
def test_only_requests_to_xray_are_signed(monkeypatch: pytest.MonkeyPatch, endpoint: str, signed: bool) -> None:
    """X-Ray gets a signature for its service and its region; a collector gets no trace of our credentials."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    session = session_for(endpoint)
    headers = {"Content-Type": "application/x-protobuf"}
    prepared = session.prepare_request(requests.Request("POST", endpoint, data=b"spans", headers=headers))
    said = prepared.headers.get("Authorization", "")
    assert ("/eu-central-1/xray/aws4_request" in said) is signed
    assert prepared.body == b"spans"
    session.close()
