"""Real service processes on LocalStack and Valkey, whose harms are those of a network and of a platform."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from reprise import Client, Job
from service.cli.processes import ServiceProcess
from service.cli.sample import write_sample
from tests.support.cluster import LEASE, Cluster, Watcher, a_cluster, pause, wait_for
from tests.support.containers import Container, endpoint_of
from tests.support.delivery import digest_of_plain
from tests.support.docker import one_worker
from tests.support.targets import bare, on
from tests.support.toxiproxy import Toxiproxy, a_line_to
from tests.support.valkey import MortalValkey

pytestmark = [pytest.mark.timeout(600), one_worker]

SECONDS, SPEED = 12.0, 1.5  # of music; and of music in a second
LONG = 2 * LEASE  # seconds, after which a holder that cannot renew has lost its lease
TIMEOUT = 300.0  # seconds
Start = Callable[..., Cluster]


@pytest.fixture(scope="module")
def piece(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some music."""
    path = tmp_path_factory.mktemp("piece") / "piece.wav"
    write_sample(path, SECONDS)
    return path


@pytest.fixture
def start(shared_valkey: MortalValkey) -> Iterator[Start]:
    """Starts two processes on what is at an address; they end with the test."""
    with ExitStack() as stack:

        def started(endpoint: str, redis_url: str = shared_valkey.url, **settings: str) -> Cluster:
            pointed = {**bare(), **on(endpoint, redis_url)}
            pointed |= {f"AWS_ENDPOINT_URL_{service}": endpoint for service in ("S3", "DYNAMODB")}
            cluster = stack.enter_context(a_cluster(pointed))
            slow = {**cluster.slow_ffmpeg(SPEED), **settings}
            cluster.start(**slow)
            cluster.start(**slow)
            return cluster

        yield started


class Course:
    """A conversion that is under way, and watched through both processes."""

    def __init__(self, cluster: Cluster, piece: Path) -> None:
        self.cluster, self.piece = cluster, piece
        self.client: Client = cluster.client()
        upload = self.client.upload(piece)
        self.job_id = self.client.submit(upload.upload_id, "mp3").job_id
        self.watcher = Watcher([service.address for service in cluster.services], self.job_id).start()
        wait_for(lambda: self.watcher.readings and self.watcher.readings[-1] > 5, "progress")

    def ended_well(self) -> Job:
        """Wait for the end: the bytes are those of plain ffmpeg, no reading fell, nothing worse than 503 was said."""
        readings = self.watcher.readings
        wait_for(lambda: readings[-1] == 100, "100 %", within=TIMEOUT)
        job = self.client.job(self.job_id)
        self.watcher.stop()
        assert job.state == "succeeded"
        assert all(before <= after for before, after in pairwise(readings)), readings
        assert [said for said in self.watcher.problems if not said.startswith("503")] == []
        output = self.cluster.folder / "download"
        self.client.download(self.job_id, output)
        plain = digest_of_plain(self.piece, "mp3", self.cluster.folder)
        assert hashlib.sha256(output.read_bytes()).hexdigest() == plain
        return job

    def told(self, name: str) -> list[dict[str, Any]]:
        """The events of this name, of all processes."""
        return [event for service in self.cluster.services for event in service.events() if event["event"] == name]


@pytest.mark.requirement("5.1", "1.6", "6.7")
def test_sigkill_on_localstack_and_valkey(start: Start, localstack: Container, piece: Path) -> None:
    """A killed process is replaced by the other one on LocalStack and Valkey as anywhere; nothing is left over."""
    course = Course(start(endpoint_of(localstack)), piece)
    victim = course.cluster.holder()
    assert victim is not None
    victim.kill()
    course.client = course.cluster.client(next(one for one in course.cluster.services if one is not victim))

    job = course.ended_well()

    assert job.attempt >= 2
    assert job.resumed
    assert [len(left) for left in course.cluster.left_in_s3()] == [2, 0]


def slow(line: Toxiproxy) -> None:
    """A third of a second later, every time, and never by the same amount."""
    line.slow(300, jitter=100)


HARMS: Mapping[str, Callable[[Toxiproxy], None]] = {
    "slow": slow,
    "a partition": Toxiproxy.silent,
    "resets": Toxiproxy.resetting,
}


@pytest.mark.requirement("6.3", "6.11")
@pytest.mark.parametrize("harm", list(HARMS))
def test_the_line_to_aws_fails_for_a_while(start: Start, localstack: Container, piece: Path, harm: str) -> None:
    """S3 and DynamoDB slow or away for two leases in the middle of a conversion cost time, and nothing else."""
    with a_line_to(localstack) as line:
        course = Course(start(line.endpoint), piece)
        HARMS[harm](line)
        pause(LONG)
        for service in course.cluster.services:
            assert httpx.get(f"{service.address}/health/live", timeout=30).is_success
        line.mend()

        job = course.ended_well()

        if harm == "slow":
            assert job.attempt == 1, "slowness is no reason to give a job up"
        else:
            assert course.told("job.renewal_failed") or course.told("job.trust_ended"), "it was really away"
            wait_for(lambda: [len(left) for left in course.cluster.left_in_s3()] == [2, 0], "nothing is left over")


def ready(service: ServiceProcess) -> bool:
    """Whether a load balancer, which does not wait for long, would send it requests."""
    try:
        return httpx.get(f"{service.address}/health/ready", timeout=3).is_success
    except httpx.TimeoutException:
        return False


@pytest.mark.requirement("6.3", "6.11")
def test_localstack_is_paused(start: Start, localstack: Container, piece: Path) -> None:
    """All of AWS hangs with its connections open, for longer than a lease: none is ready, then all go on."""
    course = Course(start(endpoint_of(localstack)), piece)
    localstack.pause()
    try:
        pause(LONG)
        assert not any(ready(service) for service in course.cluster.services)
    finally:
        localstack.unpause()
    wait_for(lambda: all(ready(service) for service in course.cluster.services), "ready again", within=TIMEOUT)

    course.ended_well()
    assert course.told("job.renewal_failed") or course.told("job.trust_ended"), "it was really away"


@pytest.mark.requirement("6.4")
def test_valkey_is_killed(start: Start, localstack: Container, piece: Path) -> None:
    """Losing Valkey for good in the middle of a conversion costs freshness; a new and empty one is taken up again."""
    valkey = MortalValkey()
    valkey.start()
    try:
        # No lease may lapse for want of processor time: this is about Valkey.
        course = Course(start(endpoint_of(localstack), valkey.url, REPRISE_LEASE_SECONDS="30"), piece)
        valkey.kill()
        wait_for(lambda: course.told("redis.away"), "they notice")
        reading = course.watcher.readings[-1]
        wait_for(lambda: course.watcher.readings[-1] > min(reading, 99), "progress without Valkey")
        valkey.start()
        wait_for(lambda: course.told("redis.back"), "they notice that too")

        job = course.ended_well()

        assert job.attempt == 1
        assert course.watcher.problems == []
    finally:
        valkey.close()
