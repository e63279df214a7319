"""
Follow jobs: streams and waits of one process that are about one job share one poller.

The poller looks at the board often and at the record now and then, and hands what it has read to all that follow. It
ends with the last of them. What somebody follows holds a place for that long: a tenant has a limited number of places,
and so has the process.
"""

import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import AsyncIterator
from typing import Final

from service.application.reads import Look, SharedReads
from service.core.errors import Busy, RepriseError, TooManyStreams
from service.ports.hints import ProgressBoard
from service.ports.time import Clock

BOARD_INTERVAL: Final = 0.25  # seconds between two looks at the board


class Place:
    """What a stream or a wait takes up. It is given back once, however often `release` is called."""

    def __init__(self, counts: Counter[str], tenant: str) -> None:
        self._counts, self._tenant, self._held = counts, tenant, True
        counts[tenant] += 1

    def release(self) -> None:
        """Give it back."""
        if self._held:
            self._held = False
            self._counts[self._tenant] -= 1
            if not self._counts[self._tenant]:
                del self._counts[self._tenant]

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        self.release()


class Following:
    """One for each process. `most` and `most_per_tenant`: streams and waits that may be open at once."""

    def __init__(
        self, reads: SharedReads, board: ProgressBoard, clock: Clock, *, most: int, most_per_tenant: int
    ) -> None:
        self._reads, self._board, self._clock = reads, board, clock
        self._most, self._most_per_tenant = most, most_per_tenant
        self._pollers: dict[str, Poller] = {}
        self._open: Counter[str] = Counter()

    def take_place(self, tenant: str) -> Place:
        """Take a place for a stream or a wait of a tenant. Raises `TooManyStreams`, `Busy`."""
        if self._open[tenant] >= self._most_per_tenant:
            raise TooManyStreams(limit=self._most_per_tenant)
        if self._open.total() >= self._most:
            raise Busy(limit=self._most)
        return Place(self._open, tenant)

    @contextlib.asynccontextmanager
    async def follow(self, job_id: str, every: float) -> AsyncIterator["Poller"]:
        """Share the poller of a job for the length of this block; it reads the record `every` so many seconds."""
        poller = self._pollers.get(job_id)
        if poller is None:
            poller = self._pollers[job_id] = Poller(job_id, self._reads, self._board, self._clock)
        poller.wishes.append(every)
        try:
            yield poller
        finally:
            poller.wishes.remove(every)
            if not poller.wishes:
                del self._pollers[job_id]
                await poller.end()


class Poller:
    """Of one job. It tells its followers at each tick, whether there is something new or not."""

    def __init__(self, job_id: str, reads: SharedReads, board: ProgressBoard, clock: Clock) -> None:
        self._job_id, self._reads, self._board, self._clock = job_id, reads, board, clock
        self.wishes: list[float] = []  # of each follower: seconds after which the record is read in any case
        self.latest: Look | RepriseError | None = None
        self._tick: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._poll(), name=f"poll {job_id}")
        self._task.add_done_callback(self._ended)

    async def tick(self) -> Look | RepriseError | None:
        """Wait for the next tick; return what was read last, or went wrong then."""
        await asyncio.shield(self._tick)
        return self.latest

    async def end(self) -> None:
        """Stop polling."""
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _poll(self) -> None:
        hint, read_at = None, -math.inf
        while self.wishes:  # a client of Redis may swallow a cancellation
            await self._clock.sleep(BOARD_INTERVAL)
            if not self.wishes:
                return
            now = self._clock.monotonic()
            if isinstance(self.latest, RepriseError):
                self.latest = None  # it was told
            try:
                latest = await self._board.read(self._job_id)
                if latest != hint or now - read_at >= min(self.wishes):
                    hint, read_at = latest, now
                    self.latest = await self._reads.look(self._job_id)
            except RepriseError as error:
                self.latest = error
            self._tell()

    def _tell(self) -> None:
        tick, self._tick = self._tick, asyncio.get_running_loop().create_future()
        tick.set_result(None)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """Let no follower wait for a poller that has ended of an error of ours."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._tick.set_exception(error)
            self._tick.exception()  # marks it as seen
