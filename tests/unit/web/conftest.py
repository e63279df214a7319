"""One world per test: the application over fakes that the test can look at and tamper with."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest
from litestar import Litestar

from service.web.app import create_app
from service.web.http.config import WebConfig
from tests.unit.application.world import JOB, UPLOAD, ServiceWorld, wav

__all__ = ["JOB", "UPLOAD", "World", "client_of", "wav"]


@dataclass
class World(ServiceWorld):
    """Everything behind the API, and the application itself."""

    web: WebConfig = field(default_factory=WebConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.app = create_app(self.context, self.web)


def client_of(app: Litestar) -> httpx.AsyncClient:
    """Talk to the application; what it raises is answered, not raised here."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # type: ignore[arg-type]  # ASGI, twice typed
    return httpx.AsyncClient(transport=transport, base_url="http://test")


@pytest.fixture
def world() -> World:
    """Everything behind the API."""
    return World()


@pytest.fixture
async def api(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client of this world's application."""
    async with client_of(world.app) as client:
        yield client
