"""A worker without an API, seen on its side port."""

import hashlib
import os
import signal
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from deploy import healthy
from service.cli import processes
from service.cli.processes import ServiceProcess
from service.cli.sample import write_sample
from tests.support.cluster import a_cluster, wait_for

KEY = "a-key-for-scraping"


def port_of(service: ServiceProcess) -> int:
    """The port that it announced."""
    port = urlsplit(service.address).port
    assert port
    return port


@pytest.mark.requirement("6.7")
def test_worker_is_seen_on_its_side_port_while_it_converts(embedded_stack: Mapping[str, str], tmp_path: Path) -> None:
    """A process of role worker answers for its health and its metrics while it converts, and the image's check asks."""
    piece = tmp_path / "piece.wav"
    write_sample(piece, 4.0)
    with a_cluster(embedded_stack, redis=False) as cluster:
        api = cluster.start(REPRISE_ROLE="api")
        worker = cluster.start(REPRISE_ROLE="worker", REPRISE_HEADER_SECONDS="0.5", **cluster.slow_ffmpeg(2))
        silent = socket.create_connection(("127.0.0.1", port_of(worker)), timeout=20)
        client = cluster.client(api)
        job = client.submit(client.upload(piece).upload_id, "mp3")

        def converting() -> bool:
            return "reprise_conversions_running 1.0" in httpx.get(f"{worker.address}/metrics").text.splitlines()

        wait_for(converting, "it converts, and says so")
        live, ready = (httpx.get(f"{worker.address}/health/{name}") for name in ("live", "ready"))
        other = httpx.get(f"{worker.address}/v1/jobs/{job.job_id}")
        found = healthy.ask(port_of(worker))
        wait_for(lambda: client.job(job.job_id).state == "succeeded", "success")
        done = httpx.get(f"{worker.address}/metrics").text.splitlines()
        with silent:
            heard = silent.recv(1)  # waits until the process ends the connection

    assert heard == b""
    assert (live.status_code, ready.status_code, other.status_code) == (200, 200, 404)
    assert live.json()["instance"] != httpx.URL(api.address).host
    assert found is None
    assert 'reprise_jobs_ended_total{code="",outcome="succeeded"} 1.0' in done


def test_worker_that_is_stopped_is_not_well(embedded_stack: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that does not run any more (SIGSTOP), or is gone, does not pass the image's health check."""
    monkeypatch.setattr(healthy, "TIMEOUT", 0.5)
    with a_cluster(embedded_stack, redis=False) as cluster:
        worker = cluster.start(REPRISE_ROLE="worker")
        well = healthy.ask(port_of(worker))
        os.kill(worker.process.pid, signal.SIGSTOP)
        try:
            stopped = healthy.ask(port_of(worker))
        finally:
            os.kill(worker.process.pid, signal.SIGCONT)
        worker.kill()
        gone = healthy.ask(port_of(worker))

    assert well is None
    assert "does not answer" in (stopped or "")
    assert "does not answer" in (gone or "")


def test_metrics_of_a_worker_are_not_open_by_omission(embedded_stack: Mapping[str, str]) -> None:
    """Without keys a worker shows nobody its metrics; with keys it wants one; REPRISE_METRICS=open lifts that."""
    keys = {"REPRISE_API_KEYS": f"scraper:{hashlib.sha256(KEY.encode()).hexdigest()}"}
    with a_cluster(embedded_stack, redis=False) as cluster:
        silent = cluster.start(REPRISE_ROLE="worker", REPRISE_API_KEYS="")
        keyed = cluster.start(REPRISE_ROLE="worker", **keys)
        opened = cluster.start(REPRISE_ROLE="worker", REPRISE_API_KEYS="", REPRISE_METRICS="open")
        found = [
            httpx.get(f"{one.address}/metrics", headers=headers).status_code
            for one in (silent, keyed, opened)
            for headers in ({}, {"X-API-Key": KEY})
        ]

    assert found == [401, 401, 401, 200, 200, 200]


def test_side_port_that_is_taken_ends_the_start(embedded_stack: Mapping[str, str]) -> None:
    """A worker whose side port is in use does not start, and names the address: a check would ask somebody else."""
    with a_cluster(embedded_stack, redis=False) as cluster, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(processes.DidNotStart, match=f"cannot listen on 127.0.0.1:{port}"):
            cluster.start(REPRISE_ROLE="worker", REPRISE_WORKER_PORT=str(port))
