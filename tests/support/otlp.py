"""Receivers of traces: OTLP over HTTP and over gRPC, as protobuf, kept as plain values."""

import gzip
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc  # type: ignore[import-untyped]  # its stubs are a package of their own
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan


@dataclass(frozen=True, slots=True)
class Span:
    """A span as it arrived; ids in hexadecimal, `parent` empty for the first of a trace, `instance` that sent it."""

    trace: str
    id: str
    parent: str
    name: str
    kind: str
    instance: str
    attributes: Mapping[str, Any]


@dataclass(slots=True)
class Receiver:
    """Its address, and what it was sent so far."""

    address: str = ""
    spans: list[Span] = field(default_factory=list)

    def of(self, trace: str) -> list[Span]:
        """The spans of one trace."""
        return [it for it in self.spans if it.trace == trace]

    def take(self, sent: ExportTraceServiceRequest) -> None:
        """Keep what a request brings."""
        for part in sent.resource_spans:
            resource = {it.key: it.value.string_value for it in part.resource.attributes}
            for scope in part.scope_spans:
                self.spans.extend(_plain(it, resource["service.instance.id"]) for it in scope.spans)


def _plain(it: OtlpSpan, instance: str) -> Span:
    values = {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value") for pair in it.attributes}
    kind = OtlpSpan.SpanKind.Name(it.kind).removeprefix("SPAN_KIND_").lower()
    return Span(it.trace_id.hex(), it.span_id.hex(), it.parent_span_id.hex(), it.name, kind, instance, values)


@contextmanager
def otlp_receiver() -> Iterator[Receiver]:
    """A receiver for the length of a block."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        """Answers as the protocol asks."""

        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            right = self.path == "/v1/traces" and self.headers["Content-Type"] == "application/x-protobuf"
            if right:
                plain = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
                receiver.take(ExportTraceServiceRequest.FromString(plain))
            self.send_response(200 if right else 400)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.address = f"http://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


@contextmanager
def grpc_receiver() -> Iterator[Receiver]:
    """The same over gRPC, as App Runner's side car takes spans."""
    receiver = Receiver()

    class Service(TraceServiceServicer):
        """The one call of the protocol."""

        def Export(self, request: ExportTraceServiceRequest, context: object) -> ExportTraceServiceResponse:  # noqa: N802  # the protocol's name
            receiver.take(request)
            return ExportTraceServiceResponse()

    server = grpc.server(ThreadPoolExecutor(1))
    add_TraceServiceServicer_to_server(Service(), server)  # type: ignore[no-untyped-call]  # generated
    receiver.address = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield receiver
    finally:
        server.stop(None).wait()
