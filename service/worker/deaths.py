"""
Deaths that are heard: which of the jobs that others run have lost their worker, before their lease has lapsed.

The watching task brings its list of running jobs and gets those back whose worker is gone; it is woken when there may
be some. What is believed, and when not, is decided in `service.core.jobs.presence`.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress

from service.core.jobs.lease import Lease
from service.core.jobs.presence import NOTHING, PresencePolicy, next_in, recall
from service.ports.presence import Presence
from service.ports.time import Clock

SHORTEST = 0.02  # seconds between two looks


class Deaths:
    """Looks while there are others to watch. Without a `presence` nothing is ever heard."""

    def __init__(self, presence: Presence | None, clock: Clock, policy: PresencePolicy) -> None:
        self._presence, self._clock, self._policy = presence, clock, policy
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

    def among(self, others: Sequence[Lease], neighbours: Iterable[str] = ()) -> list[Lease]:
        """
        Return the leases of workers that are gone, out of those that others hold; `neighbours` are watched as well.

        Ask with a list that was read strongly consistent if some are `expected`. A lease comes back again until it has
        changed, in case it finds no free slot at first; one that was renewed meanwhile has a holder that lives.
        """
        now, self._busy = self._clock.monotonic(), bool(others)
        self._asked |= dict.fromkeys((lease.owner for lease in others if lease.owner is not None), now)
        self._asked |= dict.fromkeys(neighbours, now)
        self._asked = {name: at for name, at in self._asked.items() if now - at <= self._policy.remembered}
        if self._asked:
            self._watching.set()
        self._heard.clear()
        known = {**self._dead, **{lease.key: lease for lease in others if lease.owner in self._gone}}
        self._gone = set()
        dead = [lease for lease in others if lease.key in known and _same(lease, known[lease.key])]
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


def _same(lease: Lease, before: Lease) -> bool:
    return (lease.owner, lease.attempt, lease.beat) == (before.owner, before.attempt, before.beat)
