"""
`ports.Presence` on Redis: each worker keeps one subscription open, and others ask whether it is still there.

Nothing is ever sent on the channel. Redis counts the subscribers of each (``PUBSUB NUMSUB``), and forgets one as soon
as the kernel has closed its connection. On a cluster that count is one node's alone, so the channels are sharded ones
there (``SSUBSCRIBE``, ``PUBSUB SHARDNUMSUB``), and all of them in one slot, by the braces in their names. What leads to
another node of a cluster is refused, as everything of ours is there; then there is no hint.

Every look asks for our own channel too. If that is not there, we have lost our connection, or Redis was restarted
behind a proxy that keeps it, or we ask another server than the one that we are subscribed at: what is missing there
says nothing about others. A new connection begins another epoch; a Redis that restarts or fails over closes the old.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from redis.asyncio import Connection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from service.adapters.redis.calls import ERRORS, log
from service.adapters.redis.connection import RedisLink, ended
from service.core.backoff import REDIS_PRESENCE
from service.core.jobs.presence import Look
from service.ports.time import Clock
from service.telemetry import emit, events

CHANNEL = "reprise:{workers}:"  # and the instance
MAX_SILENCE = 2.0  # seconds without an answer, after which the connection is tested; after as many again it is dead
STEADY = 0.1  # seconds for which a connection must have stood, or the next one waits longer than the one before
REFUSED_PAUSE = 10.0  # seconds before a Redis that has refused a command is asked for it again


class RedisPresence:
    """Shows that this worker lives, from `start` until `aclose`, and looks for others meanwhile."""

    def __init__(self, link: RedisLink, clock: Clock, instance: str) -> None:
        self._link, self._clock, self._instance = link, clock, instance
        self._keeper: asyncio.Task[None] | None = None
        self._generation = 0  # of our connection; what was seen through an earlier one is no evidence
        self._epoch: str | None = None  # None while we are not subscribed
        self._change = asyncio.Event()  # set when that begins or ends
        self._sharded = False
        self._refused_until = 0.0  # monotonic seconds
        self._refused = False  # ever: it is logged once

    async def start(self) -> None:
        """Begin to show that this worker lives."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name="presence")

    async def aclose(self) -> None:
        """Stop: from now on this worker counts as gone."""
        await ended(self._keeper)

    @property
    def connected(self) -> bool:
        return self._epoch is not None

    async def changed(self) -> None:
        before = self.connected
        while self.connected == before:
            self._change.clear()
            await self._change.wait()

    async def look(self, instances: Iterable[str]) -> Look | None:
        """See `ports.presence`; one round trip."""
        epoch, names = self._epoch, sorted({self._instance, *instances})
        if epoch is None or self._clock.monotonic() < self._refused_until:
            return None
        counts = await self._link.ask(lambda: self._count(names))
        if counts is None or self._epoch != epoch:
            return None
        present = frozenset(name for name, count in counts.items() if count)
        return Look(epoch, present) if self._instance in present else None

    async def _count(self, names: Sequence[str]) -> Mapping[str, int]:
        """Return how many are subscribed to each; nothing if Redis refuses to tell, which is no failure of the link."""
        client, channels = self._link.client, [CHANNEL + name for name in names]
        try:
            ask = client.pubsub_shardnumsub if self._sharded else client.pubsub_numsub
            found = dict(await ask(*channels))
        except ResponseError as error:
            self._note_refusal(error)
            return {}
        return {name: int(found.get(channel, 0)) for name, channel in zip(names, channels, strict=True)}

    async def _keep(self) -> None:
        """Subscribe again whenever the connection is lost."""
        failures = 0
        while True:
            began = self._clock.monotonic()
            try:
                await self._subscribe()
            except ResponseError as error:
                self._note_refusal(error)
            except ERRORS:
                pass  # if Redis is away, others notice that and log it
            except Exception:  # noqa: BLE001  # no other task awaits this one, and without it this worker seems dead
                emit(events.UNEXPECTED, where="presence", exc_info=True)
            now = self._clock.monotonic()
            failures = 1 if now - began >= STEADY else failures + 1
            await self._clock.sleep(max(REDIS_PRESENCE.delay(failures), self._refused_until - now))

    async def _subscribe(self) -> None:
        """Subscribe, and stay so; ends only with an error."""
        # Before anything is sent, so that no look which still counts the old connection can meet the new one.
        self._generation += 1
        began, connection = self._clock.monotonic(), self._link.connection()
        try:
            await connection.connect()  # type: ignore[no-untyped-call]  # redis-py says no more
            self._sharded = await _is_cluster(connection)
            command, channel = "SSUBSCRIBE" if self._sharded else "SUBSCRIBE", CHANNEL + self._instance
            await connection.send_command(command, channel)
            await connection.read_response(push_request=True)
            log(command, channel, "ok", self._clock.monotonic() - began, "open" if self._link.degraded else "closed")
            self._epoch = str(self._generation)
            self._change.set()
            await self._stay(connection)
        finally:
            self._epoch = None
            self._change.set()
            await connection.disconnect(nowait=True)

    async def _stay(self, connection: Connection) -> None:
        tested = False
        while True:
            answer = await connection.read_response(timeout=MAX_SILENCE, push_request=True)
            if answer is None and tested:
                raise RedisConnectionError("no answer to PING")
            if isinstance(answer, list) and "unsubscribe" in str(answer[0]):
                raise RedisConnectionError("the channel has moved to another node")
            tested = answer is None
            if tested:
                await connection.send_command("PING", check_health=False)

    def _note_refusal(self, error: ResponseError) -> None:
        self._refused_until = self._clock.monotonic() + REFUSED_PAUSE
        if not self._refused:
            self._refused = True
            emit(events.REDIS_NO_PRESENCE, reason=f"{type(error).__name__}: {error}")


async def _is_cluster(connection: Connection) -> bool:
    """Tell whether this server is a node of a cluster; one that is too old to say so is none that counts here."""
    try:
        await connection.send_command("HELLO")
        facts = await connection.read_response()
    except ResponseError:
        return False
    pairs = facts.items() if isinstance(facts, Mapping) else zip(facts[::2], facts[1::2], strict=False)  # RESP 3, or 2
    return dict(pairs).get("mode") == "cluster"
