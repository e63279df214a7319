"""
How long a connection is kept, and how many of them are.

Descriptors and memory are the same for those who convert and those who only connect, and connecting needs no key. So
there is a cap on connections: one more closes the one that has been idle for longest, never one whose request is worked
on. Those that have not asked for anything in a second go before those that a client keeps between two requests; and if
none is idle, one that has not read its answer for seconds. And there is a deadline for whatever a client can
delay: its first request, the head of each, the rest of a body that was answered already, the time between two requests,
and reading what it has asked for. The pace of a body is the matter of `middleware`, which can answer it.

Event streams and waiting answers are requests in flight: they count for the cap and have no deadline here.

Time is counted in rounds of a second that this process really ran. After a frozen container has thawed, no client is
blamed for the time in which nothing was read from it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from typing import Protocol

from service.core import defaults
from service.core.limits.pace import Pace
from service.ports.time import Clock
from service.telemetry import emit, events

ROUND = 1.0  # seconds
NOTICE = 60.0  # seconds between two lines of the log that say that there are too many connections
UNREAD = 5.0  # seconds for which an answer lies there unread, before its connection may have to make room
LOOKED_AT = 64  # idle connections that are looked at, to find one whose last answer has left


class Waiting(Enum):
    """What a connection waits for."""

    SILENT = "request"  # nothing of a request is there
    HEAD = "head"  # a part of its head is
    ANSWER = "answer"  # it is in flight: its body, or the answer
    REST = "body"  # it was answered, and its body has not ended
    CLOSING = "close"  # it is over, perhaps with an answer that is still to be read


class Watched(Protocol):
    """A connection, as the guard sees it."""

    requests: int  # that were answered

    @property
    def waiting(self) -> Waiting:
        """What it waits for."""

    @property
    def unsent(self) -> int:
        """Bytes of answers that the operating system has not taken yet."""

    @property
    def blocked(self) -> bool:
        """Whether the answer in flight waits for the client to read."""

    def end(self) -> None:
        """Close it, whatever it waits for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """Times in seconds, rates in bytes a second."""

    max_connections: int = defaults.MAX_CONNECTIONS
    header_seconds: float = defaults.HEADER_SECONDS
    idle_seconds: float = defaults.IDLE_SECONDS
    stall_seconds: float = defaults.STALL_SECONDS
    min_read_rate: int = defaults.MIN_READ_RATE


@dataclass(slots=True)
class _Entry:
    since: float  # of what it waits for now
    unsent: int = 0  # when it was last looked at
    reading: Pace | None = None  # of a client that has something to read


class ConnectionGuard:
    """The connections of one listener."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self._limits = limits
        self._open: dict[Watched, _Entry] = {}
        # Without a request in flight, the oldest first: before the first one, and between two.
        self._silent: dict[Watched, None] = {}
        self._kept: dict[Watched, None] = {}
        self._now = 0.0  # seconds that this process ran
        self._dropped = 0  # since the log last said so
        self._noticed = -NOTICE

    def __len__(self) -> int:
        return len(self._open)

    # ── what the connections say ─────────────────────────────────────────────────────────────────────────────────

    def admit(self, connection: Watched) -> bool:
        """Take a new connection in, in the place of an idle one if there are too many; False if it has to go."""
        full = len(self._open) >= self._limits.max_connections
        if full and not self._make_room():
            self._notice()
            return False
        self._open[connection] = _Entry(self._now)
        self._silent[connection] = None
        return True

    def begin(self, connection: Watched) -> None:
        """Count anew: a request has been answered, or the first byte of another is here."""
        if (entry := self._open.get(connection)) is not None:
            entry.since = self._now

    def note(self, connection: Watched) -> None:
        """Note whether a request is in flight now."""
        in_flight = connection.waiting is Waiting.ANSWER
        if in_flight or connection.requests:
            self._silent.pop(connection, None)
        if in_flight:
            self._kept.pop(connection, None)
        elif connection.requests and connection in self._open:
            self._kept.setdefault(connection)

    def read(self, connection: Watched, size: int) -> None:
        """Count what a client has read of the answer in flight, so that there is room for more of it."""
        entry = self._open.get(connection)
        if entry is not None and entry.reading is not None:
            entry.reading.moved(size, 0)

    def forget(self, connection: Watched) -> None:
        """Drop a connection that is gone."""
        for connections in (self._open, self._silent, self._kept):
            connections.pop(connection, None)

    # ── deadlines ────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self, clock: Clock) -> None:
        """Look at all connections once a second, until cancelled."""
        before = clock.monotonic()
        while True:
            await clock.sleep(ROUND)
            now = clock.monotonic()
            self.look(min(now - before, 2 * ROUND))
            before = now

    def look(self, seconds: float) -> None:
        """Let `seconds` go by, and close whatever has waited for too long."""
        self._now += seconds
        for connection, why in list(self._late(seconds)):
            emit(events.CONNECTION_CLOSED, phase=why)
            connection.end()

    def _late(self, seconds: float) -> Iterator[tuple[Watched, str]]:
        for connection, entry in self._open.items():
            waiting = connection.waiting
            if not self._reads(connection, entry, waiting, seconds):
                yield connection, "reader"
            elif entry.reading is None and self._now - entry.since >= self._patience(connection, waiting):
                yield connection, waiting.value

    def _patience(self, connection: Watched, waiting: Waiting) -> float:
        if waiting in {Waiting.ANSWER, Waiting.CLOSING}:
            return float("inf")
        if waiting is Waiting.SILENT and connection.requests:
            return self._limits.idle_seconds
        return self._limits.header_seconds

    def _reads(self, connection: Watched, entry: _Entry, waiting: Waiting, seconds: float) -> bool:
        """Tell whether the client reads what it has asked for; True if it need not."""
        unsent, before = connection.unsent, entry.unsent
        entry.unsent = unsent
        if not unsent or (waiting is Waiting.ANSWER and not connection.blocked):
            entry.reading = None
            return True
        if entry.reading is None:
            entry.reading = Pace(self._limits.min_read_rate, self._limits.stall_seconds)
            return True
        entry.reading.moved(max(0, before - unsent), seconds)
        return entry.reading.left > 0

    # ── the cap ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _make_room(self) -> bool:
        given_up = self._idle_for_longest() or self._unread()
        if given_up is None:
            return False
        self._notice()
        self.forget(given_up)
        given_up.end()
        return True

    def _idle_for_longest(self) -> Watched | None:
        silent, kept = (
            next((one for one in islice(connections, LOOKED_AT) if not one.unsent), None)
            for connections in (self._silent, self._kept)
        )
        if silent is None or kept is None:
            return silent or kept
        since = self._open[silent].since
        return silent if self._now - since >= ROUND or since <= self._open[kept].since else kept

    def _unread(self) -> Watched | None:
        """Return the connection whose client is slowest to read; None if all of them read."""
        slow = {one: entry.reading for one, entry in self._open.items() if entry.reading is not None}
        slowest = min(slow, key=lambda one: slow[one].left, default=None)
        return slowest if slowest is not None and slow[slowest].left <= slow[slowest].grace - UNREAD else None

    def _notice(self) -> None:
        self._dropped += 1
        if self._now - self._noticed >= NOTICE:
            emit(events.CONNECTIONS_FULL, limit=self._limits.max_connections, closed=self._dropped)
            self._dropped, self._noticed = 0, self._now
