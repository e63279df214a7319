"""
`ports.Wakeups` over a Redis channel.

Announcements reach sleepers of this process directly, and those of others through the channel, so that a process is
never deaf to itself. While the listener is away nothing is heard from others; on its return it rings once, in case it
missed something.
"""

import asyncio

from redis.asyncio.client import PubSub
from redis.exceptions import ConnectionError as RedisConnectionError

from service.adapters.redis.connection import FAILURES, RedisLink
from service.adapters.system.in_process import LocalWakeups
from service.ports.time import Clock, Ids
from service.telemetry import emit, events

CHANNEL = "reprise:work"
QUIET = 10.0  # seconds without a word, after which the line is tested; after as many again it counts as dead
AGAIN = 0.2  # seconds until one who does not hear is told once more
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 2.0  # seconds between two tries to connect


class RedisWakeups:
    """Listens from `start`, or from the first `wait`, until `aclose`."""

    def __init__(self, link: RedisLink, clock: Clock, ids: Ids) -> None:
        self._link, self._clock = link, clock
        self._local = LocalWakeups(clock)
        self._name = ids.new()  # what we said ourselves has rung already
        self._listener: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        self._pause = FIRST_PAUSE
        self._missed = False  # whether anything may have been said while nobody listened

    async def start(self) -> None:
        """Listen; returns when the first connection stands, or has failed."""
        self._listen()
        await self._tried.wait()

    async def announce(self) -> None:
        self._local.ring()
        await self._link.ask(lambda: self._link.client.publish(CHANNEL, self._name))

    async def wait(self, seconds: float) -> bool:
        self._listen()
        return await self._local.wait(seconds)

    async def aclose(self) -> None:
        """Stop listening; whoever waits goes on waiting for local announcements."""
        while self._listener is not None and not self._listener.done():
            self._listener.cancel()  # again, because the client may lose it: see `RedisLink.ask`
            await asyncio.wait({self._listener}, timeout=AGAIN)

    def _listen(self) -> None:
        if self._listener is None:
            self._listener = asyncio.create_task(self._keep_listening(), name="wakeups")

    async def _keep_listening(self) -> None:
        while True:
            try:
                async with self._link.client.pubsub() as line:
                    await line.subscribe(CHANNEL)
                    await self._hear(line)
            except FAILURES as error:
                self._link.lost(error)
            except Exception:  # noqa: BLE001  # nobody watches this task, and a deaf worker would be a slow one
                emit(events.UNEXPECTED, where="wakeups", exc_info=True)
            self._tried.set()
            await self._clock.sleep(self._pause)
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
            self._missed = True

    async def _hear(self, line: PubSub) -> None:
        """Ring for what is said; ends only with an error."""
        tested = False
        while True:
            message = await line.get_message(timeout=QUIET)
            if message is None:
                if tested:
                    raise RedisConnectionError("the channel is dead")
                await line.ping()
            elif message["type"] == "subscribe":
                self._connected()
            elif message["type"] == "message" and message["data"] != self._name:
                self._local.ring()
            tested = message is None

    def _connected(self) -> None:
        self._link.found()
        self._tried.set()
        self._pause = FIRST_PAUSE
        if self._missed:
            self._missed = False
            self._local.ring()
