"""A receiver of traces: OTLP over HTTP, as protobuf, kept as plain values."""

import gzip
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
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

    def take(self, body: bytes) -> None:
        """Keep what a request brings. Raises protobuf's `DecodeError` for what is no export."""
        for part in ExportTraceServiceRequest.FromString(body).resource_spans:
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
                receiver.take(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
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
