"""Spans of our own, as OpenTelemetry's; the answer to `service.telemetry.tracing`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from service.telemetry.tracing import Kind

KINDS: Mapping[Kind, trace.SpanKind] = {
    "internal": trace.SpanKind.INTERNAL, "producer": trace.SpanKind.PRODUCER, "consumer": trace.SpanKind.CONSUMER,
}  # fmt: skip
HEADER = "traceparent"


class OtelTracer:
    """
    Fulfils `Tracer`.

    What is carried to other processes is W3C's form whatever OTEL_PROPAGATORS names: that is about the headers of
    requests, and containers of two releases may have it set differently.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("service")
        self._form = TraceContextTextMapPropagator()

    @contextmanager
    def span(self, name: str, kind: Kind, parent: str | None, attributes: Mapping[str, str | int]) -> Iterator[None]:
        """Open a span; without a readable `parent` it is a child of the current one, if there is any."""
        context: Context | None = self._form.extract({HEADER: parent}) if parent else None
        with self._tracer.start_as_current_span(name, context, kind=KINDS[kind], attributes=dict(attributes)):
            yield

    def note(self, attributes: Mapping[str, str | int]) -> None:
        """Add to the current span."""
        trace.get_current_span().set_attributes(dict(attributes))

    def carried(self) -> str | None:
        """Return the current span's context, unless it is recorded by nothing."""
        if not trace.get_current_span().is_recording():
            return None
        carrier: dict[str, str] = {}
        self._form.inject(carrier)
        return carrier.get(HEADER)

    def ids(self) -> Mapping[str, str]:
        """Return the current span's ids as receivers show them, also when it has just ended, unless it is not kept."""
        context = trace.get_current_span().get_span_context()
        if not context.trace_flags.sampled:
            return {}
        return {"trace_id": trace.format_trace_id(context.trace_id), "span_id": trace.format_span_id(context.span_id)}
