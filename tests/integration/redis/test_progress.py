import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
from redis.asyncio import SSLConnection
from structlog.typing import EventDict

from service.adapters.redis import wakeups as wakeups_module
from service.adapters.redis.connection import RedisLink
from service.adapters.redis.progress import SECONDS_TO_LIVE, RedisBoard
from service.adapters.redis.wakeups import RedisWakeups
from service.adapters.system.ambient import SystemClock, SystemIds
from service.core.jobs.progress import Hint
from service.testing.contracts.board import ProgressBoardContract
from service.testing.contracts.wakeups import LONG, SHORT, SharedWakeupsContract, asleep
from tests.support.redis_fixtures import hung_up, on_both_redis, on_every_redis
from tests.support.redis_server import RedisServer, redis_or_skip
from tests.support.valkey import PASSWORD

PATIENCE = 20.0  # seconds


@on_every_redis
class TestRedisBoard(ProgressBoardContract):
    @pytest.fixture
    def board(self, redis_link: RedisLink) -> RedisBoard:
        return RedisBoard(redis_link)


@on_every_redis
class TestRedisWakeups(SharedWakeupsContract):
    @pytest.fixture
    async def wakeups(self, redis_link: RedisLink) -> AsyncIterator[RedisWakeups]:
        wakeups = RedisWakeups(redis_link, SystemClock(), SystemIds())
        await wakeups.start()
        yield wakeups
        await wakeups.aclose()

    @pytest.fixture
    async def elsewhere(self, redis_url: str) -> AsyncIterator[RedisWakeups]:
        link = RedisLink(redis_url, SystemClock(), timeout=10.0)
        wakeups = RedisWakeups(link, SystemClock(), SystemIds())
        await wakeups.start()
        yield wakeups
        await wakeups.aclose()
        await link.aclose()


class HandClock(SystemClock):
    """A clock whose monotonic time moves when told, so that a pause is over when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock() -> HandClock:
    """Standing still."""
    return HandClock()


@pytest.fixture
async def mortal_link(mortal_redis: RedisServer, clock: HandClock) -> AsyncIterator[RedisLink]:
    """A link to a Redis that will be killed, a little more patient than in production for the sake of busy machines."""
    link = RedisLink(mortal_redis.url, clock, timeout=1.0)
    yield link
    await link.aclose()


def said(logs: list[EventDict]) -> list[str]:
    """The events about Redis."""
    return [name for entry in logs if (name := entry["event"]).startswith("redis.") and name != "redis.call"]


@on_every_redis
async def test_progress_in_redis_lives_for_an_hour(redis_link: RedisLink) -> None:
    """Each reading of a job, also one that changes nothing, keeps its hash for another hour and no longer."""
    board = RedisBoard(redis_link)
    await board.publish("a", Hint(40.0, 1))
    await redis_link.client.expire("reprise:progress:a", 5)

    await board.publish("a", Hint(10.0, 2))

    assert SECONDS_TO_LIVE - 60 < await redis_link.client.ttl("reprise:progress:a") <= SECONDS_TO_LIVE == 3600


async def test_cancellation_is_never_lost_while_asking_redis(redis_link: RedisLink) -> None:
    """Whatever the client was doing at that moment, a task that is cancelled while it asks Redis ends."""
    board, ids, clock = RedisBoard(redis_link), SystemIds(), SystemClock()
    for _ in range(300):
        asking = asyncio.create_task(board.publish("a", Hint(40.0, 1)))
        for _ in range(int(30 * ids.draw())):
            await clock.sleep(0)
        if asking.cancel():
            await asyncio.wait({asking})
            assert asking.cancelled()


async def test_cancellation_swallowed_by_redis_client_is_raised_all_the_same(redis_link: RedisLink) -> None:
    """A request that goes on as if nothing had been said does not keep its caller from hearing of it."""
    begun = asyncio.Event()

    async def deaf() -> str:
        with contextlib.suppress(asyncio.CancelledError):
            begun.set()
            await asyncio.Event().wait()
        return "an answer"

    asking = asyncio.create_task(redis_link.ask(deaf))
    await begun.wait()
    asking.cancel()
    await asyncio.wait({asking})

    assert asking.cancelled()


async def test_task_that_was_cancelled_before_may_still_ask_redis(redis_link: RedisLink) -> None:
    """Asking while on the way out is no reason to be cancelled once more."""
    begun = asyncio.Event()

    async def leave() -> object:
        try:
            begun.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return await redis_link.ask(lambda: redis_link.client.echo("last words"))
        return None

    leaving = asyncio.create_task(leave())
    await begun.wait()
    leaving.cancel()

    assert await leaving == "last words"


async def test_redis_listener_that_swallows_a_cancellation_still_ends(
    redis_link: RedisLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing the wake-ups does not wait for ever for a client that lost the cancellation."""
    wakeups = RedisWakeups(redis_link, SystemClock(), SystemIds())
    lost: list[str] = []

    listening = asyncio.Event()

    async def deaf(self: object, line: object) -> None:
        listening.set()
        while len(lost) < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                lost.append("one")
        await asyncio.Event().wait()

    monkeypatch.setattr(RedisWakeups, "_listen_on", deaf)
    waiting = asyncio.create_task(wakeups.wait(PATIENCE))
    await listening.wait()
    await asyncio.wait_for(wakeups.aclose(), PATIENCE)

    waiting.cancel()
    assert len(lost) == 2


@on_both_redis
async def test_a_killed_redis_costs_freshness_only(
    mortal_redis: RedisServer, mortal_link: RedisLink, clock: HandClock, logs: list[EventDict]
) -> None:
    """After kill -9 nothing raises, the board is silent and degraded; once Redis is started again, it is back."""
    board = RedisBoard(mortal_link)
    await board.publish("a", Hint(40.0, 1))
    assert await board.read("a") == Hint(40.0, 1)

    mortal_redis.kill()
    for _ in range(5):
        await board.publish("a", Hint(41.0, 1))
        assert await board.read("a") is None
        await board.forget("a")
    assert (board.degraded, said(logs)) == (True, ["redis.away"])

    mortal_redis.start()
    assert await board.read("a") is None  # still pausing
    clock.now += 2.0
    await board.publish("a", Hint(42.0, 1))  # the script is unknown to the new server, too
    assert await board.read("a") == Hint(42.0, 1)
    assert (board.degraded, said(logs)) == (False, ["redis.away", "redis.back"])


@on_both_redis
async def test_a_frozen_redis_costs_one_time_out(
    mortal_redis: RedisServer,
    mortal_link: RedisLink,
    clock: HandClock,
    logs: list[EventDict],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While Redis is frozen one caller in a while pays with a time-out; all others are told nothing, at once."""
    board = RedisBoard(mortal_link)
    asked = 0
    ask: Callable[..., Awaitable[object]] = mortal_link.client.execute_command

    async def counted(*args: object, **options: object) -> object:
        nonlocal asked
        asked += 1
        return await ask(*args, **options)

    await board.publish("a", Hint(40.0, 1))
    monkeypatch.setattr(mortal_link.client, "execute_command", counted)
    mortal_redis.pause()

    assert await board.read("a") is None
    assert [await board.read("a") for _ in range(100)] == [None] * 100
    assert asked == 1

    clock.now += 2.0
    assert await asyncio.gather(*(board.read("a") for _ in range(50))) == [None] * 50
    assert asked == 2

    mortal_redis.resume()
    clock.now += 2.0
    assert await board.read("a") == Hint(40.0, 1)
    assert said(logs) == ["redis.away", "redis.back"]


@on_every_redis
async def test_flushed_redis_loses_progress_readings_only(redis_link: RedisLink) -> None:
    """FLUSHALL loses the readings and nothing else: the next one is shown."""
    board = RedisBoard(redis_link)
    await board.publish("a", Hint(40.0, 1))

    await redis_link.client.flushall()
    assert await board.read("a") is None
    await redis_link.client.script_flush()
    await board.publish("a", Hint(40.5, 1))

    assert await board.read("a") == Hint(40.5, 1)
    assert not board.degraded


@on_every_redis
async def test_redis_key_of_another_type_reads_as_no_progress(redis_link: RedisLink, logs: list[EventDict]) -> None:
    """A key that holds something else than a hash reads as nothing."""
    await redis_link.client.set("reprise:progress:a", "what is this?")

    assert await RedisBoard(redis_link).read("a") is None


@pytest.fixture
def locked_redis() -> Iterator[RedisServer]:
    """A Redis with a password."""
    server = RedisServer(redis_or_skip(), "--requirepass", "open-sesame")
    server.start()
    yield server
    server.close()


async def test_password_in_redis_url_is_used_and_not_logged(locked_redis: RedisServer, logs: list[EventDict]) -> None:
    """With the right password the board works; with a wrong one it is away, and the log does not give it away."""
    for password, hint in (("open-sesame", Hint(1.0, 1)), ("guessed", None)):
        link = RedisLink(locked_redis.url.replace("//", f"//:{password}@"), SystemClock(), timeout=10.0)
        await RedisBoard(link).publish("a", Hint(1.0, 1))
        assert await RedisBoard(link).read("a") == hint
        await link.aclose()

    assert said(logs) == ["redis.away"]
    assert "guessed" not in str(logs)


async def test_rediss_url_means_tls() -> None:
    """An address with ``rediss://`` means TLS, and its password is used."""
    link = RedisLink("rediss://:token@cache.invalid:6380/0", SystemClock())

    pool = link.client.connection_pool
    assert pool.connection_class is SSLConnection
    assert {"host": "cache.invalid", "port": 6380, "password": "token"}.items() <= pool.connection_kwargs.items()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda url: url.partition("?")[0], "certificate verify failed"),
        (lambda url: url.replace("/ca.pem", "/stranger.pem"), "certificate verify failed"),
        (lambda url: url.replace("127.0.0.1", "127.0.0.2"), ""),
        (lambda url: url.replace("rediss://", "redis://").partition("?")[0], ""),
        (lambda url: url.replace(f":{PASSWORD}@", ""), "AuthenticationError"),
        (lambda url: url.replace(f":{PASSWORD}@", ":guessed@"), "invalid username-password"),
    ],
    ids=["no authority", "another authority", "another name", "no TLS", "no password", "another password"],
)
async def test_redis_with_wrong_tls_or_password_is_degraded_and_not_fatal(
    locked_valkey: str, logs: list[EventDict], change: Callable[[str], str], reason: str
) -> None:
    """Wrong trust, name, protocol or password degrade, with the reason in the log and without the password."""
    link = RedisLink(change(locked_valkey), SystemClock(), timeout=10.0)
    board = RedisBoard(link)

    async with asyncio.timeout(PATIENCE):
        await board.publish("a", Hint(1.0, 1))
        assert await board.read("a") is None
    await link.aclose()
    await hung_up()

    assert board.degraded
    [away] = [entry for entry in logs if entry["event"] == "redis.away"]
    assert reason in away["reason"]
    assert PASSWORD not in str(logs)
    assert "guessed" not in str(logs)


@on_both_redis
async def test_unreachable_redis_is_degraded_and_not_fatal(
    mortal_redis: RedisServer, mortal_link: RedisLink, logs: list[EventDict]
) -> None:
    """A service that starts before its Redis starts degraded, and its listener returns from `start`."""
    mortal_redis.kill()
    wakeups = RedisWakeups(mortal_link, SystemClock(), SystemIds())

    async with asyncio.timeout(PATIENCE):
        await wakeups.start()
        await wakeups.announce()
        assert await wakeups.wait(LONG) is True
        assert await wakeups.wait(SHORT) is False
        await wakeups.aclose()

    assert mortal_link.degraded
    assert said(logs) == ["redis.away"]


@on_both_redis
async def test_wakeups_survive_the_death_of_redis(mortal_redis: RedisServer, logs: list[EventDict]) -> None:
    """While Redis is dead local sleepers wake; once it is back, those elsewhere do, also for what they missed."""
    links = [RedisLink(mortal_redis.url, SystemClock(), timeout=5.0) for _ in range(2)]
    here, there = (RedisWakeups(link, SystemClock(), SystemIds()) for link in links)
    async with asyncio.timeout(PATIENCE):
        await here.start()
        await there.start()

        mortal_redis.kill()
        sleepers = await asleep(here, 3)
        await here.announce()
        assert await asyncio.gather(*sleepers) == [True] * 3

        mortal_redis.start()
        assert await there.wait(LONG) is True  # the listener is back and rings: something may have been said
        while here_missed := await here.wait(SHORT):
            assert here_missed
        [sleeper] = await asleep(there, 1)
        while not sleeper.done():  # until the pause of our own link is over
            await here.announce()
            await asyncio.wait({sleeper}, timeout=0.05)
        assert await sleeper is True
        for wakeups in (here, there):
            await wakeups.aclose()
    for link in links:
        await link.aclose()


@on_both_redis
async def test_silent_redis_connection_is_tested_by_ping(
    mortal_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A channel on which nothing is said stays open as long as Redis answers, and is given up when it does not."""
    monkeypatch.setattr(wakeups_module, "MAX_SILENCE", 0.3)
    link = RedisLink(mortal_redis.url, SystemClock(), timeout=5.0)
    wakeups = RedisWakeups(link, SystemClock(), SystemIds())
    lost = asyncio.Event()
    monkeypatch.setattr(link, "note_failure", lambda error: lost.set())
    async with asyncio.timeout(PATIENCE):
        await wakeups.start()
        assert await wakeups.wait(1.0) is False
        assert not lost.is_set()

        mortal_redis.pause()
        await lost.wait()
        mortal_redis.resume()
        assert await wakeups.wait(LONG) is True  # back, and it rings because something may have been said
        await wakeups.aclose()
    await link.aclose()


@pytest.mark.parametrize(
    ("demanded", "outcome"), [("1", pytest.fail.Exception), ("", pytest.skip.Exception)], ids=["demanded", "optional"]
)
def test_missing_redis_server_skips_or_fails_tests_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, demanded: str, outcome: type[BaseException]
) -> None:
    """Without redis-server these tests are skipped with the reason, and fail where the environment demands it."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("REPRISE_REQUIRE_REDIS", demanded)

    with pytest.raises(outcome, match="redis-server is not installed"):
        redis_or_skip()
