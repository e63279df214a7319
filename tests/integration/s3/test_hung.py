"""An S3 that answers nobody any more, and real processes that have to end something all the same."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from service.cli.processes import ServiceProcess
from tests.support.cluster import HEARTBEAT, LEASE, Cluster, a_cluster, wait_for
from tests.support.conversions import noise
from tests.support.flaky_proxy import FlakyProxy

SECONDS = 40.0  # of noise, 30 MiB: an output of several parts
SPEED = 5.0
ASKING = 20
AT_ONCE = 2.0  # seconds, on a machine that does other things as well


class Held:
    """A proxy on a loop of its own; `hold` it and `move` it from this thread."""

    def __init__(self, proxy: FlakyProxy, loop: asyncio.AbstractEventLoop) -> None:
        self.proxy = proxy
        self._call: Callable[[Callable[[], None]], Any] = loop.call_soon_threadsafe

    def hold(self) -> None:
        self._call(self.proxy.hold)

    def move(self) -> None:
        self._call(self.proxy.move)


@contextmanager
def in_front_of(endpoint: str) -> Iterator[Held]:
    """A proxy that can be held up."""
    there = urlsplit(endpoint)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="proxy", daemon=True)
    thread.start()
    proxy = FlakyProxy(str(there.hostname), int(there.port or 80))
    asyncio.run_coroutine_threadsafe(proxy.__aenter__(), loop).result(10)
    held = Held(proxy, loop)
    try:
        yield held
    finally:
        held.move()
        asyncio.run_coroutine_threadsafe(proxy.__aexit__(None, None, None), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@contextmanager
def converting(embedded_stack: Mapping[str, str], folder: Path) -> Iterator[tuple[Cluster, Held, str, ServiceProcess]]:
    """Two processes, one of which is in the middle of an output that has begun to arrive; then S3 hangs."""
    endpoint = embedded_stack["AWS_ENDPOINT_URL_S3"]
    piece = noise(folder, SECONDS, arguments=("-ar", "192000"))
    with in_front_of(endpoint) as s3:
        address = f"http://{s3.proxy.address}"
        with a_cluster({**embedded_stack, "AWS_ENDPOINT_URL_S3": address}, redis=False) as cluster:
            slow = cluster.slow_ffmpeg(SPEED)
            for _ in range(2):
                cluster.start(**slow)
            client = cluster.client()
            upload = client.upload(piece)
            job_id = client.submit(upload.upload_id, "wav").job_id
            wait_for(lambda: cluster.left_in_s3()[1], "parts are on their way")
            holder = cluster.holder()
            assert holder is not None
            s3.hold()
            try:
                yield cluster, s3, job_id, holder
            finally:
                s3.move()


def happened(services: list[ServiceProcess], event: str) -> bool:
    """Whether any of them has said so."""
    return any(said["event"] == event for service in services for said in service.events())


@pytest.mark.requirement("6.7")
def test_a_cancellation_is_recorded_though_s3_hangs(embedded_stack: Mapping[str, str], tmp_path: Path) -> None:
    """A cancelled job is over within a heartbeat, ffmpeg gone, nobody takes it over; its parts go when S3 is back."""
    with converting(embedded_stack, tmp_path) as (cluster, s3, job_id, holder):
        client = cluster.client()
        client.cancel(job_id)
        wait_for(lambda: client.job(job_id).state == "cancelled", "the end", within=HEARTBEAT + AT_ONCE)
        wait_for(lambda: happened([holder], "ffmpeg.ended"), "ffmpeg has ended", within=AT_ONCE)
        assert not happened(cluster.services, "job.taken_over")
        assert client.job(job_id).attempt == 1
        s3.move()
        wait_for(lambda: cluster.left_in_s3()[1] == [], "no parts")
        assert len(cluster.left_in_s3()[0]) == 1, "the input alone"


@pytest.mark.requirement("6.3")
def test_readiness_tells_while_s3_hangs(embedded_stack: Mapping[str, str]) -> None:
    """Whoever asks for the health has the answer while S3 still hangs; twenty who ask at once cost one request."""
    with in_front_of(embedded_stack["AWS_ENDPOINT_URL_S3"]) as s3:
        address = f"http://{s3.proxy.address}"
        with a_cluster({**embedded_stack, "AWS_ENDPOINT_URL_S3": address}, redis=False) as cluster:
            ready = f"{cluster.start(REPRISE_ROLE='api').address}/health/ready"
            assert httpx.get(ready, timeout=30).status_code == 200
            before = s3.proxy.accepted
            s3.hold()
            with ThreadPoolExecutor(ASKING) as threads:
                answers = list(threads.map(lambda _: httpx.get(ready, timeout=30), range(ASKING)))
            asked = s3.proxy.accepted - before
            s3.move()
            wait_for(lambda: httpx.get(ready, timeout=30).status_code == 200, "it is back")

    assert {answer.status_code for answer in answers} == {503}
    assert {answer.json()["checks"]["s3"].partition(";")[0] for answer in answers} == {"does not answer (within 4 s)"}
    assert asked <= 1


@pytest.mark.requirement("6.7")
def test_a_process_told_to_stop_ends_though_s3_hangs(embedded_stack: Mapping[str, str], tmp_path: Path) -> None:
    """After SIGTERM the job is given back before its lease could lapse, and the process ends in seconds."""
    with converting(embedded_stack, tmp_path) as (cluster, _s3, job_id, holder):
        (other,) = (service for service in cluster.services if service is not holder)
        holder.process.terminate()
        wait_for(lambda: cluster.holder() is other, "the other one goes on", within=LEASE)
        assert holder.process.wait(15) == 0
        job = cluster.client(other).cancel(job_id)
        assert (job.state, job.attempt) == ("running", 2)
