"""
The source of truth about jobs and uploads, in DynamoDB: `JobRecords`, `Leases` and `UploadRecords` of `ports`.

Each transition is one conditional write (`adapters.dynamodb.conditions` tells which and why); what is here is the
reading of refusals, and after an answer that got lost, of the item's stamp, which tells whether the write took place.
"""

import asyncio
import itertools
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from service.adapters.aws.clients import Aws
from service.adapters.dynamodb import conditions as changes
from service.adapters.dynamodb import endings
from service.adapters.dynamodb.answers import as_holder, as_submitted, as_watcher, cannot, readable_job
from service.adapters.dynamodb.conditions import Change
from service.adapters.dynamodb.items import (
    accepted_under,
    idempotency_pk,
    idempotency_to_item,
    job_from_item,
    job_id_of,
    job_pk,
    job_to_item,
    key_expired,
)
from service.adapters.dynamodb.notes import DynamoNotes
from service.adapters.dynamodb.outbox import Announcing, DynamoOutbox
from service.adapters.dynamodb.table import PAGE, Entries, Refusal
from service.adapters.dynamodb.uploads import DynamoUploads
from service.core.errors import (
    IdempotencyReuse,
    IllegalTransition,
    Indefinite,
    NotFound,
    Unavailable,
)
from service.core.jobs.job import Failure, Job, Output
from service.core.jobs.lease import Event, Holding, Lease, State
from service.core.jobs.queue import (
    NO_SPREAD,
    NOTHING_SERVED,
    QUEUED,
    RUNNING,
    SHARDS,
    WINDOW,
    Spread,
    all_shards,
    candidates,
    fair,
    tag_in,
)
from service.core.limits.shares import NO_LIMITS, RunningLimits
from service.ports.jobs import IdempotencyKey
from service.ports.time import Clock, Ids

TRIES = 5  # of a write that keeps losing races; each loss means that another writer got on


class DynamoJobs(DynamoUploads, DynamoNotes, DynamoOutbox):
    """Jobs and uploads in one table. `shards` must be the same in every process."""

    def __init__(
        self, aws: Aws, clock: Clock, ids: Ids, *, shards: int = SHARDS, announcing: Announcing | None = None
    ) -> None:
        """`announcing` says whose jobs are put into the outbox when they end; None: nobody's."""
        super().__init__(aws, clock, ids)
        self._ids = ids
        self._shards = shards
        self._announcing = announcing or Announcing()

    # ── accepting ────────────────────────────────────────────────────────────────────────────────────────────────

    async def submit(self, job: Job, key: IdempotencyKey | None = None) -> Job:
        """See `ports.jobs`; `job.created_at` counts as now."""
        await self._list_job(job)
        try:
            return await (self._submit(job) if key is None else self._submit_under(job, key))
        except Indefinite:
            if (there := await self._read_back(job.job_id)) is None:
                raise
            return as_submitted(there, job)

    async def _submit(self, job: Job) -> Job:
        item = job_to_item(job, self._shards)
        refusal = await self._table.put(item, changes.put_new())
        return job_from_item(item) if refusal is None else as_submitted(refusal.item, job)

    async def _submit_under(self, job: Job, key: IdempotencyKey) -> Job:
        item = job_to_item(job, self._shards)
        deleted: str | None = None
        for _ in range(TRIES):
            refusals = await self._table.put_all([
                (idempotency_to_item(key, job), changes.use_key(job.created_at, deleted)),
                (item, changes.put_new()),
            ])  # fmt: skip
            if refusals is None:
                return job_from_item(item)
            key_taken, job_there = refusals
            if key_taken is None or key_taken.item is None:
                return as_submitted(job_there.item if job_there else None, job)
            first, fingerprint = accepted_under(key_taken.item)
            if fingerprint != key.fingerprint:
                raise IdempotencyReuse
            if accepted := await self.get(first):
                return accepted
            deleted = first
        raise Unavailable("The idempotency key is fought over.")

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def accepted(self, key: IdempotencyKey, now: float) -> Job | None:
        item = await self._table.get(idempotency_pk(key.key))
        if item is None or key_expired(item, now):
            return None
        first, fingerprint = accepted_under(item)
        if fingerprint != key.fingerprint:
            raise IdempotencyReuse
        return await self.get(first)

    async def get(self, job_id: str) -> Job | None:
        item = await self._table.get(job_pk(job_id))
        return job_from_item(item) if item else None

    async def get_many(self, job_ids: Sequence[str]) -> Mapping[str, Job]:
        items = await self._table.get_many([job_pk(job_id) for job_id in job_ids])
        return {job.job_id: job for job in map(job_from_item, items)}

    async def claimable(
        self,
        now: float,
        limit: int,
        most_running: RunningLimits = NO_LIMITS,
        served: Mapping[str, int] = NOTHING_SERVED,
        spread: Spread = NO_SPREAD,
    ) -> Sequence[str]:
        """See `ports.leases`; one query for each shard, at the same time. Who runs what counts among tenants alone."""
        if limit <= 0:
            return ()
        window = max(limit, WINDOW)
        # Of a shard; hardly ever are more of the oldest in one.
        each = min(window, math.ceil(window / self._shards + 2 * math.sqrt(window)))

        def enough(found: Entries) -> bool:
            return len(candidates(found, now, each)) >= each

        entries = [(due_at, job_id_of(pk)) for due_at, pk in await self._keys(QUEUED, enough, each)]
        oldest = set(candidates(entries, now, window))
        tags = {tag_in(key) for key in oldest}
        apart = len(tags) > 1 or any(most_running.of(tag) is not None for tag in tags)
        running = [job_id_of(pk) for _, pk in await self._keys(RUNNING)] if apart else ()
        due = (entry for entry in entries if entry[1] in oldest)
        return fair(due, running, now, limit, most_running.of, served, spread)

    async def queued_by_tenant(self, limit: int) -> Mapping[str, int]:
        entries = await self._keys(QUEUED, lambda found: len(found) >= limit)
        return Counter(tag_in(job_id_of(pk)) for _, pk in entries)

    async def _keys(self, queue: str, enough: Callable[[Entries], bool] | None = None, page: int = PAGE) -> Entries:
        """Return what the index holds in all shards of a queue, or as much of each as is enough."""
        shards = await asyncio.gather(
            *(self._table.keys_in(q, enough, page=page) for q in all_shards(queue, self._shards))
        )
        return list(itertools.chain(*shards))

    async def queued(self, limit: int) -> int:
        shards = await asyncio.gather(*(self._table.count_in(q, limit) for q in all_shards(QUEUED, self._shards)))
        return min(limit, sum(shards))

    async def oldest_due(self) -> float | None:
        shards = await asyncio.gather(*map(self._table.first_in, all_shards(QUEUED, self._shards)))
        return min((due_at for due_at in shards if due_at is not None), default=None)

    async def running(self) -> Sequence[Job]:
        items = await self._table.get_many(sorted({pk for _, pk in await self._keys(RUNNING)}))
        jobs = [job for item in items if (job := readable_job(item)) and job.state is State.RUNNING]
        return sorted(jobs, key=lambda job: job.job_id)

    # ── taking ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def claim(self, key: str, owner: str, now: float) -> Job:
        answer = await self._move(key, changes.claim(key, owner, now, self._ids.new(), self._shards))
        if isinstance(answer, Job):
            return answer
        raise cannot(Event.CLAIM, answer)

    async def take_over(self, seen: Lease, owner: str, *, excused: bool = False) -> Job:
        change = changes.take_over(seen, owner, self._ids.new(), excused=excused)
        return as_watcher(await self._move(seen.key, change))

    async def requeue(self, seen: Lease, *, excused: bool = False) -> Job:
        change = changes.requeue(seen, self._ids.new(), self._shards, excused=excused)
        return as_watcher(await self._move(seen.key, change))

    async def exhaust(self, seen: Lease, failure: Failure, now: float) -> Job:
        change = endings.exhaust(seen, failure, now, self._ids.new(), self._announcing.notice(seen.key, now))
        return as_watcher(await self._end(seen.key, change))

    # ── holding ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def renew(self, holding: Holding, percent: float, path: str | None) -> Job:
        """See `ports.leases`; a second call is needed only while a new attempt is behind the old one's mark."""
        answer = await self._move(holding.key, changes.renew(holding, percent, path))
        if isinstance(answer, Refusal) and answer.item and job_from_item(answer.item).lease.held_by(holding):
            answer = await self._move(holding.key, changes.renew_only(holding, path))
        return as_holder(answer)

    async def release(self, holding: Holding, due_at: float, *, fault: bool) -> Job:
        change = changes.release(holding, due_at, self._ids.new(), self._shards, fault=fault)
        return as_holder(await self._move(holding.key, change))

    async def succeed(self, holding: Holding, output: Output, now: float) -> Job:
        notice = self._announcing.notice(holding.key, now)
        answer = await self._end(holding.key, endings.succeed(holding, output, now, self._ids.new(), notice))
        if isinstance(answer, Refusal) and answer.item:
            there = job_from_item(answer.item)
            if there.state is State.SUCCEEDED and there.output == output:
                return await self._enter_output(there)
        return await self._enter_output(as_holder(answer))

    async def fail(self, holding: Holding, failure: Failure, now: float, path: str | None = None) -> Job:
        notice = self._announcing.notice(holding.key, now)
        return as_holder(
            await self._end(holding.key, endings.fail(holding, failure, now, self._ids.new(), path, notice))
        )

    async def stop(self, holding: Holding, now: float) -> Job:
        notice = self._announcing.notice(holding.key, now)
        return as_holder(await self._end(holding.key, endings.stop(holding, now, self._ids.new(), notice)))

    async def _end(self, job_id: str, change: Change) -> Job | Refusal:
        """Write the end of a job, and tell this process of the notification that came with it."""
        answer = await self._move(job_id, change)
        if isinstance(answer, Job) and answer.final:
            self._announcing.tell(answer)
        return answer

    # ── from outside ─────────────────────────────────────────────────────────────────────────────────────────────

    async def cancel(self, job_id: str, now: float) -> Job:
        """See `ports.jobs`; the job may be claimed or released between two looks, so the loser looks again."""
        end = endings.cancel_queued(now, self._ids.new(), self._announcing.notice(job_id, now))
        change = end
        for _ in range(TRIES):
            answer = await self._end(job_id, change)
            if isinstance(answer, Job):
                return answer
            if answer.item is None:
                raise NotFound
            there = job_from_item(answer.item)
            if there.final:
                return there
            change = changes.cancel_running() if there.state is State.RUNNING else end
        raise Unavailable("The job changes hands too fast to be cancelled.")

    async def delete(self, job_id: str) -> None:
        before = await self._table.delete(job_pk(job_id), changes.forget())
        if isinstance(before, Refusal):
            raise IllegalTransition("Only a job that is over can be deleted; cancel it first.")
        if before is not None and (job := readable_job(before)) is not None and job.output is not None:
            await self._strike(job_id, job.output.size)
        await self._unlist_job(job_id)
