"""
Deaths that are heard: which of the jobs that others run have lost their worker, before their lease has lapsed.

The watching task brings its list of running jobs and gets those back whose worker is gone; it is woken when there may
be some. What is believed, and when not, is decided in `service.core.jobs.presence`.

A worker that has lost its own connection says so in its entry (`Apart`), before others take it for dead.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress

from service.core.jobs.lease import Lease
from service.core.jobs.presence import NOTHING, PresencePolicy, next_in, recall
from service.ports.presence import Presence
from service.ports.time import Clock
from service.ports.workers import Workers
from service.telemetry import emit, events

SHORTEST = 0.02  # seconds between two looks
CONNECTING = 0.06  # seconds in which a connection that was cut is usually there again


class Deaths:
    """Looks while there are others to watch. Without a `presence` nothing is ever heard."""

    def __init__(self, presence: Presence | None, workers: Workers, clock: Clock, policy: PresencePolicy) -> None:
        self._presence, self._workers, self._clock, self._policy = presence, workers, clock, policy
        self._memory = NOTHING
        self._asked: dict[str, float] = {}  # worker → when (monotonic seconds) it was last one to be watched
        self._busy = False  # whether others run jobs that are watched here
        self._gone: set[str] = set()  # see `gone`
        self._dead: dict[str, Lease] = {}  # by key: leases of those, as they were then
        self._watching, self._heard = asyncio.Event(), asyncio.Event()

    @property
    def gone(self) -> frozenset[str]:
        """Workers whose jobs are to be found in the next list."""
        return frozenset(self._gone)

    async def among(self, others: Sequence[Lease], neighbours: Iterable[str] = ()) -> list[Lease]:
        """
        Return the leases of workers that are gone, out of those that others hold; `neighbours` are watched as well.

        Ask with a list that was read strongly consistent if some are `expected`. A lease comes back again until it has
        changed, in case it finds no free slot at first; one that was renewed meanwhile has a holder that lives. Raises
        `StoreError` if it cannot be read whether a worker is apart; they are then returned the next time.
        """
        gone = self.gone
        apart = await self._apart({lease.owner for lease in others if lease.owner in gone or lease.key in self._dead})
        now, self._busy = self._clock.monotonic(), bool(others)
        self._asked |= dict.fromkeys((lease.owner for lease in others if lease.owner is not None), now)
        self._asked |= dict.fromkeys(neighbours, now)
        self._asked = {name: at for name, at in self._asked.items() if now - at <= self._policy.remembered}
        if self._asked:
            self._watching.set()
        self._heard.clear()
        believed = (gone & self._gone) - apart  # some may have come back meanwhile
        self._gone -= gone
        known = {**self._dead, **{lease.key: lease for lease in others if lease.owner in believed}}
        dead = [
            lease
            for lease in others
            if lease.key in known and _same(lease, known[lease.key]) and lease.owner not in apart
        ]
        self._dead = {lease.key: lease for lease in dead}
        return dead

    @property
    def expected(self) -> bool:
        """Whether jobs are to be found whose worker is gone: then the list has to be read strongly consistent."""
        return bool(self._gone or self._dead)

    async def wait(self, seconds: float) -> None:
        """Wait for so long, or until a death was heard."""
        if self._presence is None:
            await self._clock.sleep(seconds)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._heard.wait()

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while self._presence is not None:
            if not self._asked:
                self._watching.clear()
                await self._watching.wait()
            await self._look(self._presence)
            wait = next_in(self._memory, self._clock.monotonic(), self._policy, busy=self._busy)
            await self._clock.sleep(max(wait, SHORTEST))

    async def _apart(self, owners: Iterable[str | None]) -> set[str]:
        """Return those of these workers that live without a connection; of them a lease tells more than Redis."""
        names = sorted(owner for owner in owners if owner is not None)
        entries = await self._workers.entries(names, strongly=True) if names else ()
        apart = {entry.instance for entry in entries if entry.apart}
        for name in sorted(apart):
            emit(events.WORKER_APART, worker=name)
        return apart

    async def _look(self, presence: Presence) -> None:
        asked, before, sent = frozenset(self._asked), self._memory, self._clock.monotonic()
        look = await presence.look(asked)
        self._memory, gone = recall(before, look, asked, sent, self._clock.monotonic(), self._policy)
        if look is None or self._memory.epoch != before.epoch:
            self._gone, self._dead = set(), {}  # a conclusion is no better than what it was drawn from
            return
        self._gone = (self._gone | gone) - look.present
        self._dead = {key: lease for key, lease in self._dead.items() if lease.owner not in look.present}
        if gone:
            self._heard.set()


class Apart:
    """
    Tells the others that this worker lives, while it has no connection by which they could see it.

    `show` writes the worker's entry, as it is at that moment.
    """

    def __init__(self, presence: Presence, clock: Clock, show: Callable[[], Awaitable[None]]) -> None:
        self._presence, self._clock, self._show = presence, clock, show
        self._shown = False

    async def run(self) -> None:
        """Keep the entry true, until cancelled. Raises `StoreError` if it cannot be written; run it again then."""
        while True:
            apart = not self._presence.connected
            if apart == self._shown:
                await self._presence.changed()
            elif apart:
                await self._clock.sleep(CONNECTING)
                if not self._presence.connected:
                    await self._show()
                    self._shown = True
            else:
                await self._show()
                self._shown = False


def _same(lease: Lease, before: Lease) -> bool:
    return (lease.owner, lease.attempt, lease.beat) == (before.owner, before.attempt, before.beat)
