"""Live and ready."""

import httpx
import pytest

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
