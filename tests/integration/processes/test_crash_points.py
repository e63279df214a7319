"""SIGKILL in the middle of what cannot be undone: a part, the completion, the record; before and after the effect."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from service.cli.sample import write_sample
from tests.integration.processes.test_end_to_end import plain
from tests.support.cluster import a_cluster, wait_for
from tests.support.trip_wire import TripWire

SECONDS = 75.0  # of music: an AIFF of more than one part
POINTS = {
    "a part": ("S3", rb"PUT /[^ ]*results/[^ ]*partNumber=2[& ]"),
    "the head": ("S3", rb"PUT /[^ ]*results/[^ ]*partNumber=1[& ]"),
    "the completion": ("S3", rb"POST /[^ ]*results/[^ ]*uploadId="),
    "the record": ("DYNAMODB", b'"succeeded"'),
}


@pytest.fixture(scope="module")
def piece(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some music."""
    path = tmp_path_factory.mktemp("piece") / "piece.wav"
    write_sample(path, SECONDS)
    return path


@pytest.mark.requirement("1.6", "6.7")
@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("point", POINTS)
def test_killed_in_the_middle_of(
    point: str,
    after: bool,
    piece: Path,
    embedded_stack: Mapping[str, str],
    tmp_path: Path,
) -> None:
    """Killed around this request, the job ends once, with ffmpeg's bytes, and nothing else is left."""
    service, pattern = POINTS[point]
    endpoint = f"AWS_ENDPOINT_URL_{service}"
    with a_cluster(embedded_stack, redis=False) as cluster:
        wire = TripWire(embedded_stack[endpoint], pattern, after=after)
        cluster.stack.callback(wire.close)
        victim = cluster.start(**{endpoint: wire.url})
        wire.spring = victim.process.kill
        client = cluster.client(victim)
        upload = client.upload(piece)
        job = client.submit(upload.upload_id, "aiff")
        wait_for(lambda: victim.process.poll() is not None, "the trap is sprung")

        other = cluster.client(cluster.start())
        job = wait_for(lambda: (now := other.job(job.job_id)).state == "succeeded" and now, "success")
        output = tmp_path / "download"
        other.download(job.job_id, output)

        assert job.attempt == (1 if (point, after) == ("the record", True) else 2)
        assert hashlib.sha256(output.read_bytes()).hexdigest() == plain(piece, "aiff", tmp_path)
        wait_for(lambda: [len(left) for left in cluster.left_in_s3()] == [2, 0], "nothing else is left")
