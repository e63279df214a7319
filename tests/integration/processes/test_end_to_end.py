"""The promise, with real processes, real ffmpeg and real signals."""

import contextlib
import hashlib
import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import boto3
import httpx
import imageio_ffmpeg
import pytest
import redis

from reprise import Job
from service.adapters.redis.presence import CHANNEL
from service.adapters.system.ambient import SystemIds
from service.cli.sample import write_sample
from service.core.media.arguments import output_arguments
from service.core.media.options import parse_target
from tests.support.cluster import Cluster, Watcher, a_cluster, gone, wait_for
from tests.support.redis_server import redis_or_skip

SECONDS = 12.0  # of music
SPEED = 2.5  # seconds of music in a second: a conversion takes long enough to be disturbed


@pytest.fixture(scope="module")
def piece(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some music."""
    path = tmp_path_factory.mktemp("piece") / "piece.wav"
    write_sample(path, SECONDS)
    return path


@pytest.fixture(params=["with Redis", "without Redis"])
def cluster(request: pytest.FixtureRequest, embedded_stack: Mapping[str, str]) -> Iterator[Cluster]:
    """Two processes to be, with and without Redis."""
    with_redis = request.param == "with Redis"
    if with_redis:
        redis_or_skip()
    with a_cluster(embedded_stack, redis=with_redis) as made:
        yield made


def plain(piece: Path, target: str, folder: Path) -> str:
    """The sha256 of what plain ffmpeg writes."""
    output = folder / f"plain.{target}"
    arguments = output_arguments(parse_target(target, {}))
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-i", str(piece), *arguments, str(output)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return hashlib.sha256(output.read_bytes()).hexdigest()


def rises(readings: list[float]) -> bool:
    """Whether it never falls."""
    return all(before <= after for before, after in pairwise(readings))


def begin(cluster: Cluster, piece: Path, target: str = "mp3") -> tuple[Job, Watcher]:
    """Upload, submit, and watch through all processes; returns when the conversion shows progress."""
    client = cluster.client()
    upload = client.upload(piece)
    job = client.submit(upload.upload_id, target)
    watcher = Watcher([service.address for service in cluster.services], job.job_id).start()
    wait_for(lambda: watcher.readings and watcher.readings[-1] > 0, "progress")
    return job, watcher


def finish(cluster: Cluster, job: Job, watcher: Watcher, alive: int) -> tuple[Job, str]:
    """Wait for the end by asking process number `alive`; returns the job and the sha256 of its download."""
    client = cluster.client(cluster.services[alive])
    job = wait_for(lambda: (now := client.job(job.job_id)).state == "succeeded" and now, "success")
    wait_for(lambda: watcher.readings[-1] == 100, "100 %")
    assert watcher.problems == []
    assert rises(watcher.stop())
    output = cluster.folder / "download"
    client.download(job.job_id, output)
    return job, hashlib.sha256(output.read_bytes()).hexdigest()


def shown(cluster: Cluster) -> bool:
    """Whether Redis shows that every process lives, if there is a Redis."""
    if "REDIS_URL" not in cluster.pointed:
        return False
    starts = (event for service in cluster.services for event in service.events())
    channels = {CHANNEL + event["instance"] for event in starts if event["event"] == "service.starting"}
    with redis.Redis.from_url(cluster.pointed["REDIS_URL"], decode_responses=True) as client:
        return len(channels) == len(cluster.services) and channels <= set(client.pubsub_channels())


@pytest.mark.requirement("1.1", "1.3", "1.4", "1.6", "2.5", "2.7", "3.4", "3.5", "4.2", "4.3", "4.5", "4.6", "6.7")
@pytest.mark.parametrize("target", ["mp3", "flac"])
def test_sigkill_in_the_middle(cluster: Cluster, piece: Path, target: str, tmp_path: Path) -> None:
    """After SIGKILL at a random moment another process finishes, the bytes are ffmpeg's, and progress never fell."""
    slow = cluster.slow_ffmpeg(SPEED)
    cluster.start(**slow)
    cluster.start(**slow)
    job, watcher = begin(cluster, piece, target)
    moment = 5 + 80 * SystemIds().draw()  # any moment must do; a failure names it
    wait_for(lambda: watcher.readings[-1] >= moment, f"{moment} %")
    victim = cluster.holder()
    assert victim is not None
    wait_for(lambda: shown(cluster) == ("REDIS_URL" in cluster.pointed), "Redis shows the workers")
    ffmpeg = next(event["pid"] for event in victim.events() if event["event"] == "ffmpeg.started")
    victim.kill()
    wait_for(lambda: gone(ffmpeg), "ffmpeg dies with its parent")

    job, digest = finish(cluster, job, watcher, 1 - cluster.services.index(victim))

    assert digest == plain(piece, target, tmp_path), f"killed at {moment} %"
    assert job.attempt >= 2
    assert job.resumed
    objects, uploads = cluster.left_in_s3()
    assert len(objects) == 2, objects
    assert uploads == []


@pytest.mark.requirement("6.7")
def test_sigterm_hands_over(cluster: Cluster, piece: Path, tmp_path: Path) -> None:
    """After SIGTERM another process goes on before the lease could have lapsed, and nothing is left behind."""
    slow = cluster.slow_ffmpeg(SPEED)
    cluster.start(**slow)
    cluster.start(**slow)
    job, watcher = begin(cluster, piece)
    victim = cluster.holder()
    assert victim is not None
    other = cluster.services[1 - cluster.services.index(victim)]
    victim.process.terminate()
    wait_for(lambda: cluster.holder() is other, "the other one goes on")
    assert [event for event in other.events() if event["event"] == "job.claimed"], "claimed, not taken over"
    assert victim.process.wait(60) == 0

    _, digest = finish(cluster, job, watcher, cluster.services.index(other))
    assert digest == plain(piece, "mp3", tmp_path)
    assert [len(left) for left in cluster.left_in_s3()] == [2, 0]


def test_a_second_signal_ends_it_at_once(piece: Path, embedded_stack: Mapping[str, str]) -> None:
    """Whoever cannot wait for the polite end sends a second signal: the process is gone before its requests are."""
    with a_cluster(embedded_stack, redis=False) as cluster:
        service = cluster.start(**cluster.slow_ffmpeg(SPEED))
        over = threading.Event()
        sending = threading.Thread(target=upload_in_vain, args=(service.address, over))
        sending.start()  # for which a polite end gives three seconds
        service.process.terminate()
        wait_for(
            lambda: [said for said in service.events() if said["event"] == "service.stopping"], "it heard the first"
        )
        service.process.terminate()
        assert service.process.wait(60) == 1
        over.set()
        sending.join(10)
        assert [said for said in service.events() if said["event"] == "service.stopped"] == []


def ask(url: str, extensions: Mapping[str, Any]) -> httpx.Response:
    """GET, with a look at how far it is."""
    with httpx.Client(timeout=100) as http:
        return http.send(http.build_request("GET", url, extensions=dict(extensions)))


def upload_in_vain(address: str, over: threading.Event) -> None:
    """Send a body that has no end until `over`."""

    def body() -> Iterator[bytes]:
        yield b"RIFF"
        while not over.wait(0.05):
            yield b"\0"

    with contextlib.suppress(httpx.TransportError):
        httpx.post(f"{address}/v1/uploads?filename=a.wav", content=body(), timeout=30)


@pytest.mark.requirement("6.7")
def test_waiting_request_is_answered_on_sigterm(piece: Path, embedded_stack: Mapping[str, str]) -> None:
    """A request that waits for a job's end is answered with the job as it is, not broken off, when SIGTERM comes."""
    with a_cluster(embedded_stack, redis=False) as cluster, ThreadPoolExecutor(1) as pool:
        service = cluster.start(**cluster.slow_ffmpeg(SPEED))
        job, watcher = begin(cluster, piece)
        watcher.stop()
        sent, url = threading.Event(), f"{service.address}/v1/jobs/{job.job_id}"
        trace = {"trace": lambda name, _: sent.set() if name == "http11.send_request_body.complete" else None}
        waiting = pool.submit(ask, f"{url}?wait=60", trace)
        assert sent.wait(100)
        assert httpx.get(url, timeout=100).status_code == 200  # so the one that was sent before is being served
        service.process.terminate()
        answer = waiting.result(100)

        assert answer.status_code == 200, answer.text
        assert answer.json()["state"] in {"queued", "running"}
        assert service.process.wait(60) == 0


@pytest.mark.requirement("6.7")
def test_a_zombie_is_refused(cluster: Cluster, piece: Path, tmp_path: Path) -> None:
    """A process frozen past its lease and thawed after another finished changes nothing: the other's bytes count."""
    slow = cluster.slow_ffmpeg(SPEED)
    cluster.start(**slow)
    cluster.start(**slow)
    job, watcher = begin(cluster, piece)
    zombie = cluster.holder()
    assert zombie is not None
    alive = 1 - cluster.services.index(zombie)
    cluster.freeze(zombie)
    frozen_at = watcher.readings[-1]
    done, digest = finish(cluster, job, watcher, alive)

    cluster.thaw(zombie)
    wait_for(lambda: [event for event in zombie.events() if event["event"] == "job.lost"], "it notices")
    wait_for(lambda: [len(left) for left in cluster.left_in_s3()] == [2, 0], "it tidies up after itself")

    client = cluster.client()
    assert [client.job(job.job_id) for _ in range(4)] == [done] * 4
    assert done.attempt >= 2, f"frozen at {frozen_at} %"
    assert digest == plain(piece, "mp3", tmp_path)


def leave_behind(cluster: Cluster, key: str) -> None:
    """Put an object into the bucket that nobody knows of."""
    pointed = cluster.pointed
    endpoint = pointed.get("AWS_ENDPOINT_URL_S3") or pointed["AWS_ENDPOINT_URL"]
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1",
                      aws_access_key_id="test", aws_secret_access_key="test")  # fmt: skip
    s3.put_object(Bucket=pointed["REPRISE_BUCKET"], Key=key, Body=b"left behind")
    s3.close()


@pytest.mark.requirement("7.16")
def test_cancel_and_delete(cluster: Cluster, piece: Path) -> None:
    """
    A running job stops within a heartbeat of being cancelled, and its ffmpeg with it; deleting leaves nothing.

    Each call may be repeated, at any process. What somebody else had left behind, the janitors take.
    """
    slow = cluster.slow_ffmpeg(4)
    soon = {"REPRISE_JANITOR_SECONDS": "0.5", "REPRISE_JANITOR_GRACE_SECONDS": "3"}
    cluster.start(**slow, **soon)
    cluster.start(**slow, **soon)
    leave_behind(cluster, "results/nobodysjob/1/song.mp3")
    job, watcher = begin(cluster, piece, "flac")
    holder = cluster.holder()
    assert holder is not None
    other = cluster.services[1 - cluster.services.index(holder)]
    ffmpeg = next(event["pid"] for event in holder.events() if event["event"] == "ffmpeg.started")
    path = f"/v1/jobs/{job.job_id}"

    answer = httpx.delete(f"{other.address}{path}")  # which asks a running job to stop
    assert (answer.status_code, answer.headers["Retry-After"]) == (202, "1")
    for service in cluster.services:
        assert httpx.post(f"{service.address}{path}/cancel").status_code == 200
    wait_for(lambda: gone(ffmpeg), "ffmpeg is gone")
    client = cluster.client()
    wait_for(lambda: client.job(job.job_id).state == "cancelled", "cancelled")
    assert rises(watcher.stop())
    assert httpx.post(f"{other.address}{path}/cancel").json()["state"] == "cancelled"

    for service in cluster.services:
        assert httpx.delete(f"{service.address}{path}").status_code == 204
        assert httpx.get(f"{service.address}{path}").status_code == 404
    for _ in range(2):
        assert httpx.delete(f"{other.address}/v1/uploads/{job.upload_id}").status_code == 204
    wait_for(lambda: cluster.left_in_s3() == ([], []), "an empty bucket")
    said = [event["reason"] for service in cluster.services for event in service.events()
            if event["event"] == "janitor.cleaned"]  # fmt: skip
    assert "no_record" in said


@pytest.mark.requirement("2.7")
def test_events_over_a_kill(piece: Path, embedded_stack: Mapping[str, str]) -> None:
    """Server-sent events, resumed at another process by Last-Event-ID, never fall and end with the finished job."""
    redis_or_skip()
    with a_cluster(embedded_stack) as cluster:
        slow = cluster.slow_ffmpeg(SPEED)
        cluster.start(**slow)
        cluster.start(**slow)
        job, watcher = begin(cluster, piece)
        victim = cluster.holder()
        assert victim is not None
        readings: list[float] = []
        last: dict[str, str] = {}

        def listen(address: str) -> dict[str, Any] | None:
            """Read a stream until it ends or breaks; the job if it ended with it."""
            event = ""
            with httpx.stream("GET", f"{address}/v1/jobs/{job.job_id}/events", headers=last, timeout=100) as answer:
                for line in answer.iter_lines():
                    name, _, value = line.partition(": ")
                    if name == "event":
                        event = value
                    elif name == "id":
                        last["Last-Event-ID"] = value
                    elif name == "data":
                        document: dict[str, Any] = json.loads(value)
                        readings.append(document["percent"])
                        if event == "done":
                            return document
                        if document["percent"] > 30 and victim.process.poll() is None:
                            victim.kill()
            return None

        with pytest.raises(httpx.TransportError):
            listen(victim.address)
        seen = len(readings)
        done = listen(cluster.services[1 - cluster.services.index(victim)].address)

        watcher.stop()
        assert seen > 0
        assert rises(readings)
        assert done is not None
        assert (done["state"], readings[-1]) == ("succeeded", 100)


@pytest.mark.requirement("4.1", "5.5")
def test_a_start_without_its_bucket_says_what_to_do(embedded_stack: Mapping[str, str]) -> None:
    """A service whose bucket or table is missing does not start; it exits with 2 and a line for each, with the fix."""
    with a_cluster(embedded_stack, redis=False) as cluster:
        with pytest.raises(Exception, match="did not start") as caught:
            cluster.start(REPRISE_BUCKET="no-such-bucket", REPRISE_TABLE="no-such-table")
        said = str(caught.value)
        assert "no-such-bucket" in said
        assert "no-such-table" in said


@pytest.mark.requirement("6.15", "6.11")
def test_every_container_tells_its_load(embedded_stack: Mapping[str, str]) -> None:
    """A container tells its slots, limits, readings and circuits; one without a worker has no slots."""
    with a_cluster(embedded_stack, redis=False) as cluster:
        cluster.start(REPRISE_SLOTS="2", REPRISE_MAX_QUEUED="7", REPRISE_MAX_UPLOADS="3")
        cluster.start(REPRISE_ROLE="api")
        both, api = (httpx.get(f"{one.address}/v1/status", timeout=30).json() for one in cluster.services)
        assert both["conversions"] == {"slots": 2, "active": 0, "short_of": []}
        assert (both["queue"]["limit"], both["uploads"]) == (7, {"active": 0, "limit": 3})
        assert both["circuits"] == {"dynamodb": "closed", "s3": "closed"}
        assert both["load"]["disk_free"] > 0
        assert api["conversions"]["slots"] == 0
        assert api["instance"] != both["instance"]


@pytest.mark.requirement("8.5")
def test_the_printed_lines_work(tmp_path: Path, embedded_stack: Mapping[str, str]) -> None:
    """What `serve` prints to try works as printed, in a shell."""
    with a_cluster(embedded_stack, redis=False) as cluster:
        embedded = {name: value for name, value in cluster.pointed.items() if not name.startswith(("AWS_", "REPRISE_"))}
        cluster.pointed = embedded
        service = cluster.start()
        assert service.process.stdout is not None
        printed = []
        for line in iter(service.process.stdout.readline, ""):
            printed.append(line)
            if "Ctrl-C" in line:
                break
        lines = [line.strip() for line in printed if "curl" in line]
        assert len(lines) == 3
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "\n".join(lines)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "song.mp3").stat().st_size > 100_000
