"""``python -m service convert IN --to FORMAT [OUT]``: one file, through a running service or an embedded one."""

import argparse
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from service import wiring
from service.cli import processes
from service.cli.client import Client, NobodyAnswers, ServiceProblem
from service.cli.serve import embed

POLL = 0.2  # seconds


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Convert; returns the exit code."""
    console = Console(stderr=True)
    if not given.input.is_file():
        console.print(f"reprise: there is no file {given.input}", style="red", highlight=False)
        return 2
    try:
        options = dict(_option(text) for text in given.option)
        with ExitStack() as stack:
            address = given.url or environment.get("REPRISE_URL") or _embedded(stack, environment)
            key = given.key or environment.get("REPRISE_API_KEY")
            client = Client([address.rstrip("/")], pause=pause, key=key)
            stack.callback(client.close)
            return _convert(client, console, given, options)
    except (ServiceProblem, NobodyAnswers, ValueError, processes.DidNotStart, wiring.EmbeddedError) as error:
        console.print(f"reprise: {error}", style="red", highlight=False, markup=False)
        return 1


def _convert(client: Client, console: Console, given: argparse.Namespace, options: dict[str, object]) -> int:
    with progress_bars(console) as bars:
        sending = bars.add_task("upload", total=given.input.stat().st_size)
        upload = client.upload(given.input, lambda count: bars.advance(sending, count))
        job = client.submit(upload["upload_id"], given.to, options)
        working = bars.add_task("convert", total=100)
        job = follow(client, job["job_id"], lambda percent: bars.update(working, completed=percent))
        if job["state"] != "succeeded":
            error = job.get("error") or {"code": job["state"], "detail": "the job did not succeed"}
            lines = (error.get("diagnostics") or {}).get("last_lines", [])
            raise ServiceProblem("\n  ".join([f"{error['code']}: {error['detail']}", *map(str, lines)]))
        output = given.output or given.input.with_name(job["filename"])
        if output.is_dir():
            output /= job["filename"]
        if output.resolve() == given.input.resolve():
            raise ValueError(f"{output} is the input itself; name another output")
        fetching = bars.add_task("download", total=job["size"])
        client.download(job["job_id"], output, job["size"], lambda count: bars.advance(fetching, count))
    console.print(f"{output} ({job['size']:,} bytes)", highlight=False, markup=False)
    return 0


def follow(client: Client, job_id: str, show: Callable[[float], None]) -> dict[str, Any]:
    """Poll until the job has ended; `show` gets each percentage. Returns the job's document."""
    while True:
        now = client.progress(job_id)
        show(now["percent"])
        if now["state"] in {"succeeded", "failed", "cancelled"}:
            return client.job(job_id)
        pause(POLL)


def pause(seconds: float) -> None:
    """Wait, in this thread."""
    threading.Event().wait(seconds)


@contextmanager
def progress_bars(console: Console) -> Iterator[Progress]:
    """The one look of all our bars."""
    columns = (TextColumn("{task.description:>9}"), BarColumn(48), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bars:
        yield bars


def _embedded(stack: ExitStack, environment: Mapping[str, str]) -> str:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reprise-")))
    pointed = embed(stack, {**environment, "REPRISE_API_KEYS": "none"})  # nobody but us will use it
    service = processes.start("service", pointed, folder)
    stack.callback(service.stop)
    return service.address


def _option(text: str) -> tuple[str, object]:
    """``bitrate_kbps=192`` and ``loudness=true`` as the API wants them."""
    name, found, value = text.partition("=")
    if not found or not name:
        raise ValueError(f"--option {text!r} is not NAME=VALUE")
    if value in {"true", "false"}:
        return name, value == "true"
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, value
