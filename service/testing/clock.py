"""Time and chance for tests: a clock that moves only when it is told to, and ids that are the same in every run."""

import asyncio
import base64
import hashlib
import heapq
import itertools
from collections.abc import Generator

NOON = 1_800_000_000.0  # 2027-01-15 08:00:00 UTC; any fixed moment will do
TURNS = 50  # how often the event loop goes round before tasks are taken to have settled


class SteppingClock:
    """
    `ports.Clock` that stands still until `advance`.

    Sleepers wake in the order of their times, each at its own time, and what they start runs before the next one wakes.
    """

    def __init__(self, wall: float = NOON) -> None:
        self._wall_minus_monotonic = wall
        self._now = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._changed = asyncio.Event()

    def wall(self) -> float:
        """Return seconds since the epoch, to the millisecond."""
        return round(self._wall_minus_monotonic + self._now, 3)

    def monotonic(self) -> float:
        """Return seconds since this clock was made."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was moved so far; with 0 or less, only let others run."""
        if seconds <= 0:
            await _Turn()
            return
        waking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sleeper = (self._now + seconds, next(self._order), waking)
        heapq.heappush(self._sleepers, sleeper)
        self._changed.set()
        try:
            await waking
        finally:
            if sleeper in self._sleepers:  # cancelled
                self._sleepers.remove(sleeper)
                heapq.heapify(self._sleepers)
            self._changed.set()

    @property
    def asleep(self) -> int:
        """How many wait for this clock."""
        return len(self._sleepers)

    async def advance(self, seconds: float) -> None:
        """Move time on, wake the sleepers that are due, and let everything settle that waits for nothing outside."""
        end = self._now + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            moment, _, waking = heapq.heappop(self._sleepers)
            self._now = max(self._now, moment)
            if not waking.done():
                waking.set_result(None)
            await settle()
        self._now = end

    async def until_asleep(self, count: int = 1) -> None:
        """Wait (for real, as long as it takes) until at least `count` tasks sleep on this clock."""
        while self.asleep < count:
            self._changed.clear()
            await self._changed.wait()

    def set_wall(self, wall: float) -> None:
        """Make the wall clock wrong (or right): it jumps, monotonic time does not notice."""
        self._wall_minus_monotonic = wall - self._now


class SeededIds:
    """`ports.Ids` whose every answer follows from the seed and from how often it was asked."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._count = itertools.count()

    def new(self) -> str:
        """Return 26 characters of [a-z2-7], as the real ones are."""
        return base64.b32encode(self._bytes()[:16]).decode().rstrip("=").lower()

    def draw(self) -> float:
        """Return a number in [0, 1)."""
        return (int.from_bytes(self._bytes()[:8]) >> 11) / 2**53

    def _bytes(self) -> bytes:
        return hashlib.sha256(f"{self._seed}:{next(self._count)}".encode()).digest()


async def settle() -> None:
    """Let other tasks run until those are done that wait for nothing but each other."""
    await turns(TURNS)


async def turns(number: int) -> None:
    """Let the event loop go round so many times."""
    for _ in range(number):
        await _Turn()


class _Turn:
    """One round of the event loop."""

    def __await__(self) -> Generator[None]:
        yield
