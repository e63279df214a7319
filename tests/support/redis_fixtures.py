"""Redis by name, for tests; loaded by `tests/conftest.py`."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from service.adapters.redis.connection import RedisLink
from service.adapters.system.ambient import SystemClock
from tests.support.docker import one_worker
from tests.support.redis_server import RedisServer, redis_or_skip
from tests.support.valkey import PASSWORD, MortalValkey, a_locked_valkey, answers

VALKEY, TLS = (pytest.param(name, marks=one_worker) for name in ("valkey", "tls"))
# The test that has this mark runs on a redis-server, on Valkey, and on Valkey with TLS and a password.
on_every_redis = pytest.mark.parametrize("redis_url", ["redis", VALKEY, TLS], indirect=True)
# The same for tests that kill it or freeze it.
on_both_redis = pytest.mark.parametrize("mortal_redis", ["redis", VALKEY], indirect=True)


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    """A Redis for the whole session, for tests that do it no harm."""
    server = RedisServer(redis_or_skip())
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def shared_valkey() -> Iterator[MortalValkey]:
    """A Valkey in a container."""
    server = MortalValkey()
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def locked_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Valkey that wants TLS and a password, like ElastiCache, but with a certificate from an authority of our own."""
    with a_locked_valkey(tmp_path_factory.mktemp("certificates")) as (address, certificates):
        url = f"rediss://:{PASSWORD}@{address}?ssl_ca_certs={certificates.authority}"
        assert answers(url)
        yield url


@pytest.fixture
def redis_url(request: pytest.FixtureRequest) -> str:
    """The address of a Redis that others use as well: a redis-server, or what the mark `on_every_redis` says."""
    match getattr(request, "param", "redis"):
        case "tls":
            url: str = request.getfixturevalue("locked_valkey")
            return url
        case kind:
            server = request.getfixturevalue("shared_valkey" if kind == "valkey" else "shared_redis")
            return str(server.url)


@pytest.fixture
async def redis_link(redis_url: str) -> AsyncIterator[RedisLink]:
    """A link to an empty Redis; patient, because what is tested with it is not how it copes with slowness."""
    link = RedisLink(redis_url, SystemClock(), timeout=10.0)
    await link.client.flushall()
    yield link
    await link.aclose()
    await hung_up()


async def hung_up() -> None:
    """
    Wait until this loop has no connection left.

    A subscriber's connection is told to close, and the client does not wait for it. With TLS that takes several turns
    of the loop, which may be over before: then the garbage collector complains in some later test.
    """
    selector = asyncio.get_running_loop()._selector  # type: ignore[attr-defined]  # nothing public tells
    for _ in range(500):
        if len(selector.get_map()) <= 1:  # the loop's own
            return
        await asyncio.sleep(0.01)


@pytest.fixture
def mortal_redis(request: pytest.FixtureRequest) -> Iterator[RedisServer | MortalValkey]:
    """A Redis of this test's own, to be killed: a redis-server, or what the mark `on_both_redis` says."""
    server: RedisServer | MortalValkey
    if getattr(request, "param", "redis") == "valkey":
        server = MortalValkey()
    else:
        server = RedisServer(redis_or_skip())
    server.start()
    yield server
    server.close()
