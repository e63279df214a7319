"""What every `ports.Presence` does; a subclass brings `presence` and `other`: two workers, of which one looks."""

import asyncio
from typing import Protocol

from service.core.jobs.presence import Look
from service.ports.presence import Presence
from service.testing.clock import settle

OURS, OTHER, NOBODY = "here-1", "there-1", "nowhere-1"  # what the two are called, and a worker that there never was
PATIENCE = 30.0  # seconds


class Connectable(Presence, Protocol):
    """A presence that can be begun and ended."""

    async def start(self) -> None:
        """Show that this worker lives."""

    async def aclose(self) -> None:
        """Stop that."""


class PresenceContract:
    """Of two workers that use one Redis."""

    async def test_connected_workers_are_present(self, presence: Connectable, other: Connectable) -> None:
        """What is asked about and connected is present, and what asks always is; nothing else is."""
        await presence.start()
        await other.start()

        assert (await seen(presence, {OURS, OTHER})).present == {OURS, OTHER}
        assert (await presence.look([])) == (await presence.look([NOBODY]))

    async def test_worker_that_has_hung_up_is_absent(self, presence: Connectable, other: Connectable) -> None:
        """A worker whose connection is closed is not present any more, in the same epoch; back again, it is."""
        await presence.start()
        await other.start()
        before = await seen(presence, {OURS, OTHER})

        await other.aclose()

        assert await seen(presence, {OURS}) == Look(before.epoch, frozenset({OURS}))

    async def test_worker_knows_whether_it_is_connected(self, presence: Connectable) -> None:
        """Whether others can see it is known to a worker itself, and waited for without asking again and again."""
        seen = [presence.connected]
        for step in (presence.start, presence.aclose):
            changed = asyncio.create_task(presence.changed())
            await settle()
            assert not changed.done()
            await step()
            await asyncio.wait_for(changed, PATIENCE)
            seen.append(presence.connected)

        assert seen == [False, True, False]

    async def test_worker_that_is_not_connected_sees_nothing(self, presence: Connectable, other: Connectable) -> None:
        """Without a connection of one's own there is no look: before the start, and after the end."""
        await other.start()
        assert await presence.look([OTHER]) is None
        await presence.start()
        await seen(presence, {OURS, OTHER})

        await presence.aclose()

        assert await presence.look([OTHER]) is None


async def seen(presence: Presence, wanted: set[str]) -> Look:
    """Look until these are present."""
    async with asyncio.timeout(PATIENCE):
        while True:
            look = await presence.look([OTHER, NOBODY])
            if look is not None and look.present == wanted:
                return look
            await settle()
