"""Live and ready."""

import hashlib

import httpx
import pytest

from service.core.access import ApiKey
from service.web.http.config import WebConfig
from tests.unit.web.conftest import World, client_of


async def test_container_that_answers_is_live_whatever_is_away(world: World, api: httpx.AsyncClient) -> None:
    """A container that answers at all is alive, whatever is away."""
    world.health["s3"] = "unavailable"
    answer = await api.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "version": "1.2.3", "instance": "one"})


async def test_ready_names_each_backing_service(api: httpx.AsyncClient) -> None:
    """When all is there, the container is ready, and each service is named."""
    answer = await api.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["checks"] == {"dynamodb": "ok", "s3": "ok", "redis": "ok"}


@pytest.mark.requirement("6.4")
async def test_ready_is_degraded_without_redis(world: World, api: httpx.AsyncClient) -> None:
    """Without Redis the work goes on, and readiness says that it is degraded."""
    world.board.away = True
    answer = await api.get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["checks"]["redis"] == "degraded"
    world.board.away = False
    world.health["redis"] = "degraded: no redis-server installed"
    assert (await api.get("/health/ready")).json()["status"] == "degraded"


@pytest.mark.parametrize("missing", ["s3", "dynamodb"])
async def test_ready_is_503_without_s3_or_dynamodb(world: World, api: httpx.AsyncClient, missing: str) -> None:
    """Without a service that nothing can be done without, the container is not ready, and says which."""
    world.health[missing] = "the table jobs does not exist"
    world.board.away = True
    answer = await api.get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
    assert answer.json()["checks"][missing] == "the table jobs does not exist"


async def test_health_names_the_instance_that_answers() -> None:
    """Containers can be told apart."""
    world = World()
    async with client_of(world.app) as api:
        assert (await api.get("/health/live")).json()["instance"] == world.config.instance


async def test_health_tells_callers_without_a_key_the_status_alone() -> None:
    """On a service with keys its version, instance and backing services are for callers with one of them."""
    keys = (ApiKey("t", hashlib.sha256(b"a-key").hexdigest()),)
    world = World(web=WebConfig(api_keys=keys))
    async with client_of(world.app) as api:
        for headers in ({}, {"X-API-Key": "wrong"}, {"X-API-Key": "x" * 5000}):
            for path in ("live", "ready"):
                answer = await api.get(f"/health/{path}", headers=headers)
                assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        known = (await api.get("/health/ready", headers={"X-API-Key": "a-key"})).json()
        world.health["s3"] = "unavailable"
        assert (await api.get("/health/ready")).status_code == 503

    assert known.keys() == {"status", "version", "instance", "checks"}
