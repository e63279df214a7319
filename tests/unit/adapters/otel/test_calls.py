"""Which calls to AWS are traced, and what the others are spared."""

from collections.abc import Iterator, MutableMapping, Sequence
from io import BytesIO
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.client import BaseClient
from botocore.compat import HTTPHeaders
from botocore.endpoint import Endpoint
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, SamplingResult
from opentelemetry.trace import SpanKind
from opentelemetry.util.types import Attributes

from service.adapters.otel.calls import calls_traced
from service.adapters.otel.export import RequestsOnly
from service.adapters.otel.server import traced


class Asked(ParentBased):
    """A sampler that notes of which spans it was asked: those that the packages have made ready."""

    def __init__(self) -> None:
        super().__init__(RequestsOnly(1.0))
        self.names: list[str] = []

    def should_sample(
        self,
        parent_context: Any,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[trace.Link] | None = None,
        trace_state: trace.TraceState | None = None,
    ) -> SamplingResult:
        """Decide as the service does."""
        self.names.append(name)
        return super().should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)


class World:
    """A client of DynamoDB that reaches nothing, and what was traced of its calls."""

    def __init__(self) -> None:
        self.sampler, self.kept = Asked(), InMemorySpanExporter()
        self.provider = TracerProvider(sampler=self.sampler)
        self.provider.add_span_processor(SimpleSpanProcessor(self.kept))
        self.sent: list[Any] = []  # of each request, the trace that AWS was told
        session = boto3.session.Session("key", "secret", region_name="eu-central-1")
        self._client = session.client("dynamodb")
        self._client.meta.events.register("before-send.dynamodb.*", self._answer)  # type: ignore[arg-type]  # it may answer

    def call(self) -> None:
        """Ask AWS for something."""
        self._client.list_tables()

    def request(self) -> Any:
        """Begin a request's span."""
        return self.provider.get_tracer("t").start_as_current_span("request", kind=SpanKind.SERVER)

    def _answer(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        self.sent.append(request.headers.get("X-Amzn-Trace-Id"))
        raw = BytesIO(b'{"TableNames": []}')
        raw.stream = lambda *_, **__: iter([raw.read()])  # type: ignore[attr-defined]  # as urllib3's answers have it
        return AWSResponse(request.url, 200, HTTPHeaders(), raw)


@pytest.fixture
def world() -> Iterator[World]:
    """The world, in which calls are traced."""
    made = World()
    with calls_traced(made.provider):
        yield made


def test_call_below_a_recorded_span_is_its_child_and_tells_aws_so(world: World) -> None:
    """Within a request that is traced, a call has a span, and its trace in a header."""
    with world.request() as request:
        world.call()
    call, _ = world.kept.get_finished_spans()
    assert call.name == "DynamoDB.ListTables"
    assert call.parent is not None
    assert call.context is not None
    assert (call.parent.span_id, call.kind) == (request.get_span_context().span_id, SpanKind.CLIENT)
    assert f"{call.context.span_id:016x}" in str(world.sent[0])


def test_nothing_is_made_ready_for_a_call_that_is_not_traced(world: World) -> None:
    """A worker that looks for work and a request that is not sampled do not pay for spans that nothing records."""
    world.call()
    unsampled = trace.SpanContext(trace_id=1, span_id=2, is_remote=True)
    with trace.use_span(trace.NonRecordingSpan(unsampled)):
        world.call()
    assert (world.sampler.names, world.sent) == ([], [None, None])


async def test_poll_of_progress_is_in_no_trace_whatever_its_connection_left(world: World) -> None:
    """Neither a poll nor its calls to AWS make a span, even in the context of an earlier request."""

    async def app(_scope: MutableMapping[str, Any], _receive: Any, _send: Any) -> None:
        assert trace.get_current_span() is trace.INVALID_SPAN
        world.call()

    scope = {"type": "http", "path": "/v1/jobs/one/progress", "method": "GET", "headers": []}
    with world.request():
        await traced(app, world.provider)(scope, None, None)
    assert (world.sampler.names, world.sent) == (["request"], [None])


def test_calls_are_as_before_when_tracing_ends() -> None:
    """What stood around botocore's methods is gone with the block."""
    before = BaseClient._make_api_call, Endpoint.prepare_request  # type: ignore[attr-defined]  # not in the stubs
    with calls_traced(World().provider):
        assert BaseClient._make_api_call is not before[0]  # type: ignore[attr-defined]  # the same
    assert (BaseClient._make_api_call, Endpoint.prepare_request) == before  # type: ignore[attr-defined]
