"""
One Redis, and whether it is there.

Everything that Redis knows is a hint, so its failures never travel: the first one is logged, everybody is told
"nothing", and after a pause a single caller finds out whether it is back. Without the pause, a Redis that is
unreachable would cost each poll a whole time-out.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from service.ports.time import Clock
from service.telemetry import emit, events

T = TypeVar("T")

TIMEOUT = 0.25  # seconds, to connect and for an answer: what comes later than this is no longer fresh
PAUSE = 1.5  # seconds between two tries while it is away
CONNECTIONS = 32
FAILURES = (RedisError, OSError)  # a time-out is one of the latter


class RedisLink:
    """Shared by all that use one Redis. `url` as ``redis://``, ``rediss://`` (TLS) or ``unix://``, with password."""

    def __init__(self, url: str, clock: Clock, *, timeout: float = TIMEOUT, pause: float = PAUSE) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=timeout,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),  # a repetition would come too late; the pause below does the waiting
            decode_responses=True,
        )
        self.client: Redis = Redis.from_pool(pool)
        self._clock, self._pause = clock, pause
        self._away = False
        self._try_at = 0.0

    @property
    def degraded(self) -> bool:
        """Whether Redis was away when it was last asked."""
        return self._away

    async def ask(self, request: Callable[[], Awaitable[T]]) -> T | None:
        """
        The answer, or None if Redis is away (which this may be the first to notice).

        A cancellation is never lost in here. The client sends through `asyncio.wait_for`, which in Python 3.11 drops
        one that comes when all has just been sent; a task that shows progress in a loop would never end.
        """
        task = asyncio.current_task()
        before = task.cancelling() if task else 0
        try:
            return await self._ask(request)
        finally:
            if task and task.cancelling() > before:
                raise asyncio.CancelledError

    async def _ask(self, request: Callable[[], Awaitable[T]]) -> T | None:
        if self._away:
            now = self._clock.monotonic()
            if now < self._try_at:
                return None
            self._try_at = now + self._pause  # one caller tries; the others are told "nothing" meanwhile
        try:
            answer = await request()
        except FAILURES as error:
            self.lost(error)
            return None
        self.found()
        return answer

    def lost(self, error: Exception) -> None:
        """Note that Redis did not do what it was asked."""
        self._try_at = self._clock.monotonic() + self._pause
        if not self._away:
            self._away = True
            emit(events.REDIS_AWAY, reason=f"{type(error).__name__}: {error}")

    def found(self) -> None:
        """Note that Redis answered."""
        if self._away:
            self._away = False
            emit(events.REDIS_BACK)

    async def aclose(self) -> None:
        """Let the connections go."""
        try:
            await self.client.aclose()
        except FAILURES as error:
            self.lost(error)
