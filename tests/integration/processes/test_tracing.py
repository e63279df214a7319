"""Traces across processes, as a receiver of OTLP gets them."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from litestar import Litestar, get
from litestar.testing import TestClient

from service.adapters.otel import export
from service.cli.sample import write_sample
from service.telemetry import subscribe
from service.wiring.tracing import tracing
from service.worker.steps import CONVERSION
from tests.support.cluster import a_cluster, wait_for
from tests.support.docker import ROOT
from tests.support.otlp import Receiver, Span, grpc_receiver, otlp_receiver


@get("/hello", sync_to_thread=False)
def hello() -> str:
    """Answer."""
    return "hello"


TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def one(spans: list[Span], name: str, **attributes: object) -> Span:
    """The only span of this name with these attributes."""
    (found,) = [it for it in spans if it.name == name and attributes.items() <= it.attributes.items()]
    return found


def test_killed_job_is_one_trace_from_its_request_to_the_attempt_that_finished_it(
    embedded_stack: Mapping[str, str], tmp_path: Path
) -> None:
    """The caller's trace goes on through request, job, takeover, steps and calls to AWS, in three processes."""
    piece = tmp_path / "piece.wav"
    write_sample(piece, 12.0)
    with otlp_receiver() as receiver, a_cluster(embedded_stack, redis=False, extra=told(receiver)) as cluster:
        slow = cluster.slow_ffmpeg(2.5)
        api = cluster.start(REPRISE_ROLE="api", REPRISE_LOG_LEVEL="debug")
        for _ in range(2):
            cluster.start(REPRISE_ROLE="worker", REPRISE_LOG_LEVEL="debug", **slow)
        with httpx.Client(base_url=api.address, timeout=60) as http:
            upload = http.post("/v1/uploads", files={"file": ("piece.wav", piece.read_bytes())}).json()
            asked = {"upload_id": upload["upload_id"], "format": "mp3"}
            job = http.post("/v1/jobs", json=asked, headers={"traceparent": f"00-{TRACE}-{CALLER}-01"}).json()
            url = f"/v1/jobs/{job['job_id']}"
            wait_for(lambda: http.get(f"{url}/progress").json()["percent"] > 0, "progress")
            killed = wait_for(cluster.holder, "a worker holds the job")
            killed.kill()
            wait_for(lambda: http.get(url).json()["state"] == "succeeded", "another worker finishes it")
        for service in cluster.services:
            service.stop()  # which sends what is left
        lines = [line for service in cluster.services if service is not killed for line in service.events()]

    spans = receiver.of(TRACE)
    request = one(spans, "POST /v1/jobs")
    accepted = one(spans, "job", job_id=job["job_id"])
    attempt = one(spans, "attempt", attempt=2, job_id=job["job_id"])
    assert (request.kind, request.parent) == ("server", CALLER)
    assert (accepted.kind, accepted.parent) == ("producer", request.id)
    assert (attempt.kind, attempt.parent) == ("consumer", accepted.id)
    assert attempt.attributes["outcome"] == "succeeded"
    assert len({request.instance, attempt.instance}) == 2

    steps = {it.id: it.name for it in spans if it.parent == attempt.id and it.kind == "internal"}
    assert sorted(steps.values()) == sorted(step.__name__ for step in CONVERSION)
    calls = {(it.name, steps.get(it.parent, "")) for it in spans if it.kind == "client"}
    assert {name for name, step in calls if step} >= {"S3.PutObject", "DynamoDB.UpdateItem"}
    assert any(it.kind == "client" and it.parent == accepted.id for it in spans)

    # What hangs in the air are steps and calls of the attempt that was killed: its own span was never ended.
    known = {it.id for it in spans} | {CALLER}
    assert not [it for it in spans if it.parent not in known and it.instance in {request.instance, attempt.instance}]
    # A trace begins with a request: not with a look at the queue, and not with a probe.
    first = [it for it in receiver.spans if not it.parent]
    assert {it.kind for it in first} == {"server"}
    assert not [it for it in first if "/health" in it.name]

    # Every line that is logged inside of a span names it, on whatever thread; outside there are no ids.
    where = {it.id: it for it in spans}
    inside = [line for line in lines if line.get("trace_id") == TRACE]
    assert {line["span_id"] for line in inside} <= where.keys()
    at = {(line["event"], where[line["span_id"]].name) for line in inside}
    assert at >= {
        ("request.done", "POST /v1/jobs"), ("job.accepted", "job"), ("ffmpeg.started", "convert"),
        ("ffmpeg.said", "convert"), ("s3.completed", "publish"), ("job.succeeded", "attempt"),
        ("aws.call", "S3.PutObject"), ("aws.call", "DynamoDB.UpdateItem"),
    }  # fmt: skip
    quiet = [line for line in lines if line["event"] in {"service.ready", "job.taken_over", "queue.depth"}]
    quiet += [line for line in lines if line.get("path") == f"{url}/progress"]
    assert {line["event"] for line in quiet} >= {"service.ready", "job.taken_over", "request.polled"}
    assert not [line for line in quiet if {"trace_id", "span_id"} & line.keys()]


def told(receiver: Receiver) -> dict[str, str]:
    """The variables that turn tracing on, as OpenTelemetry names them."""
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.address, "OTEL_BSP_SCHEDULE_DELAY": "200"}


def test_nothing_that_traces_is_loaded_where_tracing_is_off() -> None:
    """Without a receiver no exporter, no instrumentation and no gRPC is imported; redis-py itself looks for metrics."""
    script = "import service.cli, service.wiring.serving, sys; print(*sys.modules)"
    command = [sys.executable, "-c", script]
    loaded = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=100).stdout.split()
    traces = ("service.adapters.otel", "opentelemetry.exporter", "opentelemetry.instrumentation", "grpc",
              "opentelemetry.sdk.trace", "requests")  # fmt: skip
    assert "service.wiring.tracing" in loaded
    assert not [name for name in loaded if name.startswith(traces)]


def test_spans_go_over_grpc_where_that_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on App Runner: a receiver of gRPC at a plain address gets what one of HTTP gets, and no polls."""
    lies = {"traceparent": "0" * 600, "tracestate": "=," * 200, "baggage": ",".join(["%zz"] * 170), "b3": "\x1b[2J"}
    complaints: list[tuple[str, object]] = []
    with grpc_receiver() as receiver:
        monkeypatch.setenv(export.ENDPOINT, receiver.address)  # its package reads it
        said = {export.ENDPOINT: receiver.address, export.PROTOCOL: "grpc", "OTEL_PROPAGATORS": "tracecontext,xray"}
        with tracing(said, "one") as wrap:
            client = TestClient(wrap(Litestar([hello])))
            for path in ("/v1/jobs/one/progress", "/health/live", "/metrics"):
                client.get(path)  # which are asked every second
            with subscribe(lambda event, fields: complaints.append((event.name, fields))):
                answer = client.get("/hello", headers=lies)
    assert answer.status_code == 200
    assert complaints == [], "a client cannot make the packages that read its headers fill the log"
    (span,) = receiver.spans
    assert (span.name, span.kind, span.instance) == ("GET /hello", "server", "one")
