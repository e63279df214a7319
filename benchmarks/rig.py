"""A service to measure: the embedded stack, one service process, and a client."""

import argparse
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from reprise import Client, Job
from service import settings, wiring
from service.cli import processes
from service.cli.serve import embed

GOOD, BAD = "[green]holds[/]", "[red]missed[/]"


@dataclass(frozen=True, slots=True)
class Rig:
    """One running service."""

    service: processes.ServiceProcess
    client: Client
    folder: Path
    ffmpeg: str

    def upload(self, path: Path) -> str:
        """Upload a file; returns its id."""
        return self.client.upload(path).upload_id

    def convert(self, upload_id: str, target: str) -> Job:
        """Convert to the end; returns the job. Raises what `Client.wait` does."""
        return self.client.wait(self.client.submit(upload_id, target).job_id)

    def run_ffmpeg(self, *arguments: str | Path) -> float:
        """Run plain ffmpeg; returns its seconds."""
        clock = wiring.SystemClock()
        began = clock.monotonic()
        command = [self.ffmpeg, "-nostdin", "-v", "error", "-y", *map(str, arguments)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)
        return clock.monotonic() - began


@contextmanager
def rig(folder: Path, environment: Mapping[str, str]) -> Iterator[Rig]:
    """A fresh stack and a fresh process, so that its peaks are those of one measurement."""
    with ExitStack() as stack:
        service = processes.start("service", embed(stack, environment), folder)
        stack.callback(service.stop)
        client = stack.enter_context(Client(service.address))
        yield Rig(service, client, folder, wiring.ffmpeg_program(settings.read(environment)))


def job_seconds(job: Job) -> float:
    """From accepted to recorded, both times by the same machine's clock; of a job that has ended."""
    assert job.finished_at is not None
    return (job.finished_at - job.created_at).total_seconds()


def parser() -> argparse.ArgumentParser:
    """The command line of `python -m benchmarks`."""
    made = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    made.add_argument(
        "what", nargs="*", help="overhead, memory, polling, recovery, neighbours, telemetry (default: all)"
    )
    made.add_argument("--runs", type=int, default=5, help="runs for overhead, neighbours and telemetry (default: 5)")
    made.add_argument("--large-mib", type=int, default=1024, help="size of the large file in MiB (default: 1024)")
    made.add_argument("--kills", type=int, default=20, help="signals of each kind for the recovery (default: 20)")
    made.add_argument("--pairs", type=int, default=20, help="jobs with and without a kill, in turn (default: 20)")
    return made
