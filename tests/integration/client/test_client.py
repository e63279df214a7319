"""The Python client against a real service, with the disturbances that it is made for."""

import hashlib
import subprocess
from itertools import pairwise
from pathlib import Path

import imageio_ffmpeg
import pytest

from reprise import AsyncClient, Begun, Client, FileSource, JobCancelled, NotFound, Rejected, Upload
from reprise.models import Job, Progress
from service.core.media.arguments import output_arguments
from service.core.media.options import parse_target
from tests.integration.client.conftest import SLOW
from tests.support.cluster import Cluster

pytestmark = pytest.mark.xdist_group("client")  # one cluster for all of them
OPTIONS = {"channels": 1, "end_seconds": 5}


class Broken(Exception):
    """The process of a client dies, as far as the service can see."""


class BreaksAfter(FileSource):
    """A file whose reader dies after the first part."""

    reads = 0

    def read(self, offset: int, length: int) -> bytes:
        self.reads += 1
        if self.reads > 1:
            raise Broken
        return super().read(offset, length)


def plain(piece: Path, target: str, output: Path) -> str:
    """The sha256 of what plain ffmpeg writes."""
    arguments = output_arguments(parse_target(target, {}))
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-i", str(piece), *arguments, str(output)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return hashlib.sha256(output.read_bytes()).hexdigest()


@pytest.mark.requirement("6.1", "8.3")
def test_client_goes_on_after_every_interruption(cluster: Cluster, piece: Path, tmp_path: Path) -> None:
    """An upload, a conversion and a download that are interrupted in the middle end with the bytes of plain ffmpeg."""
    begun: list[Begun] = []
    with Client(cluster.services[0].address) as client:
        with pytest.raises(Broken):
            client.upload(BreaksAfter(piece), piece.name, on_begun=begun.append)
        counts: list[int] = []
        upload = client.upload(piece, begun=begun[0], seen=counts.append)
        job = client.submit(upload.upload_id, "mp3")
        readings: list[Progress] = []
        for progress in client.follow(job.job_id):
            readings.append(progress)
            if len(cluster.services) == 3 and 20 < progress.percent < 90:
                holder = cluster.holder()
                assert holder is not None
                holder.kill()
                cluster.start(REPRISE_ROLE="worker", **SLOW)
        part, etags = tmp_path / "song.part", list[str]()
        client.download(job.job_id, part, on_etag=etags.append)
        part.write_bytes(part.read_bytes()[:1000])  # as if it had broken there
        client.download(job.job_id, part, etag=etags[0])

    assert counts[0] > 0  # the first part had arrived
    assert upload.filename == "Übung 1.wav"
    assert len(cluster.services) == 4  # it was killed
    assert all(before.percent <= after.percent for before, after in pairwise(readings))
    assert readings[-1].attempt == 2
    assert isinstance(readings[-1], Job)
    assert readings[-1].filename == "Übung 1.mp3"
    assert hashlib.sha256(part.read_bytes()).hexdigest() == plain(piece, "mp3", tmp_path / "plain.mp3")


async def test_async_client_does_the_same(cluster: Cluster, piece: Path, tmp_path: Path) -> None:
    """The asynchronous client uploads, converts, follows, downloads and removes as the synchronous one does."""
    async with AsyncClient(cluster.services[0].address) as client:
        upload = await client.upload(piece)
        job = await client.submit(upload.upload_id, "flac", OPTIONS, key="mine")
        again = await client.submit(upload.upload_id, "flac", OPTIONS, key="mine")
        readings = [progress async for progress in client.follow(job.job_id)]
        ended = await client.wait(job.job_id)
        await client.download(job.job_id, tmp_path / "song.flac")
        await client.delete_job(job.job_id)
        await client.delete_upload(upload.upload_id)
        with pytest.raises(NotFound):
            await client.job(job.job_id)

    assert again.job_id == job.job_id
    assert readings[-1].state == "succeeded"
    assert (tmp_path / "song.flac").stat().st_size == ended.size


def test_client_raises_what_the_service_refuses(cluster: Cluster, piece: Path, tmp_path: Path) -> None:
    """A refusal is an exception with the service's own code, and a cancelled job is told apart from a failed one."""
    text = tmp_path / "song.wav"
    text.write_text("this is no music " * 100)
    with Client(cluster.services[0].address) as client:
        with pytest.raises(Rejected) as no_audio:
            client.upload(text)
        upload = client.upload(piece)
        with pytest.raises(Rejected) as option:
            client.submit(upload.upload_id, "mp3", {"bitrate_kbps": 7})
        job = client.submit(upload.upload_id, "mp3")
        with pytest.raises(Rejected) as early:
            client.download(job.job_id, tmp_path / "early")
        client.cancel(job.job_id)
        with pytest.raises(JobCancelled):
            client.wait(job.job_id)

    assert isinstance(upload, Upload)
    assert no_audio.value.code == "unsupported_media"
    assert option.value.code == "invalid_option"
    assert early.value.code == "not_ready"
    assert not (tmp_path / "early").exists()
