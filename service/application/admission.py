"""
Admission control: the queue limit (429), the upload slots and the memory of this container (503).

The queue has a limit because jobs in a queue without one would wait for ever. Uploads take memory in this very
container, so their number, whole ones and parts together, has one: another container may have room. A worker without
a free slot is no reason to refuse a job, because the job waits in the queue for any container.

Of the queue and of the upload slots one tenant gets a share (429), so that others find a place however many requests
it sends. The queue is counted in the index, which is a moment old, and every process counts for itself: a burst over
several containers may overshoot both limits of the queue a little.

Only in one case is a job refused for want of a worker: this process is the only one known to convert (it has a worker,
and no other process holds a job), and it is out of memory or disk. *Known* is a guess: an idle container elsewhere
leaves no trace, and such a refusal costs its client one more try.
"""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass

from service.application.context import ServiceContext
from service.core.errors import Busy, NoCapacity, QueueFull, StoreError
from service.core.jobs.queue import tag_of_tenant
from service.core.limits.capacity import Load, WorkerStatus, short_of
from service.core.limits.shares import TenantQueueFull, TenantUploadsBusy

QUEUE_COUNT_TTL = 1.0  # seconds for which a count is believed; what this process accepts meanwhile is added to it


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Of the whole service. `queued` stops counting at the limit; None if the store cannot be asked."""

    queued: int | None
    running: int | None
    elsewhere: int | None  # running, held by other processes


class Admission:
    """One for each process."""

    def __init__(self, context: ServiceContext) -> None:
        self._context, self._config = context, context.config
        self._queued = 0
        self._queued_of: Counter[str] = Counter()  # by the tags of tenants; empty in a service without keys
        self._counted_until = -QUEUE_COUNT_TTL  # monotonic seconds
        self._uploads_of: Counter[str] = Counter()  # by tenant
        self.uploads = 0  # being received now

    async def admit_job(self, tenant: str) -> None:
        """Let one more job of a tenant in. Raises `TenantQueueFull`, `QueueFull`, `NoCapacity`, `StoreError`."""
        limit, share, tag = self._config.max_queued, self._config.limits_of(tenant).queued, tag_of_tenant(tenant)
        await self._count(tenant, limit)
        if tenant and self._queued_of[tag] >= share:
            raise TenantQueueFull(
                f"This tenant has {share} jobs waiting, which is its limit.", limit=share, limit_name="queued"
            )
        if self._queued >= limit:
            raise QueueFull(limit=limit)
        worker = self.worker_status()
        if worker is not None and set(worker.short_of) - {"cpu"} and not await self._others_work():
            raise NoCapacity
        self._queued += 1
        self._queued_of[tag] += 1

    async def _count(self, tenant: str, limit: int) -> None:
        """Count the queue anew if the last count is too old; by tenant, where there is more than one."""
        jobs, clock = self._context.jobs, self._context.clock
        if clock.monotonic() < self._counted_until:
            return
        if tenant:
            self._queued_of = Counter(await jobs.queued_by_tenant(limit))
            self._queued = self._queued_of.total()
        else:
            self._queued = await jobs.queued(limit)
        self._counted_until = clock.monotonic() + QUEUE_COUNT_TTL

    @contextlib.asynccontextmanager
    async def upload_slot(self, tenant: str) -> AsyncIterator[None]:
        """Hold a place for one upload of a tenant, for as long as it takes. Raises `TenantUploadsBusy`, `Busy`."""
        share = self._config.limits_of(tenant).uploads
        if tenant and self._uploads_of[tenant] >= share:
            raise TenantUploadsBusy(
                f"This tenant sends {share} uploads to this container, which is its limit.",
                limit=share,
                limit_name="uploads",
            )
        if self.uploads >= self._config.max_uploads:
            raise Busy(limit=self._config.max_uploads)
        if "memory" in short_of(self.load(), self._config.limits, 0):
            raise Busy
        self.uploads += 1
        self._uploads_of[tenant] += 1
        try:
            yield
        finally:
            self.uploads -= 1
            self._uploads_of[tenant] -= 1
            if not self._uploads_of[tenant]:
                del self._uploads_of[tenant]

    def worker_status(self) -> WorkerStatus | None:
        """Return what the worker of this process does; None if it has none."""
        return self._context.worker_status()

    def load(self) -> Load:
        """Return the readings of this container."""
        return self._context.capacity.load()

    async def counts(self) -> Counts:
        """Count anew. A store that is away makes the numbers unknown, and is no error."""
        try:
            running = await self._context.jobs.running()
            return Counts(
                queued=await self._context.jobs.queued(self._config.max_queued),
                running=len(running),
                elsewhere=sum(job.owner != self._config.instance for job in running),
            )
        except StoreError:
            return Counts(queued=None, running=None, elsewhere=None)

    async def _others_work(self) -> bool:
        """Tell whether another process is seen to work; in doubt, yes."""
        elsewhere = (await self.counts()).elsewhere
        return elsewhere is None or elsewhere > 0
