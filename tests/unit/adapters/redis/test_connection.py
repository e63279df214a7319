import asyncio

import pytest
from redis.exceptions import ConnectionError  # noqa: A004  # of redis
from structlog.typing import EventDict

from service.adapters.redis.connection import RESET, RedisLink
from service.testing.clock import SteppingClock


class Requests:
    """Requests to a Redis that answers or fails as told; counts those that were made."""

    def __init__(self) -> None:
        self.away = False
        self.made = 0

    async def __call__(self) -> str:
        self.made += 1
        if self.away:
            raise ConnectionError("refused")
        return "answer"


@pytest.fixture
def clock() -> SteppingClock:
    """Time that stands still."""
    return SteppingClock()


@pytest.fixture
def link(clock: SteppingClock) -> RedisLink:
    """A link that never connects: its requests are made up."""
    return RedisLink("redis://cache:6379", clock)


@pytest.mark.requirement("4.1", "6.4")
async def test_one_failure_silences_redis_until_the_reset_time_is_over(link: RedisLink, clock: SteppingClock) -> None:
    """After a single failure no request is made for the reset time; then one is, and its answer ends the silence."""
    request = Requests()
    request.away = True
    assert [await link.ask(request) for _ in range(10)] == [None] * 10
    assert (request.made, link.degraded) == (1, True)

    await clock.advance(RESET)
    assert [await link.ask(request) for _ in range(10)] == [None] * 10
    assert request.made == 2

    request.away = False
    await clock.advance(RESET)
    assert [await link.ask(request) for _ in range(10)] == ["answer"] * 10
    assert not link.degraded


async def test_redis_away_and_back_are_logged_once_each(
    link: RedisLink, clock: SteppingClock, logs: list[EventDict]
) -> None:
    """An outage with many failures is one `redis.away` with its reason, and one `redis.back`."""
    request = Requests()
    request.away = True
    for _ in range(3):
        await link.ask(request)
        await clock.advance(RESET)
    request.away = False
    await link.ask(request)

    assert [entry["event"] for entry in logs] == ["redis.away", "redis.back"]
    assert "refused" in logs[0]["reason"]


async def test_a_redis_answer_from_before_the_outage_does_not_end_it(link: RedisLink) -> None:
    """A request that was under way when another one failed gets its answer, and Redis stays degraded."""
    go_on = asyncio.Event()

    async def slow() -> str:
        await go_on.wait()
        return "late"

    late = asyncio.create_task(link.ask(slow))
    await asyncio.wait({late}, timeout=0)
    request = Requests()
    request.away = True
    await link.ask(request)
    go_on.set()

    assert await late == "late"
    assert link.degraded
