"""
``python -m benchmarks.servers bare|quick [JOBS]``: what the service is compared with, each in a process of its own.

``bare`` is one litestar route that answers with a document of the size of a job's progress. ``quick`` is the whole API
over stores in memory, with so many queued jobs: what an answer costs when the stores cost nothing. Both print their
address, and the ids of the jobs.
"""

import asyncio
import socket
import sys
from typing import Any

import uvicorn
from litestar import Litestar, get

from service.adapters.system.ambient import SystemClock, SystemIds
from service.adapters.system.garbage import keep_what_there_is
from service.application.context import ServiceContext
from service.telemetry import configure_logging
from service.testing.factories import a_job
from service.testing.memory_hints import MemoryBoard, MemoryWakeups
from service.testing.memory_jobs import MemoryJobs
from service.testing.memory_objects import MemoryObjects
from service.testing.sniffer import DirectSniffer
from service.web.app import create_app

PROGRESS = {"job_id": "x" * 26, "state": "queued", "percent": 0.0, "attempt": 0, "resumed": False}
A_DAY = 86_400.0


@get("/")
async def bare() -> dict[str, Any]:
    """Answer what is known already."""
    return PROGRESS


def quick(number: int) -> tuple[Litestar, list[str]]:
    """Make the API over stores in memory, and so many queued jobs in it."""
    clock, ids, jobs = SystemClock(), SystemIds(), MemoryJobs()
    names = [ids.new() for _ in range(number)]
    for name in names:
        jobs.jobs[name] = a_job(job_id=name, tenant="", expires_at=clock.wall() + A_DAY)

    async def checks() -> dict[str, str]:
        return {}

    context = ServiceContext(
        jobs=jobs,
        uploads=jobs,
        objects=MemoryObjects(),
        sniffer=DirectSniffer(),
        board=MemoryBoard(),
        wakeups=MemoryWakeups(clock),
        clock=clock,
        ids=ids,
        checks=checks,
    )
    app = create_app(context)
    keep_what_there_is()  # as a service does when it has started
    return app, names


async def serve(app: Litestar, names: list[str]) -> None:
    """Answer until the process is told to end."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as the service does for each connection
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", *names, flush=True)
    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False)
    await uvicorn.Server(config).serve(sockets=[listener])


def main() -> int:
    """Serve what is named."""
    configure_logging(level="info", form="json")
    if sys.argv[1] == "bare":
        asyncio.run(serve(Litestar([bare], openapi_config=None, logging_config=None), []))
    else:
        asyncio.run(serve(*quick(int(sys.argv[2]))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
