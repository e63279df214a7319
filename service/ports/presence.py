"""Which workers are connected: a hint that one has died, before its lease has lapsed."""

from collections.abc import Iterable
from typing import Protocol

from service.core.jobs.presence import Look


class Presence(Protocol):
    """What `service.core.jobs.presence` needs to know. Losing it costs time: a lease lapses all the same."""

    @property
    def connected(self) -> bool:
        """Whether this worker is connected itself, so that others see that it lives."""

    async def changed(self) -> None:
        """Wait until `connected` is no longer what it is at the moment of the call."""

    async def look(self, instances: Iterable[str]) -> Look | None:
        """Return which of these workers are connected, or None if that cannot be told at present. Never raises."""
