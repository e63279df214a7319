"""One tenant floods a service of one slot, and another one does its work: with real processes and real ffmpeg."""

import hashlib
import socket
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from service.cli.processes import ServiceProcess
from service.cli.sample import write_sample
from tests.support.cluster import Cluster, a_cluster, wait_for

FLOOD_OF_JOBS, FLOOD_OF_UPLOADS = 48, 34
QUEUE, UPLOADS = 40, 32  # of which a tenant has 20 and 8
KEYS = {tenant: f"a-key-of-{tenant}" for tenant in ("amber", "birch")}
SETTINGS = {
    "REPRISE_API_KEYS": ",".join(f"{name}:{hashlib.sha256(key.encode()).hexdigest()}" for name, key in KEYS.items()),
    "REPRISE_MAX_QUEUED": str(QUEUE),
    "REPRISE_MAX_UPLOADS": str(UPLOADS),
}


@pytest.fixture
def cluster(embedded_stack: Mapping[str, str]) -> Iterator[Cluster]:
    """A service with two tenants."""
    with a_cluster(embedded_stack, extra=SETTINGS) as made:
        yield made


def client_of(cluster: Cluster, service: ServiceProcess, tenant: str) -> httpx.Client:
    """A client with the key of a tenant."""
    headers = {"X-API-Key": KEYS[tenant]}
    return cluster.stack.enter_context(httpx.Client(base_url=service.address, headers=headers, timeout=60))


def trickle(stack: ExitStack, service: ServiceProcess, tenant: str) -> None:
    """Begin an upload of 100 MB, send one byte of it, and keep the connection."""
    there = urlsplit(service.address)
    held = stack.enter_context(socket.create_connection((there.hostname, there.port), timeout=20))
    head = f"POST /v1/uploads HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEYS[tenant]}\r\nContent-Length: 100000000\r\n\r\nR"
    held.sendall(head.encode())


def claimed_since(service: ServiceProcess, job_id: str) -> list[str]:
    """The jobs that were claimed since this one was accepted, by the log."""
    events = list(service.events())
    accepted = next(n for n, one in enumerate(events) if one["event"] == "job.accepted" and one["job_id"] == job_id)
    return [str(one["job_id"]) for one in events[accepted:] if one["event"] == "job.claimed"]


@pytest.mark.requirement("6.14", "6.15")
def test_a_flood_of_one_tenant_costs_another_one_free_slot_and_nothing_else(cluster: Cluster, tmp_path: Path) -> None:
    """Beside 48 jobs and 34 trickling uploads of another, a tenant's upload, job, progress and download work."""
    piece = tmp_path / "piece.wav"
    write_sample(piece, 3.0)
    service = cluster.start(**cluster.slow_ffmpeg(2.0))
    amber, birch = (client_of(cluster, service, tenant) for tenant in KEYS)

    upload_id = amber.post("/v1/uploads", content=piece.read_bytes()).json()["upload_id"]
    order = {"upload_id": upload_id, "format": "mp3"}
    answers = [amber.post("/v1/jobs", json=order) for _ in range(FLOOD_OF_JOBS)]
    codes = Counter(answer.json().get("code", "accepted") for answer in answers)
    assert set(codes) == {"accepted", "tenant_queue_full"}, codes
    last = next(answer for answer in reversed(answers) if answer.is_error)
    assert (last.status_code, last.json()["limit"], last.json()["limit_name"]) == (429, QUEUE // 2, "queued")
    assert last.headers["Retry-After"]
    for _ in range(FLOOD_OF_UPLOADS):
        trickle(cluster.stack, service, "amber")
    share = UPLOADS // 4
    wait_for(lambda: birch.get("/v1/status").json()["uploads"]["active"] == share, "the share of places is taken")
    busy = amber.post("/v1/uploads", content=piece.read_bytes())
    assert (busy.status_code, busy.json()["code"], busy.json()["limit"]) == (429, "tenant_uploads_busy", share)

    uploaded = birch.post("/v1/uploads", content=piece.read_bytes())
    assert uploaded.status_code == 201, uploaded.text
    job = birch.post("/v1/jobs", json={"upload_id": uploaded.json()["upload_id"], "format": "mp3"})
    assert job.status_code == 202, job.text
    links, job_id = job.json()["links"], job.json()["job_id"]
    assert birch.get(f"/v1/jobs/{job_id}/progress").status_code == 200
    assert birch.get("/health/live").status_code == 200
    done = birch.get(links["self"], params={"wait": 60}).json()
    assert (done["state"], done["attempt"]) == ("succeeded", 1), done
    assert birch.get(f"{done['links']['download']}?via=proxy").status_code == 200
    # One claim may have been under way when the job was accepted; eighteen older ones wait on.
    assert claimed_since(service, job_id).index(job_id) <= 1
    assert 'reprise_problems_total{code="tenant_queue_full",status="429"}' in birch.get("/metrics").text
