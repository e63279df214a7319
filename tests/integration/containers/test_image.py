"""The image by itself: its contents, its user, and how its containers start, stop and are killed."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest

from reprise import Client
from service.cli.in_turn import client_of
from service.cli.sample import write_sample
from tests.support.cluster import Watcher, wait_for
from tests.support.compose import SLOW, Stack
from tests.support.delivery import converted, delivered, digest_of_plain, submitted
from tests.support.docker import ROOT, images, stack_worker
from tests.support.image import Container, docker, holder, run_service, run_silent
from tests.support.media_samples import run_ffmpeg

pytestmark = [pytest.mark.timeout(1200), stack_worker]

MOST_MEGABYTES = 300  # on top of the base
SECONDS = 24.0  # of music; six seconds of work for the slow ffmpeg
BACKING = {
    "AWS_ENDPOINT_URL": "http://localstack:4566",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "REDIS_URL": "redis://valkey:6379",
    "REPRISE_BUCKET": "image",
    "REPRISE_TABLE": "image",
    "REPRISE_API_KEYS": "none",
}

# Prints the names of all distributions in the virtual environment.
INSTALLED = """
import importlib.metadata, json, site
found = importlib.metadata.distributions(path=site.getsitepackages())
print(json.dumps([each.name.lower().replace("_", "-") for each in found]))
"""

Start = Callable[..., Container]


@pytest.fixture(scope="module")
def network(stack: Stack, image: str) -> str:
    """A network with S3, DynamoDB and Valkey in it, and with the bucket and the table of these tests."""
    stack.compose("up", "--detach", "--wait", "localstack", "valkey")
    settings = [f"--env={name}={value}" for name, value in BACKING.items()]
    docker("run", "--rm", f"--network={stack.network}", *settings, image, "provision", seconds=120)
    return stack.network


@pytest.fixture
def start(image: str, network: str) -> Iterator[Start]:
    """Starts containers, which are removed at the end; with `slow`, ffmpeg takes its time."""
    with ExitStack() as stack:

        def started(*options: str, slow: bool = False, **settings: str) -> Container:
            if slow:
                settings = {**SLOW, **settings}
            return run_service(stack, image, network, {**BACKING, **settings}, options)

        yield started


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """What a test opens is closed, however it ends."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="module")
def piece(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some music."""
    path = tmp_path_factory.mktemp("piece") / "piece.wav"
    write_sample(path, SECONDS)
    return path


def begun(stack: ExitStack, piece: Path, containers: list[Container]) -> tuple[Client, str, Watcher]:
    """Upload and submit; returns when the conversion shows progress through all of the containers."""
    client = a_client(stack, *containers)
    job_id = submitted(client, piece, "mp3")
    watcher = Watcher([each.address for each in containers], job_id).start()
    stack.callback(watcher.stop)
    wait_for(lambda: watcher.readings and watcher.readings[-1] > 5, "progress")
    return client, job_id, watcher


def a_client(stack: ExitStack, *containers: Container) -> Client:
    """A client of these containers, closed with `stack`."""
    client = client_of([each.address for each in containers])
    stack.callback(client.close)
    return client


def moment(event: dict[str, Any]) -> datetime:
    """When it was logged."""
    return datetime.fromisoformat(event["timestamp"])


@pytest.mark.requirement("5.2")
def test_image_holds_only_what_it_needs(image: str) -> None:
    """The image adds at most 300 MB to its base: what runtime.txt pins (tracing too), our own code, and no tests."""
    size, base = (
        int(docker("image", "inspect", "--format", "{{.Size}}", of)) for of in (image, images()["PYTHON_IMAGE"])
    )
    installed = json.loads(docker("run", "--rm", "--entrypoint=python", image, "-c", INSTALLED))
    pinned = re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements/runtime.txt").read_text(), flags=re.MULTILINE)
    files = docker("run", "--rm", "--entrypoint=find", image, "/srv", "-name", "*.py")
    traces = "import grpc, requests, service.adapters.otel.export, opentelemetry.propagate"
    docker("run", "--rm", "--entrypoint=python", "--env=OTEL_PROPAGATORS=tracecontext,xray", image, "-c", traces)

    assert (size - base) / 1e6 <= MOST_MEGABYTES
    assert installed
    assert set(installed) <= set(pinned)
    assert "/srv/reprise/service/__main__.py" in files
    assert not re.search(r"tests|benchmarks|service/testing", files)


@pytest.mark.requirement("5.2", "1.5", "4.4")
def test_image_works_without_root_capabilities_and_disk(
    start: Start, piece: Path, tmp_path: Path, opened: ExitStack
) -> None:
    """Without root, capabilities or a disk to write to, a container turns healthy and converts both ways."""
    moov_last = tmp_path / "piece.m4a"
    run_ffmpeg(imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(piece), "-c:a", "aac", str(moov_last))
    container = start()
    container.wait_until_it_answers()
    client = a_client(opened, container)
    for source, target, path in ((piece, "mp3", "streaming"), (moov_last, "flac", "local")):
        job, digest = converted(client, source, target, tmp_path)
        assert (job.path, digest) == (path, digest_of_plain(source, target, tmp_path))

    status = container.inside("cat", "/proc/1/status", "/proc/self/status")
    assert re.findall(r"^Uid:\s+(\d+)", status, flags=re.MULTILINE) == ["10001", "10001"]
    assert set(re.findall(r"^CapEff:\s+(\w+)", status, flags=re.MULTILINE)) == {"0" * 16}
    assert [line for line in docker("diff", container.name).splitlines() if not line.endswith(" /tmp")] == []
    wait_for(lambda: container.health() == "healthy", "healthy")


@pytest.mark.requirement("5.2", "6.7")
def test_container_hands_its_job_over_on_sigterm(start: Start, piece: Path, tmp_path: Path, opened: ExitStack) -> None:
    """A container that is stopped hands its job over before its lease could lapse, and ends with exit code 0."""
    containers = [start(slow=True), start(slow=True)]
    for each in containers:
        each.wait_until_it_answers()
    client, job_id, watcher = begun(opened, piece, containers)
    stopped = holder(containers, job_id)
    other = containers[1 - containers.index(stopped)]
    stopped.stop()
    told = moment(stopped.told("service.stopping")[0])

    assert stopped.state()["ExitCode"] == 0
    wait_for(lambda: [m for m in map(moment, other.told("job.claimed")) if m > told], "the other goes on")
    assert other.told("job.taken_over") == [], "a lease that has lapsed is taken over, one that was handed back claimed"
    _, digest = delivered(client, job_id, tmp_path)
    assert digest == digest_of_plain(piece, "mp3", tmp_path)
    readings = watcher.stop()
    assert (watcher.problems, readings) == ([], sorted(readings))


@pytest.mark.requirement("5.2", "1.6", "2.5", "6.7")
def test_killed_container_is_replaced_by_another(start: Start, piece: Path, tmp_path: Path, opened: ExitStack) -> None:
    """After SIGKILL another container takes the job over, progress never falls, and the bytes are ffmpeg's."""
    containers = [start(slow=True), start(slow=True)]
    for each in containers:
        each.wait_until_it_answers()
    client, job_id, watcher = begun(opened, piece, containers)
    killed = holder(containers, job_id)
    other = containers[1 - containers.index(killed)]
    docker("kill", killed.name)
    wait_for(lambda: other.told("job.taken_over"), "the other one takes it over")
    job, digest = delivered(client, job_id, tmp_path)

    assert killed.state()["ExitCode"] == 137
    assert job.attempt >= 2
    assert job.resumed
    assert digest == digest_of_plain(piece, "mp3", tmp_path)
    readings = watcher.stop()
    assert (watcher.problems, readings) == ([], sorted(readings))


@pytest.mark.requirement("5.2")
def test_roles_api_and_worker_share_the_work(start: Start, piece: Path, tmp_path: Path, opened: ExitStack) -> None:
    """As api a container answers, as worker it converts; both turn healthy, and neither does the other's work."""
    api, worker = start(REPRISE_ROLE="api"), start(REPRISE_ROLE="worker")
    for each in (api, worker):
        each.wait_until_it_answers()
    converted(a_client(opened, api), piece, "mp3", tmp_path)

    assert worker.told("job.claimed")
    assert not api.told("job.claimed")
    assert not worker.told("request.done", "upload.stored")
    wait_for(lambda: (api.health(), worker.health()) == ("healthy", "healthy"), "both are healthy")


def test_container_stops_while_it_waits_for_backing_services(
    start: Start, image: str, network: str, opened: ExitStack
) -> None:
    """A container that is stopped while it still looks for its backing services ends at once, not after a time-out."""
    silent = run_silent(opened, image, network, port=4566)
    container = start(AWS_ENDPOINT_URL=f"http://{silent}:4566", REPRISE_START_WAIT_SECONDS="120")
    wait_for(lambda: container.is_connected_to(4566), "it asks")

    container.stop()

    assert container.state()["ExitCode"] == 128 + 15, "2 after the time-out, 137 when Docker has to kill it"
