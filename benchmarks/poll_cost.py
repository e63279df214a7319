"""
Measure the CPU that one poll of progress costs the application alone, with logs, metrics and traces on and off.

In one process, without sockets and over stores in memory, the kinds taking turns: on a busy machine this tells what the
rates of `telemetry` are too rough for. An answer over a socket and DynamoDB costs three times as much in all.
"""

import asyncio
import io
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

from opentelemetry.sdk.trace import TracerProvider
from rich.console import Console
from rich.table import Table

from benchmarks.servers import quick
from service.adapters.otel.server import traced
from service.telemetry import configure_logging

ROUNDS, POLLS = 15, 400
App = Callable[[Any, Any, Any], Any]


class _Nowhere(io.StringIO):
    """A stream that keeps nothing."""

    def write(self, text: str) -> int:
        return len(text)


def run(console: Console) -> None:
    """Print the microseconds of CPU that a poll costs with each kind, and its part of a poll with nothing on."""
    app, jobs = quick(1)
    kinds: Mapping[str, tuple[str, App]] = {
        "nothing": ("error", app),
        "logs, metrics": ("info", app),
        "… and traces": ("info", traced(app, TracerProvider())),
        "debug": ("debug", app),
    }
    measured: dict[str, list[float]] = {name: [] for name in kinds}
    path = f"/v1/jobs/{jobs[0]}/progress"
    for number in range(ROUNDS + 1):
        for name, (level, asked) in kinds.items():
            configure_logging(level=level, form="json", stream=_Nowhere(), namespace="Reprise/bench")
            seconds = asyncio.run(_seconds(asked, path))
            if number:  # the first round warms up
                measured[name].append(seconds / POLLS * 1e6)
    configure_logging(level="warning", form="text")
    table = Table(title="a poll without sockets and stores, microseconds of CPU", title_justify="left")
    for title in ("on", "median", "more than nothing"):
        table.add_column(title, justify="right")
    nothing = median(measured["nothing"])
    for name, found in measured.items():
        table.add_row(name, f"{median(found):.0f}", f"{median(found) - nothing:+.0f}")
    console.print(table)


async def _seconds(app: App, path: str) -> float:
    """Ask `POLLS` times, one after the other; return the seconds of CPU."""
    head = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": path, "raw_path": path.encode(), "root_path": "", "query_string": b"",
            "headers": [(b"host", b"127.0.0.1")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80)}  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        if message.get("status", 200) != 200:
            raise RuntimeError(str(message))

    began = time.process_time()
    for _ in range(POLLS):
        await app({**head, "state": {}}, receive, send)
    return time.process_time() - began
