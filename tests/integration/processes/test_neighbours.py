"""One tenant asks for everything at once, and another works: on one process with few descriptors."""

import hashlib
import threading
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from benchmarks.flood import flooding, nested_boxes
from service.adapters.system.ambient import SystemClock
from service.cli.client import Client, ServiceProblem
from service.cli.sample import write_sample
from service.core.descriptors import connections_within
from tests.support.cluster import Cluster, a_cluster, pause, wait_for

A, B = "key-of-the-flood-0123", "key-of-the-other-4567"
KEYS = ",".join(f"{who}:{hashlib.sha256(key.encode()).hexdigest()}" for who, key in (("a", A), ("b", B)))
DESCRIPTORS = 1024
FEW = ("/bin/sh", "-c", f'ulimit -n {DESCRIPTORS}; exec "$@"', "sh")
IDLE, TRICKLES, BOMBS, STREAMS = 1100, 32, 40, 0  # streams: as soon as a tenant's are capped
TIMEOUT = 4.0  # seconds until a probe has failed
CLOCK = SystemClock()
ROUND_TRIP = 1.0  # seconds within which /health/live answers, but for a few on a machine that does other things as well


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
                httpx.get(f"{self._address}/health/live", timeout=TIMEOUT).raise_for_status()
            except httpx.HTTPError as error:
                self.failures.append(repr(error))
            self.times.append(CLOCK.monotonic() - began)

    def stop(self) -> None:
        """Ask no more."""
        self._over.set()
        self.join()


def work(cluster: Cluster, client: Client, piece: Path) -> tuple[dict[str, object], list[float], bytes]:
    """Upload, convert, follow and download; returns the job, the readings and the file."""

    def taken() -> dict[str, object] | None:
        try:
            return client.upload(piece, lambda _: None)
        except ServiceProblem as problem:
            if str(problem).startswith("busy"):
                return None
            raise

    upload = wait_for(taken, "a place for an upload")
    job = client.submit(str(upload["upload_id"]), "mp3", {})
    readings: list[float] = []

    def ended() -> dict[str, object] | None:
        seen = client.job(job["job_id"])
        readings.append(seen["percent"])
        return seen if seen["state"] not in {"queued", "running"} else None

    done = wait_for(ended, "the end of the job")
    address = f"{cluster.services[0].address}/v1/jobs/{job['job_id']}/download?via=proxy"
    answer = httpx.get(address, headers={"X-API-Key": B}, timeout=20)
    answer.raise_for_status()
    return done, readings, answer.content


@pytest.mark.requirement("6.7")
def test_a_flood_of_one_tenant_costs_another_nothing_but_time(
    embedded_stack: Mapping[str, str], tmp_path: Path
) -> None:
    """While one tenant floods a process of 1,024 descriptors, another converts in one attempt, and health answers."""
    piece = tmp_path / "piece.wav"
    write_sample(piece, 3.0)
    with a_cluster(embedded_stack) as cluster:
        service = cluster.start(under=FEW, REPRISE_API_KEYS=KEYS, REPRISE_BODY_GRACE_SECONDS="3")
        client = Client([service.address], pause=pause, key=B)
        cluster.stack.callback(client.close)
        probe = Probe(service.address)
        options = ("--idle", str(IDLE), "--trickles", str(TRICKLES), "--bombs", str(BOMBS), "--streams", str(STREAMS))
        with flooding(service.address, A, *options) as flood:
            probe.start()
            job, readings, file = work(cluster, client, piece)
            probe.stop()
            still_flooding = flood.poll() is None
        events = list(service.events())

    assert still_flooding
    assert (job["state"], job["attempt"]) == ("succeeded", 1)
    assert readings == sorted(readings)
    assert len(file) == job["size"]
    assert probe.failures == []
    slow = sorted(probe.times)[len(probe.times) * 95 // 100]
    assert slow < ROUND_TRIP, sorted(probe.times)[-5:]
    named = {event["event"] for event in events}
    assert not named & {"job.lost", "job.exhausted", "circuit.opened", "service.unexpected", "worker.trouble"}
    assert "connections.full" in named  # the cap was reached: the flood was one
    [few] = [event for event in events if event.get("code") == "few_descriptors"]
    assert str(connections_within(DESCRIPTORS, 1)) in few["problem"]
    assert few["fix"]


def test_the_flood_has_the_files_that_it_promises() -> None:
    """The nested boxes are a file of 48 KB that looks like audio at its beginning."""
    bomb = nested_boxes()
    assert 47_000 < len(bomb) < 49_000
    assert bomb[4:12] == b"ftypM4A "
