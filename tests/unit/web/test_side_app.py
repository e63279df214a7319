"""What a worker serves on its side port."""

import hashlib

import httpx
import pytest
from litestar import Litestar

from service.application.config import ServiceConfig
from service.core.access import parse_keys
from service.core.limits.capacity import WorkerStatus
from service.telemetry import emit, events
from service.web.http.config import WebConfig
from service.web.side_app import create_side_app
from tests.unit.web.conftest import JOB, World, client_of

KEY = "key-of-the-scraper"
KEYS = parse_keys(f"scraper:{hashlib.sha256(KEY.encode()).hexdigest()}")


def side_app(world: World, *, open_service: bool = False) -> Litestar:
    """The application of a worker's side port."""
    return create_side_app(world.context, world.web, open_service=open_service)


def world_of(config: WebConfig) -> World:
    """A worker that converts."""
    return World(config=ServiceConfig(instance="one"), web=config, worker=WorkerStatus(slots=2, active=1))


async def test_side_port_tells_health_without_a_key() -> None:
    """Live and ready are answered without a key by their status alone; with one, readiness names what is away."""
    world = world_of(WebConfig(api_keys=KEYS))
    async with client_of(side_app(world)) as client:
        live, ready = await client.get("/health/live"), await client.get("/health/ready")
        world.health["s3"] = "bucket_missing"
        away = await client.get("/health/ready")
        explained = await client.get("/health/ready", headers={"X-API-Key": KEY})

    assert (live.status_code, live.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()) == (200, {"status": "ok"})
    assert (away.status_code, away.json()) == (503, {"status": "unavailable"})
    assert explained.json()["instance"] == "one"
    assert explained.json()["checks"]["s3"] == "bucket_missing"


@pytest.mark.parametrize(
    ("config", "open_service", "without", "with_key"),
    [
        (WebConfig(api_keys=KEYS), False, 401, 200),
        (WebConfig(api_keys=KEYS, metrics_open=True), False, 200, 200),
        (WebConfig(), True, 200, 200),
        (WebConfig(), False, 401, 401),
        (WebConfig(metrics_open=True), False, 200, 200),
    ],
    ids=["keys", "keys-open-metrics", "open-service", "nothing-said", "open-metrics"],
)
async def test_side_port_guards_metrics(config: WebConfig, *, open_service: bool, without: int, with_key: int) -> None:
    """Metrics need a key unless they or the service were declared open; where nothing was said, no key fits."""
    async with client_of(side_app(world_of(config), open_service=open_service)) as client:
        assert (await client.get("/metrics")).status_code == without
        assert (await client.get("/metrics", headers={"X-API-Key": KEY})).status_code == with_key


async def test_side_port_counts_and_reads_the_worker() -> None:
    """Its metrics count what the process does and read its worker, and leave out uploads, which it does not receive."""
    app = side_app(world_of(WebConfig(metrics_open=True)))
    async with app.lifespan(), client_of(app) as client:
        emit(events.JOB_CLAIMED, job_id=JOB, attempt=1)
        text = (await client.get("/metrics")).text

    lines = text.splitlines()
    assert 'reprise_attempts_started_total{how="claimed"} 1.0' in lines
    assert "reprise_conversions_running 1.0" in lines
    assert "reprise_conversion_slots 2.0" in lines
    assert 'reprise_queue_jobs{state="queued"} 0.0' in lines
    assert not [line for line in lines if line.startswith(("reprise_uploads_running", "reprise_upload_slots"))]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/schema"),
        ("GET", "/v1/status"),
        ("GET", "/v1/formats"),
        ("GET", f"/v1/jobs/{JOB}"),
        ("POST", "/v1/jobs"),
        ("POST", "/v1/uploads"),
    ],
)
async def test_side_port_serves_nothing_else(method: str, path: str) -> None:
    """No address of the API, nor its page or its description, is there."""
    world = world_of(WebConfig(metrics_open=True))
    world.running()
    async with client_of(side_app(world, open_service=True)) as client:
        answer: httpx.Response = await client.request(method, path)

    assert answer.status_code == 404
