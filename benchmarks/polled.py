"""
``python -m benchmarks.polled DYNAMODB``: one service, to be polled; prints its port.

The whole application answers on a socket, under the server that the service has, and reads the record of one job
through its own adapter and botocore from what answers as DynamoDB would, at this address.
"""

import asyncio
import json
import socket
import sys
from typing import Any

from service import settings
from service.adapters.aws.circuit import CircuitBreaker
from service.adapters.aws.clients import Aws, AwsSettings
from service.adapters.dynamodb.items import job_to_item
from service.adapters.dynamodb.store import DynamoJobs
from service.adapters.system.ambient import SystemClock, SystemIds
from service.adapters.system.garbage import keep_what_there_is
from service.application.context import ServiceContext
from service.core.jobs.queue import SHARDS
from service.telemetry import configure_logging
from service.testing.factories import a_job
from service.testing.memory_hints import MemoryBoard, MemoryWakeups
from service.testing.memory_jobs import MemoryJobs
from service.testing.memory_objects import MemoryObjects
from service.testing.sniffer import DirectSniffer
from service.web.app import create_app
from service.web.http.connections import ConnectionGuard
from service.wiring import environment
from service.wiring.listening import Server, limits_of_connections, send_at_once
from service.wiring.tracing import tracing

A_DAY = 86_400.0
JOB = "j" * 26
PATH = f"/v1/jobs/{JOB}/progress"


def record() -> bytes:
    """Return DynamoDB's answer to the read of the one job that there is."""
    clock = SystemClock()
    return json.dumps(
        {"Item": job_to_item(a_job(job_id=JOB, tenant="", expires_at=clock.wall() + A_DAY), SHARDS)}
    ).encode()


def application(dynamodb: str) -> Any:
    """Make the API over a table at this address."""
    clock, ids = SystemClock(), SystemIds()
    there = AwsSettings(
        region="eu-central-1",
        bucket="b",
        table="t",
        dynamodb_endpoint=dynamodb,
        access_key="key",
        secret_key="secret",  # noqa: S106  # there is nothing that it would open
    )
    breaker = CircuitBreaker("dynamodb", clock.monotonic)
    stored = DynamoJobs(Aws(there, threads=1, breaker=breaker, monotonic=clock.monotonic), clock, ids)

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
    return create_app(context)


async def serve(app: Any) -> None:
    """Answer until the process is told to end."""
    listener, given = socket.create_server(("127.0.0.1", 0)), settings.read({})
    send_at_once(listener)
    guard = ConnectionGuard(limits_of_connections(given))
    print(listener.getsockname()[1], flush=True)
    async with asyncio.TaskGroup() as group:
        group.create_task(guard.run(SystemClock()))
        group.create_task(Server(app, guard, given, lambda: None).serve(sockets=[listener]))


def main() -> int:
    """Serve what is polled."""
    told = environment()
    configure_logging(level=told["REPRISE_LOG_LEVEL"], form="json", namespace=told.get("REPRISE_METRICS_NAMESPACE"))
    app = application(sys.argv[1])
    with tracing(told, "polled") as traced:
        keep_what_there_is()
        asyncio.run(serve(traced(app)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
