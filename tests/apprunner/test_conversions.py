"""Conversions that take longer than a request may: with a client that waits, one that comes back, a deployment."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from reprise import Client
from service.core.jobs.trust import LeasePolicy
from tests.apprunner.conftest import LEASE, LONG_WAIT, WAIT, Backings, Platform
from tests.apprunner.platform import AppRunner
from tests.support.cluster import pause, wait_for
from tests.support.delivery import delivered, digest_of_plain, submitted
from tests.support.docker import one_worker

pytestmark = [pytest.mark.apprunner, pytest.mark.timeout(400), one_worker, pytest.mark.requirement("5.3")]

ENDED = frozenset({"succeeded", "failed", "cancelled"})
COME_AGAIN = (429, 502, 503, 504)  # of the platform without a container, and of a service without S3
TOO_LONG = float(LEASE["REPRISE_LEASE_SECONDS"]) + 0.4  # seconds without a processor, in which any lease lapses
Make = Callable[[AppRunner], Client]


def asked(platform: AppRunner, job_id: str, query: str = "") -> dict[str, Any] | None:
    """The job; None if the platform cut the request, or had nobody to ask."""
    try:
        answer = httpx.get(f"{platform.address}/v1/jobs/{job_id}{query}", timeout=60)
    except httpx.TransportError:
        return None
    if answer.status_code in COME_AGAIN:
        return None
    return dict(answer.raise_for_status().json())


def waited(platform: AppRunner, job_id: str, seconds: int = WAIT, requests: int = 40) -> dict[str, Any]:
    """Wait for the end as docs/api.md has it, one request after the other."""
    seen, job = 0.0, None
    for _ in range(requests):
        job = asked(platform, job_id, f"?wait={seconds}")
        if job is None:
            pause(0.2)
            continue
        assert job["percent"] >= seen
        seen = job["percent"]
        if job["state"] in ENDED:
            return job
    raise AssertionError(f"not ended: {job}")


def test_a_client_that_waits(platform: Platform, client: Make, piece: Path, tmp_path: Path) -> None:
    """A client that waits with `?wait=`, request after request, keeps its container at work: one attempt is enough."""
    made = platform(slow=True)
    job_id = submitted(client(made), piece, "mp3")
    job = waited(made, job_id)

    assert (job["state"], job["attempt"]) == ("succeeded", 1), job
    assert delivered(client(made), job_id, tmp_path)[1] == digest_of_plain(piece, "mp3", tmp_path)


def test_a_client_that_follows_events(platform: Platform, client: Make, piece: Path, tmp_path: Path) -> None:
    """A stream of events is cut in the middle, and goes on where it was: the readings rise, and the end is told."""
    made = platform(slow=True)
    job_id = submitted(client(made), piece, "mp3")
    readings: list[float] = []
    last = ""
    streams = 0
    while not last.startswith("done"):
        streams += 1
        assert streams < 20
        headers = {"Last-Event-ID": str(int(readings[-1]))} if readings else {}
        try:
            with httpx.stream("GET", f"{made.address}/v1/jobs/{job_id}/events", headers=headers, timeout=60) as answer:
                for line in answer.iter_lines():
                    if line.startswith("event: "):
                        last = line.removeprefix("event: ")
                    elif line.startswith("data: "):
                        readings.append(json.loads(line.removeprefix("data: "))["percent"])
        except httpx.TransportError:
            pause(0.1)

    assert streams > 1
    assert made.cut >= 1
    assert readings == sorted(readings)
    assert delivered(client(made), job_id, tmp_path)[1] == digest_of_plain(piece, "mp3", tmp_path)


def test_a_client_that_looks_now_and_then(platform: Platform, client: Make, piece: Path, tmp_path: Path) -> None:
    """
    Without a request nothing goes on; freezing longer than a lease, more often than a job may lapse, costs time alone.

    No other container is there to replace it, so that it goes on where it was.
    """
    made = platform(slow=True)
    job_id = submitted(client(made), piece, "mp3")
    for _ in range(LeasePolicy().max_lapses + 1):
        wait_for(made.calm, "frozen")
        pause(TOO_LONG)
        job = asked(made, job_id)
        assert job
        assert job["state"] not in ENDED
    job = waited(made, job_id)

    assert (job["state"], job["attempt"]) == ("succeeded", 1), job
    assert delivered(client(made), job_id, tmp_path)[1] == digest_of_plain(piece, "mp3", tmp_path)


def test_two_containers(platform: Platform, client: Make, short_piece: Path, tmp_path: Path) -> None:
    """With two containers that are asked in turn, what fits into a request ends in the right bytes."""
    made = platform(2, slow=True)
    job_id = submitted(client(made), short_piece, "mp3")
    job = waited(made, job_id, LONG_WAIT)

    assert job["state"] == "succeeded", job
    assert delivered(client(made), job_id, tmp_path)[1] == digest_of_plain(short_piece, "mp3", tmp_path)


def test_two_containers_are_no_place_for_long_conversions(platform: Platform, client: Make, piece: Path) -> None:
    """
    What takes longer than a request ends as failed where requests alternate between containers that convert.

    Each container takes the job over from the other, which is frozen, and begins anew. It is a limit of the platform,
    which docs/deploy.md states: long conversions want `reprise:worker: fargate`, or a single container.
    """
    made = platform(2, slow=True)
    job_id = submitted(client(made), piece, "mp3")
    job = waited(made, job_id, LONG_WAIT)

    assert (job["state"], job["error"]["code"]) == ("failed", "attempts_exhausted")


def test_a_worker_elsewhere(platform: Platform, backings: Backings, client: Make, piece: Path, tmp_path: Path) -> None:
    """With the loop in a service of its own, jobs go on while no request is in flight, and one attempt is enough."""
    made = platform(2, REPRISE_ROLE="api")
    worker = backings.start(slow=True, REPRISE_ROLE="worker")
    worker.wait_until_it_answers()
    job_id = submitted(client(made), piece, "mp3")
    wait_for(made.calm, "frozen")
    wait_for(lambda: worker.told("job.succeeded"), "the end, in the worker's log")

    assert made.calm()
    job, digest = delivered(client(made), job_id, tmp_path)
    assert job.attempt == 1
    assert digest == digest_of_plain(piece, "mp3", tmp_path)


def test_a_deployment_in_the_middle(platform: Platform, client: Make, piece: Path, tmp_path: Path) -> None:
    """A deployment kills the container that converts; the new ones finish the job, and the bytes are right."""
    made = platform(slow=True)
    job_id = submitted(client(made), piece, "mp3")
    wait_for(lambda: (asked(made, job_id, "?wait=1") or {}).get("percent", 0) > 5, "progress")
    made.deploy()
    job = waited(made, job_id)

    assert job["state"] == "succeeded", job
    assert job["attempt"] > 1
    assert delivered(client(made), job_id, tmp_path)[1] == digest_of_plain(piece, "mp3", tmp_path)
