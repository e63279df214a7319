"""More than a process can do at once: streams and waits of one tenant, and more conversions than processors."""

import asyncio
import functools
import hashlib
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from reprise import Client
from service.cli.sample import write_sample
from tests.support.cluster import Cluster, a_cluster, wait_for

FLOOD = 400  # connections, as many as the attack had
KEYS = {"acme": "an-acme-key-c0ffee", "other": "another-key-5eed"}
CONFIGURED = ",".join(f"{name}:{hashlib.sha256(key.encode()).hexdigest()}" for name, key in KEYS.items())
PER_PROCESSOR = 10  # conversions


def submit(client: Client, cluster: Cluster, seconds: float) -> str:
    """Upload music of this length and submit a job for it; returns the job's id."""
    song = cluster.folder / f"{seconds:g}.wav"
    if not song.exists():
        write_sample(song, seconds)
    return str(client.submit(client.upload(song).upload_id, "mp3").job_id)


@asynccontextmanager
async def flood(address: str, path: str, key: str) -> AsyncIterator[list[asyncio.StreamReader]]:
    """Send `FLOOD` requests over as many connections, and keep these open."""
    host, port = urlsplit(address).hostname, urlsplit(address).port
    pairs = await asyncio.gather(*(asyncio.open_connection(host, port) for _ in range(FLOOD)))
    try:
        for _, writer in pairs:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nX-API-Key: {key}\r\n\r\n".encode())
        yield [reader for reader, _ in pairs]
    finally:
        for _, writer in pairs:
            writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for _, writer in pairs), return_exceptions=True)


@pytest.mark.requirement("6.7")
async def test_a_flood_of_one_tenant_costs_another_no_attempt(embedded_stack: Mapping[str, str]) -> None:
    """While a tenant has 400 streams, then 400 waits open on its job, another's job goes on in its first attempt."""
    with a_cluster(embedded_stack) as cluster:
        service = cluster.start(
            **cluster.slow_ffmpeg(4),
            REPRISE_API_KEYS=CONFIGURED,
            REPRISE_MAX_STREAMS_PER_TENANT=str(2 * FLOOD),  # the limit is not what this is about
        )
        other, acme = (Client(service.address, key=KEYS[name]) for name in ("other", "acme"))
        cluster.stack.callback(other.close)
        cluster.stack.callback(acme.close)
        mine = submit(other, cluster, 60)
        wait_for(lambda: other.job(mine).percent > 0, "the other's job is under way")
        theirs = submit(acme, cluster, 1)  # waits for the only slot

        def goes_on(until: float) -> bool:
            return bool(other.job(mine).percent >= until)

        for path in ("/events", "?wait=100"):
            async with flood(service.address, f"/v1/jobs/{theirs}{path}", KEYS["acme"]) as answers:
                if path == "/events":
                    heads = await asyncio.wait_for(asyncio.gather(*(one.readline() for one in answers)), 100)
                    assert {head.split()[1] for head in heads} == {b"200"}
                # 33 points of 60 s at four times the speed: five seconds, which is more than two leases.
                until = min(99.0, other.job(mine).percent + 33)
                await asyncio.to_thread(wait_for, functools.partial(goes_on, until), "the other's job goes on")
                live = await asyncio.to_thread(httpx.get, f"{service.address}/health/live", timeout=20)
                assert live.status_code == 200

        job = wait_for(lambda: (found := other.job(mine)).state == "succeeded" and found, "it ends")
        assert job.attempt == 1
        assert not [event for event in service.events() if event["event"] == "job.lost"]


async def test_streams_and_waits_of_one_tenant_are_limited(embedded_stack: Mapping[str, str]) -> None:
    """Beyond its limit a tenant gets 429 with `Retry-After`, another one still gets in, and a place is given back."""
    with a_cluster(embedded_stack) as cluster:
        service = cluster.start(
            REPRISE_ROLE="api",
            REPRISE_API_KEYS=CONFIGURED,
            REPRISE_MAX_STREAMS_PER_TENANT="100",
            REPRISE_MAX_STREAMS="101",
        )
        other, acme = (Client(service.address, key=KEYS[name]) for name in ("other", "acme"))
        cluster.stack.callback(other.close)
        cluster.stack.callback(acme.close)
        theirs, mine = submit(acme, cluster, 1), submit(other, cluster, 1)

        def ask(job_id: str, name: str, wait: float) -> httpx.Response:
            headers = {"X-API-Key": KEYS[name]}
            return httpx.get(f"{service.address}/v1/jobs/{job_id}?wait={wait:g}", headers=headers, timeout=60)

        async with flood(service.address, f"/v1/jobs/{theirs}/events", KEYS["acme"]) as answers:
            heads = await asyncio.wait_for(asyncio.gather(*(one.readuntil(b"\r\n\r\n") for one in answers)), 100)
            refused = [head for head in heads if head.split()[1] == b"429"]
            assert len(refused) == FLOOD - 100
            assert all(b"retry-after: 5" in head.lower() for head in refused)
            assert (await asyncio.to_thread(ask, theirs, "acme", 30)).json()["code"] == "too_many_streams"
            assert (await asyncio.to_thread(ask, theirs, "acme", 0)).status_code == 200
            assert (await asyncio.to_thread(ask, mine, "other", 0.3)).json()["state"] == "queued"
        wait_for(lambda: ask(theirs, "acme", 0.3).status_code == 200, "the places are given back")


@pytest.mark.requirement("1.6")
def test_ten_conversions_for_each_processor_do_no_work_twice(embedded_stack: Mapping[str, str]) -> None:
    """A process that is given ten times as many conversions as processors gets slower, and each takes one attempt."""
    number = PER_PROCESSOR * len(os.sched_getaffinity(0))
    with a_cluster(embedded_stack) as cluster:
        cluster.start(REPRISE_SLOTS=str(min(64, number)))
        client = cluster.client()
        song = cluster.folder / "song.wav"
        write_sample(song, 6)
        upload_id = client.upload(song).upload_id
        jobs = [str(client.submit(upload_id, "mp3").job_id) for _ in range(number)]

        wait_for(lambda: all(client.job(job).state == "succeeded" for job in jobs), "all end")
        assert [client.job(job).attempt for job in jobs] == [1] * number
