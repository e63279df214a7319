"""Which workers are connected, in memory: the connections to one Redis that several simulated processes share."""

import asyncio
from collections.abc import Iterable

from service.core.jobs.presence import Look


class MemoryConnections:
    """What Redis knows: who is connected, and by which connection. While `away`, it does not answer."""

    def __init__(self) -> None:
        self.away = False
        self.run = 0  # of Redis: another one after each restart
        self.open: dict[str, int] = {}  # worker → number of its connection
        self._made = 0
        self._waiting: set[asyncio.Event] = set()

    def connect(self, instance: str) -> None:
        """Open the connection of a worker, another one than any before."""
        self._made += 1
        self.open[instance] = self._made
        self._tell()

    def cut(self, *instances: str) -> None:
        """Close some connections."""
        for instance in instances:
            self.open.pop(instance, None)
        self._tell()

    def restart(self) -> None:
        """Close all connections and be another Redis."""
        self.run += 1
        self.open.clear()
        self._tell()

    async def changed(self, instance: str) -> None:
        """Wait until a worker is connected that was not, or the other way round."""
        before, event = instance in self.open, asyncio.Event()
        self._waiting.add(event)
        try:
            while (instance in self.open) == before:
                event.clear()
                await event.wait()
        finally:
            self._waiting.discard(event)

    def _tell(self) -> None:
        for event in self._waiting:
            event.set()


class MemoryPresence:
    """`ports.Presence` of one worker, with the verbs of `adapters.redis.presence`."""

    def __init__(self, connections: MemoryConnections, instance: str) -> None:
        self._connections, self._instance = connections, instance

    async def start(self) -> None:
        self._connections.connect(self._instance)

    async def aclose(self) -> None:
        self._connections.cut(self._instance)

    @property
    def connected(self) -> bool:
        return self._instance in self._connections.open

    async def changed(self) -> None:
        await self._connections.changed(self._instance)

    async def look(self, instances: Iterable[str]) -> Look | None:
        redis = self._connections
        ours = redis.open.get(self._instance)
        if redis.away or ours is None:
            return None
        return Look(f"{ours} {redis.run}", frozenset({self._instance, *instances} & redis.open.keys()))
