"""Convert through a real service and compare with what plain ffmpeg writes."""

import hashlib
from pathlib import Path

import httpx
import imageio_ffmpeg

from reprise import Client, Job
from service.core.media.arguments import output_arguments
from service.core.media.options import parse_target
from tests.support.cluster import wait_for
from tests.support.media_samples import run_ffmpeg


def digest_of_plain(source: Path, target: str, folder: Path) -> str:
    """The sha256 of what plain ffmpeg writes."""
    output = folder / f"plain.{target}"
    arguments = output_arguments(parse_target(target, {}))
    run_ffmpeg(imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(source), *arguments, str(output))
    return hashlib.sha256(output.read_bytes()).hexdigest()


def delivered(client: Client, job_id: str, folder: Path) -> tuple[Job, str]:
    """Wait until a job has ended, which must be well; returns it and the sha256 of its download."""

    def ended() -> Job | None:
        job = client.job(job_id)
        return job if job.final else None

    job: Job = wait_for(ended, "the end")
    assert job.state == "succeeded", job
    client.download(job_id, folder / "download")
    return job, hashlib.sha256((folder / "download").read_bytes()).hexdigest()


def converted(client: Client, source: Path, target: str, folder: Path) -> tuple[Job, str]:
    """Upload, convert and download; returns the job and the sha256 of what came back."""
    return delivered(client, submitted(client, source, target), folder)


def submitted(client: Client, source: Path, target: str) -> str:
    """Upload and submit; returns the job's id."""
    return client.submit(client.upload(source).upload_id, target).job_id


def uploaded_through(address: str, source: Path) -> str:
    """Upload in one request, whose bytes the service passes on, however large they are; returns the upload's id."""
    with source.open("rb") as file:
        answer = httpx.post(f"{address}/v1/uploads", params={"filename": source.name}, content=file, timeout=200)
    return str(answer.raise_for_status().json()["upload_id"])
