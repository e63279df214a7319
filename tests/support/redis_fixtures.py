"""Redis by name, for tests; loaded by `tests/conftest.py`."""

from collections.abc import AsyncIterator, Iterator

import pytest

from service.adapters.ambient import SystemClock
from service.adapters.redis_link import RedisLink
from tests.support.redis_server import RedisServer, redis_or_skip


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    """A Redis for the whole session, for tests that do it no harm."""
    server = RedisServer(redis_or_skip())
    server.start()
    yield server
    server.close()


@pytest.fixture
async def redis_link(shared_redis: RedisServer) -> AsyncIterator[RedisLink]:
    """A link to an empty Redis; patient, because what is tested with it is not how it copes with slowness."""
    link = RedisLink(shared_redis.url, SystemClock(), timeout=10.0)
    await link.client.flushall()
    yield link
    await link.aclose()


@pytest.fixture
def mortal_redis() -> Iterator[RedisServer]:
    """A Redis of this test's own, to be killed."""
    server = RedisServer(redis_or_skip())
    server.start()
    yield server
    server.close()
