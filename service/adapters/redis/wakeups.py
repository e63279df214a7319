"""
Wake-ups between containers: `ports.Wakeups` over a Redis channel.

An announcement wakes the sleepers of this process directly, and those of other processes through the channel, so that a
process never depends on Redis to wake itself. While the listener has no connection, announcements of other processes
are missed; when it is back it wakes all sleepers once, in case there were any.

A message is the name of the sending process, and the id of the job if there is one. An older release sends no id, and
takes a message with one for a name that is not its own: it wakes.
"""

import asyncio
from collections.abc import Callable

from redis.asyncio.client import PubSub
from redis.exceptions import ConnectionError as RedisConnectionError

from service.adapters.redis.calls import ERRORS, log
from service.adapters.redis.connection import RedisLink, ended
from service.adapters.system.in_process import LocalWakeups
from service.core.backoff import REDIS_LISTENER
from service.ports.hints import for_all
from service.ports.time import Clock, Ids
from service.telemetry import emit, events

CHANNEL = "reprise:work"

# Seconds without a message after which the connection is tested by a PING; after as many again it counts as dead. A NAT
# or a load balancer may drop an idle connection without a word, most after minutes. Until that is noticed, a worker
# finds new jobs up to two seconds late, by its own poll: 20 seconds of that are cheap, and so is a PING in 10.
MAX_SILENCE = 10.0


class RedisWakeups:
    """Listens from `start`, or from the first `wait`, until `aclose`."""

    def __init__(self, link: RedisLink, clock: Clock, ids: Ids) -> None:
        self._link, self._clock = link, clock
        self._local = LocalWakeups(clock)
        self._name = ids.new()  # our own announcements come back under it, and are ignored
        self._listener: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        self._failures = 0  # in a row
        self._missed = False  # whether announcements may have been sent while we had no connection

    async def start(self) -> None:
        """Begin to listen; return when the first connection stands or has failed."""
        self._listen()
        await self._tried.wait()

    async def announce(self, job_id: str | None = None) -> None:
        self._local.ring()
        message = self._name if job_id is None else f"{self._name} {job_id}"
        await self._link.ask(lambda: self._link.client.publish(CHANNEL, message))

    async def wait(self, seconds: float, wakes: Callable[[str], bool] = for_all) -> bool:
        self._listen()
        return await self._local.wait(seconds, wakes)

    async def aclose(self) -> None:
        """Stop listening. Sleepers go on waiting for announcements of this process."""
        await ended(self._listener)

    def _listen(self) -> None:
        if self._listener is None:
            self._listener = asyncio.create_task(self._keep_listening(), name="wakeups")

    async def _keep_listening(self) -> None:
        while True:
            try:
                async with self._link.client.pubsub() as line:
                    await line.subscribe(CHANNEL)
                    await self._listen_on(line)
            except ERRORS as error:
                self._link.note_failure(error)
            except Exception:  # noqa: BLE001  # no other task awaits this one, and without it every job would start late
                emit(events.UNEXPECTED, where="wakeups", exc_info=True)
            self._tried.set()
            self._failures += 1
            await self._clock.sleep(REDIS_LISTENER.delay(self._failures))
            self._missed = True

    async def _listen_on(self, line: PubSub) -> None:
        """Wake the sleepers at each announcement; ends only with an error."""
        tested = False
        while True:
            message = await line.get_message(timeout=MAX_SILENCE)
            if message is None:
                if tested:
                    raise RedisConnectionError("the channel is dead")
                await line.ping()
            elif message["type"] == "subscribe":
                self._connected()
            elif message["type"] == "message":
                self._heard(message["data"])
            tested = message is None

    def _heard(self, message: str) -> None:
        """Pass on what another process has said: its name, and after a blank the job, if it is one."""
        name, _, job_id = message.partition(" ")
        if name != self._name:
            self._local.ring(job_id or None)

    def _connected(self) -> None:
        log("SUBSCRIBE", CHANNEL, "ok", 0.0, "open" if self._link.degraded else "closed")
        self._link.note_answer()
        self._tried.set()
        self._failures = 0
        if self._missed:
            self._missed = False
            self._local.ring()
