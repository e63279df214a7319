"""Convert through a real service, with retries, and compare with what plain ffmpeg writes."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import imageio_ffmpeg

from service.cli.client import Client, NobodyAnswers, ServiceProblem
from service.core.media.arguments import output_arguments
from service.core.media.options import parse_target
from tests.support.cluster import pause, wait_for
from tests.support.media_samples import run_ffmpeg

T = TypeVar("T")
TRIES = 200
# What the proxy answers while no container answers it in time, and what the service answers while S3 or DynamoDB is
# away or slow.
COME_AGAIN = ("502", "503", "504", "unavailable", "circuit_open", "busy")


def digest_of_plain(source: Path, target: str, folder: Path) -> str:
    """The sha256 of what plain ffmpeg writes."""
    output = folder / f"plain.{target}"
    arguments = output_arguments(parse_target(target, {}))
    run_ffmpeg(imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(source), *arguments, str(output))
    return hashlib.sha256(output.read_bytes()).hexdigest()


def delivered(client: Client, job_id: str, folder: Path) -> tuple[dict[str, Any], str]:
    """Wait until a job has ended, which must be well; returns it and the sha256 of its download."""

    def ended() -> dict[str, Any] | None:
        job = patiently(lambda: client.job(job_id))
        return job if job["state"] not in {"queued", "running"} else None

    job: dict[str, Any] = wait_for(ended, "the end")
    assert job["state"] == "succeeded", job
    patiently(lambda: client.download(job_id, folder / "download", job["size"], lambda _: None))
    return job, hashlib.sha256((folder / "download").read_bytes()).hexdigest()


def converted(client: Client, source: Path, target: str, folder: Path) -> tuple[dict[str, Any], str]:
    """Upload, convert and download; returns the job and the sha256 of what came back."""
    return delivered(client, submitted(client, source, target), folder)


def submitted(client: Client, source: Path, target: str) -> str:
    """Upload and submit; returns the job's id."""
    upload = patiently(lambda: client.upload(source, lambda _: None))
    return str(patiently(lambda: client.submit(upload["upload_id"], target, {}))["job_id"])


def patiently(ask: Callable[[], T]) -> T:
    """Ask again as long as there is no answer, as any client of something that is restarted does."""
    for _ in range(TRIES):
        try:
            return ask()
        except NobodyAnswers:
            pause(0.2)
        except ServiceProblem as problem:
            if not str(problem).startswith(COME_AGAIN):
                raise
            pause(0.2)
    return ask()
