"""
The connection to Redis, its time-outs, and the circuit in front of it.

Everything that Redis knows is a hint, so its failures are never raised: the first one opens the circuit
(`core/circuit.py`) and is logged, all callers get None, and after a pause a single caller finds out whether Redis is
back. Without the pause, a Redis that is unreachable would cost each poll a whole time-out.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

from redis.asyncio import BlockingConnectionPool, Connection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from service.adapters.redis.calls import ERRORS, LoggedRedis
from service.core.circuit import CallOutcome, Circuit, CircuitState
from service.ports.time import Clock
from service.telemetry import emit, events

T = TypeVar("T")

TIMEOUT = 0.25  # seconds, to connect and for an answer: what comes later than this is no longer fresh
FAILURES = 1  # a hint is worth no second time-out; for S3 and DynamoDB it takes five
RESET = 1.5  # seconds; below the two seconds after which progress would come from DynamoDB anyway
CONNECTIONS = 32
CANCEL_AGAIN = 0.2  # seconds before a task is cancelled once more: redis-py may have swallowed a cancellation


class RedisLink:
    """
    Shared by all that use one Redis. `url` as `redis://`, `rediss://` (TLS) or `unix://`, with its password.

    Lives on one event loop, so its circuit needs no lock.
    """

    def __init__(self, url: str, clock: Clock, *, timeout: float = TIMEOUT, reset: float = RESET) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=timeout,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),  # a repetition would come too late; the circuit does the waiting
            decode_responses=True,
        )
        self.client = cast("LoggedRedis", LoggedRedis.from_pool(pool))
        self.client.log_with(clock.monotonic, lambda: self._circuit.state.value)
        self._clock = clock
        self._circuit = Circuit(threshold=FAILURES, reset=reset)

    @property
    def degraded(self) -> bool:
        """Whether Redis was away when it was last asked."""
        return self._circuit.state is not CircuitState.CLOSED

    async def ask(self, request: Callable[[], Awaitable[T]]) -> T | None:
        """
        Return the answer, or None if Redis is away (which this may be the first to notice).

        A cancellation is never lost in here. redis-py sends through `asyncio.wait_for`, which in Python 3.11 swallows a
        cancellation that arrives just when the request has been sent (cpython issue 86296, mended in 3.12); a task that
        shows progress in a loop would never end.
        """
        task = asyncio.current_task()
        before = task.cancelling() if task else 0
        try:
            return await self._ask(request)
        finally:
            if task and task.cancelling() > before:
                raise asyncio.CancelledError

    async def _ask(self, request: Callable[[], Awaitable[T]]) -> T | None:
        wait, self._circuit = self._circuit.decide(self._clock.monotonic())
        if wait > 0:
            return None
        began = self._circuit.state
        try:
            answer = await request()
        except ERRORS as error:
            self.note_failure(error, began)
            return None
        self.note_answer(began)
        return answer

    def note_failure(self, error: Exception, began: CircuitState | None = None) -> None:
        """Note that Redis did not do what it was asked in a request that was let through in the state `began`."""
        before = self.degraded
        self._circuit = self._circuit.after(CallOutcome.FAILED, self._clock.monotonic(), began)
        if self.degraded and not before:
            emit(events.REDIS_AWAY, reason=f"{type(error).__name__}: {error}")

    def note_answer(self, began: CircuitState | None = None) -> None:
        """Note that Redis answered a request that was let through in the state `began`."""
        before = self.degraded
        self._circuit = self._circuit.after(CallOutcome.ANSWERED, self._clock.monotonic(), began)
        if before and not self.degraded:
            emit(events.REDIS_BACK)

    def connection(self) -> Connection:
        """Return a new connection that is not one of the pool and not connected yet; its owner closes it."""
        pool = self.client.connection_pool
        return cast("Connection", pool.make_connection())  # type: ignore[no-untyped-call]  # redis-py says no more

    async def aclose(self) -> None:
        """Close the connections."""
        try:
            await self.client.aclose()
        except ERRORS as error:
            self.note_failure(error)


async def ended(task: asyncio.Task[None] | None) -> None:
    """Cancel a task that talks to Redis until it has ended: once may not be enough, see `RedisLink.ask`."""
    while task is not None and not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=CANCEL_AGAIN)
