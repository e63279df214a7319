"""
Where spans go: by OTLP to the receiver that OTEL_EXPORTER_OTLP_ENDPOINT names, over HTTP, or gRPC where that is asked.

OpenTelemetry's own variables are read by its own packages, each of them, except for those that are named here. Spans
are sent in the background; what cannot be sent is dropped, with an event, and holds up no request and no conversion.
"""

import logging
from collections.abc import Mapping, Sequence

from opentelemetry.sdk.extension.aws.trace import AwsXRayIdGenerator
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

from service.telemetry import emit, events

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"  # `http/protobuf` (default) or `grpc`
SHARE = "OTEL_TRACES_SAMPLER_ARG"  # of the requests that are traced, 0 to 1
PROPAGATORS = "OTEL_PROPAGATORS"
# What these complain of is in the headers of a request, up to 180 lines for one that lies.
OF_CALLERS = ("opentelemetry.baggage", "opentelemetry.propagators", "opentelemetry.trace")
SEND_TIMEOUT = 5.0  # seconds; longer, and the end of a container would wait for a receiver that is away


class RequestsOnly(Sampler):
    """
    Begin a trace with a request, and with nothing else.

    A worker that finds its queue empty calls DynamoDB every second: a trace for each of these would be most of them.
    """

    def __init__(self, share: float) -> None:
        self._share = TraceIdRatioBased(share)

    def should_sample(
        self,
        parent_context: object,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decide about a span without a parent."""
        chosen = self._share if kind is SpanKind.SERVER else ALWAYS_OFF
        return chosen.should_sample(None, trace_id, name, kind, attributes, links)

    def get_description(self) -> str:
        """Return what the sampler is, for a log."""
        return f"RequestsOnly({self._share.get_description()})"


class _Trouble(logging.Handler):
    """What OpenTelemetry's packages would write to the log in their own form, as an event."""

    def emit(self, record: logging.LogRecord) -> None:
        emit(events.TRACE_TROUBLE, reason=record.getMessage()[:500])


def provider(environment: Mapping[str, str], *, instance: str, version: str) -> TracerProvider:
    """Return a provider that sends what it is given. Raises `ValueError` for a share that is none."""
    ids: IdGenerator = (
        AwsXRayIdGenerator() if "xray" in environment.get(PROPAGATORS, "") else RandomIdGenerator()
    )  # with the time in front, as X-Ray sorts them
    own = Resource({"service.name": "reprise", "service.version": version, "service.instance.id": instance})
    made = TracerProvider(
        sampler=ParentBased(RequestsOnly(float(environment.get(SHARE) or 1.0))),
        # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, which the detector reads, win over these.
        resource=Resource.get_empty().merge(own).merge(OTELResourceDetector().detect()),
        id_generator=ids,
        shutdown_on_exit=False,
    )
    made.add_span_processor(BatchSpanProcessor(_exporter(environment)))
    logger = logging.getLogger("opentelemetry")
    logger.handlers[:], logger.propagate = [_Trouble(level=logging.WARNING)], False
    for name in OF_CALLERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return made


def _exporter(environment: Mapping[str, str]) -> SpanExporter:
    """Both read the endpoint themselves, and headers, certificates and compression."""
    if environment.get(PROTOCOL) == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415  # half a second
            OTLPSpanExporter as Grpc,
        )

        return Grpc(timeout=SEND_TIMEOUT)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415  # not both
        OTLPSpanExporter as Http,
    )

    from service.adapters.otel.signing import session_for  # noqa: PLC0415  # brings requests

    return Http(timeout=SEND_TIMEOUT, session=session_for(environment[ENDPOINT]))
