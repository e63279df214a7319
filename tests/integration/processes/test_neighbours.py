"""One tenant asks for everything at once, and another works: on one process with few descriptors."""

import hashlib
import os
import threading
from collections.abc import Mapping
from pathlib import Path

import httpx

from benchmarks.flood import flooding, nested_boxes
from reprise import Client, Job
from service.adapters.system.ambient import SystemClock
from service.cli.sample import write_sample
from service.core.limits.descriptors import connections_within
from tests.support.cluster import Cluster, a_cluster, wait_for

A, B = "key-of-the-flood-0123", "key-of-the-other-4567"
KEYS = ",".join(f"{who}:{hashlib.sha256(key.encode()).hexdigest()}" for who, key in (("a", A), ("b", B)))
DESCRIPTORS = 1024
FEW = ("/bin/sh", "-c", f'ulimit -n {DESCRIPTORS}; exec "$@"', "sh")
IDLE, TRICKLES, BOMBS, STREAMS = 1100, 32, 40, 400
LONG = 300.0  # seconds of music in the job whose events the flood follows
TIMEOUT = 4.0  # seconds until a probe has failed
CLOCK = SystemClock()
ROUND_TRIP = 1.0  # seconds within which nine of ten probes are answered, on a machine that does little else


def crowd() -> float:
    """How many times slower a process is here because others want the same processors; 1 on a machine of our own."""
    ours = 2.0  # of each processor: the service and the flood
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1) / ours)


class Probe(threading.Thread):
    """Asks whether the process lives, on a new connection each time, as platforms do."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self._address = address
        self._over = threading.Event()
        self.times: list[float] = []
        self.failures: list[str] = []

    def run(self) -> None:
        while not self._over.wait(0.1):
            began = CLOCK.monotonic()
            try:
                httpx.get(f"{self._address}/health/live", timeout=TIMEOUT * crowd()).raise_for_status()
            except httpx.HTTPError as error:
                self.failures.append(repr(error))
            self.times.append(CLOCK.monotonic() - began)

    def stop(self) -> None:
        """Ask no more."""
        self._over.set()
        self.join()


def work(cluster: Cluster, client: Client, piece: Path) -> tuple[Job, list[float], bytes]:
    """Upload, convert, follow and download; returns the job, the readings and the file."""
    job = client.submit(client.upload(piece).upload_id, "mp3")
    readings: list[float] = []

    def ended() -> Job | None:
        seen = client.job(job.job_id)
        readings.append(seen.percent)
        return seen if seen.final else None

    done = wait_for(ended, "the end of the job")
    address = f"{cluster.services[0].address}/v1/jobs/{job.job_id}/download?via=proxy"
    answer = httpx.get(address, headers={"X-API-Key": B}, timeout=20)
    answer.raise_for_status()
    return done, readings, answer.content


def followed_job(cluster: Cluster, folder: Path) -> str:
    """A job of the tenant that floods, which goes on for a while."""
    piece = folder / "long.wav"
    write_sample(piece, LONG)
    client = Client(cluster.services[0].address, key=A)
    cluster.stack.callback(client.close)
    return str(client.submit(client.upload(piece).upload_id, "flac").job_id)


def test_a_flood_of_one_tenant_costs_another_nothing_but_time(
    embedded_stack: Mapping[str, str], tmp_path: Path
) -> None:
    """While one tenant floods a process of 1,024 descriptors, another converts in one attempt, and health answers."""
    piece = tmp_path / "piece.wav"
    write_sample(piece, 3.0)
    with a_cluster(embedded_stack) as cluster:
        settings = {"REPRISE_API_KEYS": KEYS, "REPRISE_BODY_GRACE_SECONDS": "3", "REPRISE_SLOTS": "2"}
        service = cluster.start(under=FEW, **settings)
        client = Client(service.address, key=B)
        cluster.stack.callback(client.close)
        probe = Probe(service.address)
        followed = followed_job(cluster, tmp_path)
        options = (
            "--job",
            followed,
            "--idle",
            str(IDLE),
            "--trickles",
            str(TRICKLES),
            "--bombs",
            str(BOMBS),
            "--streams",
            str(STREAMS),
        )
        with flooding(service.address, A, *options) as flood:
            probe.start()
            job, readings, file = work(cluster, client, piece)
            probe.stop()
            still_flooding = flood.poll() is None
        events = list(service.events())

    assert still_flooding
    assert (job.state, job.attempt) == ("succeeded", 1)
    assert readings == sorted(readings)
    assert len(file) == job.size
    assert probe.failures == []
    slow = sorted(probe.times)[len(probe.times) * 9 // 10]
    assert slow < ROUND_TRIP * crowd(), sorted(probe.times)[-5:]
    named = {event["event"] for event in events}
    assert not named & {"job.lost", "job.exhausted", "circuit.opened", "service.unexpected", "worker.trouble"}
    assert "connections.full" in named  # the cap was reached: the flood was one
    [few] = [event for event in events if event.get("code") == "few_descriptors"]
    assert str(connections_within(DESCRIPTORS, 2)) in few["problem"]
    assert few["fix"]


def test_the_flood_has_the_files_that_it_promises() -> None:
    """The nested boxes are a file of 48 KB that looks like audio at its beginning."""
    bomb = nested_boxes()
    assert 47_000 < len(bomb) < 49_000
    assert bomb[4:12] == b"ftypM4A "
