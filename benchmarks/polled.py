"""
``python -m benchmarks.polled``: one service's polls without sockets, to be measured: prints CPU seconds of each.

The whole application is asked in process for the progress of one job, whose record it reads through its own adapter and
botocore; what DynamoDB would answer is put in where botocore would send. For each line on its standard input, a number,
it polls so many times and prints the CPU that one took; what it takes meanwhile to wait for anything is nothing.
"""

import asyncio
import json
import sys
import time
from io import BytesIO
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders

from service.adapters.aws.calls import CallLog
from service.adapters.aws.circuit import CircuitBreaker
from service.adapters.aws.clients import Aws, AwsSettings
from service.adapters.dynamodb.items import job_to_item
from service.adapters.dynamodb.store import DynamoJobs
from service.adapters.system.ambient import SystemClock, SystemIds
from service.application.context import ServiceContext
from service.core.jobs.queue import SHARDS
from service.telemetry import configure_logging
from service.testing.factories import a_job
from service.testing.memory_hints import MemoryBoard, MemoryWakeups
from service.testing.memory_jobs import MemoryJobs
from service.testing.memory_objects import MemoryObjects
from service.testing.sniffer import DirectSniffer
from service.web.app import create_app
from service.wiring import environment
from service.wiring.tracing import tracing

A_DAY = 86_400.0


def application() -> tuple[Any, str]:
    """Make the API over a table with one queued job; returns the path of its progress as well."""
    clock, ids = SystemClock(), SystemIds()
    job = a_job(job_id=ids.new(), tenant="", expires_at=clock.wall() + A_DAY)
    answer = json.dumps({"Item": job_to_item(job, SHARDS)}).encode()

    def answered(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        raw = BytesIO(answer)
        raw.stream = lambda *_, **__: iter([raw.read()])  # type: ignore[attr-defined]  # as urllib3's answers have it
        return AWSResponse(request.url, 200, HTTPHeaders(), raw)

    session = boto3.session.Session("key", "secret", region_name="eu-central-1")
    CallLog(clock.monotonic).listen(session.events)
    session.events.register("before-send.dynamodb.GetItem", answered)  # type: ignore[arg-type]  # it may answer
    aws = AwsSettings(region="eu-central-1", bucket="b", table="t")
    breaker = CircuitBreaker("dynamodb", clock.monotonic)
    stored = DynamoJobs(Aws(aws, threads=1, breaker=breaker, session=session), clock, ids)

    async def checks() -> dict[str, str]:
        return {}

    context = ServiceContext(
        jobs=stored,
        uploads=MemoryJobs(),
        objects=MemoryObjects(),
        sniffer=DirectSniffer(),
        board=MemoryBoard(),
        wakeups=MemoryWakeups(clock),
        clock=clock,
        ids=ids,
        checks=checks,
    )
    return create_app(context), f"/v1/jobs/{job.job_id}/progress"


async def answer_orders(app: Any, path: str) -> None:
    """Poll as often as each line says. Raises `RuntimeError` for any answer but 200."""
    loop, codes = asyncio.get_running_loop(), list[int]()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            codes.append(message["status"])

    while line := await loop.run_in_executor(None, sys.stdin.readline):
        codes.clear()
        began = time.process_time()  # what is measured; no adapter has the CPU
        for _ in range(int(line)):
            await app(scope_of(path), receive, send)
        took = time.process_time() - began  # the same
        if set(codes) != {200}:
            raise RuntimeError(f"answers: {set(codes)}")
        print(took / int(line), flush=True)


def scope_of(path: str) -> dict[str, Any]:
    """Return what uvicorn makes of a poll."""
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": path,
        "raw_path": path.encode(), "root_path": "", "scheme": "http", "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:80"), (b"accept", b"*/*"), (b"user-agent", b"benchmark")],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {}, "extensions": {},
    }  # fmt: skip


def main() -> int:
    """Take orders until there are no more."""
    told = environment()
    configure_logging(level=told["REPRISE_LOG_LEVEL"], form="json", namespace=told.get("REPRISE_METRICS_NAMESPACE"))
    app, path = application()
    with tracing(told, "polled") as traced:
        asyncio.run(answer_orders(traced(app), path))
    return 0


if __name__ == "__main__":
    sys.exit(main())
