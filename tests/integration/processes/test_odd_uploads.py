"""Odd files through the whole service: uploaded, recognised, converted by a process, and told about in the job."""

import subprocess
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import imageio_ffmpeg
import pytest

from reprise import Client
from tests.support import media_samples
from tests.support.cluster import a_cluster, wait_for
from tests.support.foreign_samples import SURGERY
from tests.support.media_samples import run_ffmpeg

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def two_tracks(folder: Path) -> Path:
    """Two tracks, of which the second is the default; French and English."""
    path = folder / "two.mka"
    first, second = media_samples.music(folder), media_samples.music(folder, rate=8000, channels=1)
    chosen = ("-disposition:a:0", "0", "-disposition:a:1", "default")
    languages = ("-metadata:s:a:0", "language=fre", "-metadata:s:a:1", "language=eng")
    maps = ("-map", "0:a", "-map", "1:a", "-c:a", "flac", *chosen, *languages)
    run_ffmpeg(FFMPEG, "-i", str(first), "-i", str(second), *maps, str(path))
    return path


def has_ended(client: Client, job_id: str) -> bool:
    """Whether a job is over."""
    return client.job(job_id).finished_at is not None


@pytest.mark.requirement("1.4", "1.5")
def test_odd_uploads_give_what_the_arguments_of_their_jobs_give(
    embedded_stack: Mapping[str, str], tmp_path: Path
) -> None:
    """A late Opus, a FLAC behind a long tag and two tracks succeed, and the arguments of each job prove its bytes."""
    paths = {"two": two_tracks(tmp_path)}
    for name in ("opus, joined after an hour", "flac behind a long tag"):
        of, change, _ = SURGERY[name]
        paths[name] = tmp_path / f"odd{Path(of).suffix}"
        paths[name].write_bytes(change(media_samples.make(FFMPEG, of, tmp_path).read_bytes()))
    with a_cluster(embedded_stack, redis=False) as cluster:
        cluster.start()
        client = cluster.client()
        for name, path in paths.items():
            upload = client.upload(path)
            number = client.submit(upload.upload_id, "mp3").job_id
            wait_for(partial(has_ended, client, number), "the end of the job")
            job = client.job(number)
            assert job.state == "succeeded", (name, job)
            result, by_hand = tmp_path / "result", tmp_path / "by-hand"
            client.download(number, result)
            places = {"INPUT": str(path), "OUTPUT": str(by_hand)}
            assert job.ffmpeg is not None
            arguments = [places.get(one, one) for one in job.ffmpeg.arguments]
            subprocess.run([FFMPEG, "-nostdin", "-v", "error", "-y", *arguments], check=True, capture_output=True)
            assert result.read_bytes() == by_hand.read_bytes(), name
            assert (job.track or {})["number"] == (2 if name == "two" else 1)
            assert job.warnings == []
