"""
``python -m service demo``: the promise, to look at.

Two service processes over one embedded stack. A piece of music is uploaded and converted; the process that converts
is killed with SIGKILL at about half; the other one goes on. A client that asks both in turn draws one bar, which must
never go back, and the file that it downloads must be, byte for byte, the one that plain ffmpeg writes.
"""

import argparse
import hashlib
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from reprise import Client, Job, RepriseError
from service import settings, wiring
from service.cli import processes
from service.cli.convert import fetch, pause, progress_bars
from service.cli.in_turn import client_of
from service.cli.processes import ServiceProcess
from service.cli.sample import write_sample
from service.cli.serve import embed
from service.core.media.arguments import output_arguments
from service.core.media.options import parse_target

TOLD = {
    "job.claimed": "claims the job",
    "ffmpeg.started": "starts ffmpeg",
    "job.taken_over": "sees a lease that nobody renewed, and takes the job over",
    "job.succeeded": "records the finished file",
}
KILL_AT = 50.0  # percent
POLL = 0.2  # seconds


class PromiseBroken(Exception):
    """What was shown is not what was promised."""


@dataclass(slots=True)
class Story:
    """What the client saw, and what was done to the service."""

    services: list[ServiceProcess]
    readings: list[float] = field(default_factory=list)
    killed: ServiceProcess | None = None
    killed_at: float = 0.0  # percent
    events: list[tuple[datetime, str, str]] = field(default_factory=list)

    def note(self, who: str, what: str) -> None:
        """Add a line to the timeline."""
        self.events.append((datetime.fromtimestamp(wiring.SystemClock().wall()).astimezone(), who, what))

    def converting(self) -> ServiceProcess | None:
        """The process that holds the job, by its own log."""
        claims = [
            (event["timestamp"], service)
            for service in self.services
            for event in service.events()
            if event["event"] in {"job.claimed", "job.taken_over"}
        ]
        return max(claims, key=lambda claim: str(claim[0]))[1] if claims else None

    def saw(self, percent: float) -> None:
        """One reading of the client; kills the converting process when it is time to."""
        if self.readings and percent < self.readings[-1]:
            raise PromiseBroken(f"progress fell from {self.readings[-1]} to {percent}")
        self.readings.append(percent)
        if self.killed is None and percent >= KILL_AT and (victim := self.converting()) is not None:
            self.note(victim.name, f"is killed with SIGKILL at {percent} %")
            victim.kill()
            self.killed, self.killed_at = victim, percent


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Show it; returns the exit code."""
    console = Console()
    try:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reprise-")))
            story, source, job, output = _play(stack, console, given, environment, folder)
            console.print(_timeline(story))
            _judge(console, story, source, job, output, settings.read(environment))
    except (PromiseBroken, RepriseError, processes.DidNotStart, wiring.EmbeddedError) as error:
        console.print(f"reprise: {error}", style="red", highlight=False, markup=False)
        return 1
    except settings.SettingsError as error:
        console.print("\n".join(f"reprise: {problem}" for problem in error.problems), style="red", markup=False)
        return 2
    return 0


def _play(
    stack: ExitStack, console: Console, given: argparse.Namespace, environment: Mapping[str, str], folder: Path
) -> tuple[Story, Path, Job, Path]:
    with console.status("starting S3, DynamoDB and Redis, and two service processes"):
        pointed = embed(stack, {**environment, "REPRISE_API_KEYS": "none"})
        services = []
        for name in ("service A", "service B"):
            services.append(processes.start(name, pointed, folder))
            stack.callback(services[-1].stop)
    for service in services:
        console.print(f"{service.name} (process {service.process.pid}) answers at {service.address}", highlight=False)
    story = Story(services)
    client = stack.enter_context(client_of([service.address for service in services]))
    with progress_bars(console) as bars:
        source = folder / "piece.wav"
        making = bars.add_task("compose", total=given.minutes * 60)
        write_sample(source, given.minutes * 60, lambda seconds: bars.update(making, completed=seconds))
        sending = bars.add_task("upload", total=source.stat().st_size)
        upload = client.upload(source, seen=lambda count: bars.update(sending, completed=count))
        story.note("client", f"has uploaded {source.stat().st_size:,} bytes of {upload.format}")
        job = client.submit(upload.upload_id, "mp3")
        working = bars.add_task("convert", total=100)

        def show(percent: float) -> None:
            story.saw(percent)
            bars.update(working, completed=percent)

        job = _follow(client, job, show)
        if job.state != "succeeded":
            raise PromiseBroken(f"the job ended as {job.state}: {job.error}")
        story.note("client", "reads 100 %")
        given.keep.mkdir(parents=True, exist_ok=True)
        output = given.keep / job.filename
        fetching = bars.add_task("download", total=job.size)
        fetch(client, job, output, lambda count: bars.update(fetching, completed=count))
        story.note("client", f"has downloaded {job.size:,} bytes")
    return story, source, job, output


def _follow(client: Client, job: Job, show: Callable[[float], None]) -> Job:
    """Poll until the job has ended: each reading is of the other process, which an event stream would not be."""
    while not job.final:
        pause(POLL)
        job = client.job(job.job_id)
        show(job.percent)
    return job


def _timeline(story: Story) -> Table:
    """What happened when, from the client's notes and the logs of both processes."""
    rows = list(story.events)
    for service in story.services:
        for event in service.events():
            if event["event"] in TOLD:
                what = TOLD[event["event"]] + (f" (attempt {event['attempt']})" if "attempt" in event else "")
                rows.append((datetime.fromisoformat(event["timestamp"]).astimezone(), service.name, what))
    rows.sort(key=lambda row: row[0])
    table = Table(title="what happened", title_justify="left")
    table.add_column("seconds", justify="right")
    table.add_column("who")
    table.add_column("what")
    for when, who, what in rows:
        style = "bold red" if "SIGKILL" in what else None
        table.add_row(f"{(when - rows[0][0]).total_seconds():.2f}", who, what, style=style)
    return table


def _judge(console: Console, story: Story, source: Path, job: Job, output: Path, given: settings.Settings) -> None:
    """Hold what was delivered against the promise; raises `PromiseBroken`."""
    if story.killed is None:
        raise PromiseBroken("the conversion was over before anything could be killed; try --minutes 20")
    if job.attempt < 2 or not job.resumed:  # the second attempt is the resumed one
        raise PromiseBroken("the killed attempt finished the job all the same")
    with console.status("running plain ffmpeg for comparison"):
        plain = source.with_name("plain.mp3")
        arguments = output_arguments(parse_target("mp3", {}))
        command = [wiring.ffmpeg_program(given), "-nostdin", "-v", "error", "-i", str(source), *arguments, str(plain)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)  # a fixed list
    ours, theirs = _sha256(output), _sha256(plain)
    if ours != theirs:
        raise PromiseBroken(f"the bytes differ from those of plain ffmpeg: {ours} and {theirs}")
    console.print(
        f"progress: {len(story.readings)} readings through both processes, killed at {story.killed_at} %; none fell"
    )
    console.print(f"sha256:   {ours}, as plain ffmpeg writes it", highlight=False)
    console.print(f"file:     {output} ({output.stat().st_size:,} bytes)", highlight=False)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
