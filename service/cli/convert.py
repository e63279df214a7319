"""``python -m service convert IN --to FORMAT [OUT]``: one file, through a running service or an embedded one."""

import argparse
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from reprise import Client, Job, JobFailed, RepriseError
from reprise.command.words import line
from service import wiring
from service.cli import processes
from service.cli.serve import embed

PATIENCE = 10.0  # seconds for a service that is away


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
            client = stack.enter_context(Client(address, key=key, patience=PATIENCE))
            return _convert(client, console, given, options)
    except (RepriseError, ValueError, OSError, processes.DidNotStart, wiring.EmbeddedError) as error:
        place = given.url or environment.get("REPRISE_URL") or "the service"
        console.print(f"reprise: {explained(error, place)}", style="red", highlight=False, markup=False, soft_wrap=True)
        return 1


def _convert(client: Client, console: Console, given: argparse.Namespace, options: dict[str, object]) -> int:
    with progress_bars(console) as bars:
        sending = bars.add_task("upload", total=given.input.stat().st_size)
        upload = client.upload(given.input, seen=lambda count: bars.update(sending, completed=count))
        job = client.submit(upload.upload_id, given.to, options)
        working = bars.add_task("convert", total=100)
        job = client.wait(job.job_id, lambda progress: bars.update(working, completed=progress.percent))
        output = given.output or given.input.with_name(job.filename)
        if output.is_dir():
            output /= job.filename
        if output.resolve() == given.input.resolve():
            raise ValueError(f"{output} is the input itself; name another output")
        fetching = bars.add_task("download", total=job.size)
        fetch(client, job, output, lambda count: bars.update(fetching, completed=count))
    console.print(f"{output} ({job.size:,} bytes)", highlight=False, markup=False)
    return 0


def fetch(client: Client, job: Job, output: Path, seen: Callable[[int], None] = lambda _: None) -> None:
    """Download the output of a job; the file appears only when it is whole. `seen` is told how many bytes are there."""
    part = output.with_name(output.name + ".part")
    try:
        client.download(job.job_id, part, seen=seen)
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)


def explained(error: Exception, place: str) -> str:
    """Return what to tell of an error of the service at `place`; the last lines of ffmpeg are below it."""
    if isinstance(error, JobFailed) and error.job.error is not None:
        return "\n  ".join([str(error), *map(str, error.job.error.diagnostics.get("last_lines", []))])
    return line(error, place)


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
