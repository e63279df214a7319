"""
Who is let in, and the numbers behind that answer.

A queue without an end is a promise that nobody can keep, so it has a limit: 429. Uploads take memory in this very
container, so their number, whole ones and parts together, has one: 503, and another container may have room. A full
slot refuses nobody, because a job waits in the queue for any container.

Only in one case is a job refused for want of a worker: this process is the only one known to convert (it has a worker,
and nobody else holds a job), and it is out of memory or disk. *Known* is a guess: an idle container elsewhere
leaves no trace, and such a refusal costs its client one more try.
"""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from service.core.capacity import Crew, Load, short_of
from service.core.errors import Busy, NoCapacity, QueueFull, StoreError
from service.ports.capacity import Capacity
from service.ports.jobs import JobStore
from service.ports.time import Clock
from service.web.config import WebConfig

FRESH = 1.0  # seconds for which a count is believed; what this process accepts meanwhile is added to it


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Of the whole service. `queued` stops counting at the limit; None if the store cannot be asked."""

    queued: int | None
    running: int | None
    elsewhere: int | None  # running, held by other processes


class Admission:
    """One for each process. `crew` is its worker, None if it has none."""

    def __init__(
        self, jobs: JobStore, clock: Clock, capacity: Capacity, crew: Callable[[], Crew | None], config: WebConfig
    ) -> None:
        self._jobs, self._clock, self._capacity, self.crew, self._config = jobs, clock, capacity, crew, config
        self._queued = 0
        self._until = -FRESH  # monotonic seconds
        self.uploads = 0  # being received now

    async def job(self) -> None:
        """Let one more job in. Raises `QueueFull`, `NoCapacity`, `StoreError`."""
        if self._clock.monotonic() >= self._until:
            self._queued = await self._jobs.queued(self._config.max_queued)
            self._until = self._clock.monotonic() + FRESH
        if self._queued >= self._config.max_queued:
            raise QueueFull(limit=self._config.max_queued)
        crew = self.crew()
        if crew is not None and set(crew.short_of) - {"cpu"} and not await self._others():
            raise NoCapacity
        self._queued += 1

    @contextlib.asynccontextmanager
    async def upload(self) -> AsyncIterator[None]:
        """A place for one upload, for as long as it takes. Raises `Busy`."""
        if self.uploads >= self._config.max_uploads:
            raise Busy(limit=self._config.max_uploads)
        if "memory" in short_of(self.load(), self._config.limits, 0):
            raise Busy
        self.uploads += 1
        try:
            yield
        finally:
            self.uploads -= 1

    def load(self) -> Load:
        """The readings of this container."""
        return self._capacity.load()

    async def counts(self) -> Counts:
        """Count anew. A store that is away makes it unknown, and is no error."""
        try:
            running = await self._jobs.running()
            return Counts(
                queued=await self._jobs.queued(self._config.max_queued),
                running=len(running),
                elsewhere=sum(job.owner != self._config.instance for job in running),
            )
        except StoreError:
            return Counts(queued=None, running=None, elsewhere=None)

    async def _others(self) -> bool:
        """Whether anybody else is seen to work; in doubt, yes."""
        elsewhere = (await self.counts()).elsewhere
        return elsewhere is None or elsewhere > 0


# What a handler writes to be handed it.
Admit = NamedDependency[SkipValidation[Admission]]
