"""Which workers are connected, as a real Redis tells it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import redis
from structlog.typing import EventDict

from service.adapters.redis.connection import RedisLink
from service.adapters.redis.presence import CHANNEL, RedisPresence
from service.adapters.redis.progress import RedisBoard
from service.adapters.system.ambient import SystemClock
from service.core.jobs.presence import Look
from service.core.jobs.progress import Hint
from service.testing.contracts.presence import OTHER, OURS, PATIENCE, PresenceContract, seen
from tests.support.cluster import wait_for
from tests.support.redis_fixtures import hung_up, on_every_redis
from tests.support.redis_server import RedisServer, redis_or_skip


async def until(fact: Callable[[], object]) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(PATIENCE):
        while not fact():
            await SystemClock().sleep(0.01)


class OnRedis(PresenceContract):
    """The contract, on the Redis at `presence_url`."""

    @pytest.fixture
    async def links(self, presence_url: str) -> AsyncIterator[tuple[RedisLink, RedisLink]]:
        made = RedisLink(presence_url, SystemClock(), timeout=10.0), RedisLink(presence_url, SystemClock(), timeout=10)
        yield made
        for link in made:
            await link.aclose()
        await hung_up()

    @pytest.fixture
    async def presence(self, links: tuple[RedisLink, RedisLink]) -> AsyncIterator[RedisPresence]:
        presence = RedisPresence(links[0], SystemClock(), OURS)
        yield presence
        await presence.aclose()

    @pytest.fixture
    async def other(self, links: tuple[RedisLink, RedisLink]) -> AsyncIterator[RedisPresence]:
        presence = RedisPresence(links[1], SystemClock(), OTHER)
        yield presence
        await presence.aclose()


@on_every_redis
class TestRedisPresence(OnRedis):
    @pytest.fixture
    def presence_url(self, redis_url: str) -> str:
        return redis_url

    async def test_cut_connection_begins_another_epoch(
        self, presence: RedisPresence, other: RedisPresence, links: tuple[RedisLink, RedisLink]
    ) -> None:
        """When Redis closes all connections, all are made again at once, and what was seen before is void."""
        await presence.start()
        await other.start()
        before = await seen(presence, {OURS, OTHER})

        await links[0].client.client_kill_filter(_type="pubsub")

        assert (await seen(presence, {OURS, OTHER})).epoch != before.epoch


@pytest.fixture(scope="module")
def small_cluster() -> Iterator[str]:
    """A cluster of one node, like the serverless ones of AWS as their clients see them."""
    server = RedisServer(redis_or_skip(), "--cluster-enabled", "yes")
    server.start()
    all_slots(server.url)
    yield server.url
    server.close()


class TestRedisPresenceOnACluster(OnRedis):
    @pytest.fixture
    def presence_url(self, small_cluster: str) -> str:
        return small_cluster

    async def test_channels_of_a_cluster_are_sharded(
        self, presence: RedisPresence, links: tuple[RedisLink, RedisLink]
    ) -> None:
        """On a cluster a plain channel is known to one node alone, so that a sharded one is used."""
        await presence.start()
        await seen(presence, {OURS})

        assert await links[0].client.pubsub_shardchannels() == [CHANNEL + OURS]


def all_slots(url: str) -> None:
    """Give the only node of a cluster all of it."""
    with redis.Redis.from_url(url, decode_responses=True) as client:
        client.execute_command("CLUSTER ADDSLOTSRANGE 0 16383")
        wait_for(lambda: client.execute_command("CLUSTER INFO")["cluster_state"] == "ok", "the cluster is whole")


async def test_look_at_another_server_is_void(
    redis_link: RedisLink, mortal_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the server that is asked is not the one that we are subscribed at, nothing is concluded from it."""
    elsewhere = RedisLink(mortal_redis.url, SystemClock(), timeout=10.0)
    other, presence = (RedisPresence(redis_link, SystemClock(), name) for name in (OTHER, OURS))
    await other.start()
    await until(lambda: other._epoch is not None)
    monkeypatch.setattr(redis_link, "connection", elsewhere.connection)
    await presence.start()
    await until(lambda: presence._epoch is not None)

    assert await presence.look([OTHER]) is None
    for one in (presence, other, elsewhere):
        await one.aclose()


@pytest.mark.parametrize("refused", ["-pubsub", "-pubsub|numsub", "-subscribe", "-hello"])
async def test_redis_that_refuses_costs_the_hint_alone(
    redis_link: RedisLink, redis_url: str, logs: list[EventDict], refused: str
) -> None:
    """A Redis that knows no such command, or refuses it, is logged once; progress goes on, and it is not away."""
    await redis_link.client.acl_setuser(
        "some",
        enabled=True,
        reset=True,
        passwords=["+secret"],
        keys=["*"],
        channels=["*"],
        categories=["+@all"],
        commands=[refused],
    )
    link = RedisLink(redis_url.replace("//", "//some:secret@"), SystemClock(), timeout=10.0)
    presence, board = RedisPresence(link, SystemClock(), OURS), RedisBoard(link)
    await presence.start()
    looks: list[Look | None] = []

    async with asyncio.timeout(PATIENCE):
        while not (presence._refused or any(looks)):
            looks.append(await presence.look([OTHER]))
            await SystemClock().sleep(0.01)
    looks += [await presence.look([OTHER]) for _ in range(20)]
    await board.publish("a", Hint(1.0, 1))

    assert any(looks) == (refused == "-hello")
    assert await board.read("a") == Hint(1.0, 1)
    assert not link.degraded
    said = [entry["event"] for entry in logs if entry["event"] != "redis.call"]
    assert said == ([] if refused == "-hello" else ["redis.no_presence"])
    await presence.aclose()
    await link.aclose()


async def test_presence_comes_back_with_redis(mortal_redis: RedisServer) -> None:
    """While Redis is dead there is no look; started again, it shows the workers again, in another epoch."""
    link = RedisLink(mortal_redis.url, SystemClock(), timeout=1.0, reset=0.05)
    presence = RedisPresence(link, SystemClock(), OURS)
    await presence.start()
    before = await seen(presence, {OURS})

    mortal_redis.kill()
    await until(lambda: presence._epoch is None)
    assert await presence.look([OTHER]) is None
    mortal_redis.start()
    await until(lambda: presence._epoch is not None)

    assert (await seen(presence, {OURS})).epoch != before.epoch
    await presence.aclose()
    await link.aclose()


async def test_silent_connection_is_found_dead(mortal_redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis that does not answer a PING any more has lost the connection, without a word of the network."""
    monkeypatch.setattr("service.adapters.redis.presence.MAX_SILENCE", 0.1)
    link = RedisLink(mortal_redis.url, SystemClock(), timeout=1.0, reset=0.05)
    presence = RedisPresence(link, SystemClock(), OURS)
    await presence.start()
    before = await seen(presence, {OURS})
    await SystemClock().sleep(0)

    mortal_redis.pause()
    await until(lambda: presence._epoch is None)
    mortal_redis.resume()

    await until(lambda: presence._epoch is not None)
    assert (await seen(presence, {OURS})).epoch != before.epoch
    await presence.aclose()
    await link.aclose()
