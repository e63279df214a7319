"""
The source of truth about jobs and uploads, in DynamoDB: `JobRecords`, `Leases` and `UploadRecords` of `ports`.

Each transition is one conditional write (`adapters.dynamodb.conditions` tells which and why); what is here is the
reading of refusals, and after an answer that got lost, of the item's stamp, which tells whether the write took place.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from service.adapters.aws.clients import Aws
from service.adapters.dynamodb import conditions as changes
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
    stamp_of,
)
from service.adapters.dynamodb.table import Entries, Refusal
from service.adapters.dynamodb.uploads import DynamoUploads
from service.adapters.dynamodb.values import Item
from service.core.errors import (
    Definite,
    Fenced,
    IdempotencyReuse,
    IllegalTransition,
    Indefinite,
    NotFound,
    StoreError,
    Unavailable,
)
from service.core.jobs.job import Failure, Job, Output
from service.core.jobs.lease import Event, Holding, Lease, State
from service.core.jobs.queue import (
    NOTHING_SERVED,
    QUEUED,
    RUNNING,
    SHARDS,
    WINDOW,
    all_shards,
    candidates,
    fair,
    same_order,
    tag_in,
)
from service.core.shares import NO_LIMITS, RunningLimits
from service.ports.jobs import IdempotencyKey
from service.ports.time import Clock, Ids
from service.telemetry import emit, events

TRIES = 5  # of a write that keeps losing races; each loss means that another writer got on


class DynamoJobs(DynamoUploads):
    """Jobs and uploads in one table. `shards` must be the same in every process."""

    def __init__(self, aws: Aws, clock: Clock, ids: Ids, *, shards: int = SHARDS) -> None:
        super().__init__(aws, clock, ids)
        self._ids = ids
        self._shards = shards

    # ── accepting ────────────────────────────────────────────────────────────────────────────────────────────────

    async def submit(self, job: Job, key: IdempotencyKey | None = None) -> Job:
        """See `ports.jobs`; `job.created_at` counts as now."""
        await self._list_job(job)
        try:
            return await (self._submit(job) if key is None else self._submit_under(job, key))
        except Indefinite:
            if (there := await self._read_back(job.job_id)) is None:
                raise
            return _accepted(there, job)

    async def _submit(self, job: Job) -> Job:
        item = job_to_item(job, self._shards)
        refusal = await self._table.put(item, changes.put_new())
        return job_from_item(item) if refusal is None else _accepted(refusal.item, job)

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
                return _accepted(job_there.item if job_there else None, job)
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
    ) -> Sequence[str]:
        """See `ports.leases`; one query for each shard, at the same time. Who runs what counts among tenants alone."""
        if limit <= 0:
            return ()
        window = max(limit, WINDOW)

        def enough(found: Entries) -> bool:
            return len(candidates(found, now, window)) >= window

        entries = [(due_at, job_id_of(pk)) for due_at, pk in await self._keys(QUEUED, enough)]
        oldest = set(candidates(entries, now, window))
        tags = {tag_in(key) for key in oldest}
        apart = len(tags) > 1 or any(most_running.of(tag) is not None for tag in tags)
        running = [job_id_of(pk) for _, pk in await self._keys(RUNNING)] if apart else ()
        return fair((entry for entry in entries if entry[1] in oldest), running, now, limit, most_running.of, served)

    async def queued_by_tenant(self, limit: int) -> Mapping[str, int]:
        entries = await self._keys(QUEUED, lambda found: len(found) >= limit)
        return Counter(tag_in(job_id_of(pk)) for _, pk in entries)

    async def _keys(self, queue: str, enough: Callable[[Entries], bool] | None = None) -> Entries:
        """Return what the index holds in all shards of a queue, or as much of each as is enough."""
        shards = await asyncio.gather(*(self._table.keys_in(q, enough) for q in all_shards(queue, self._shards)))
        return list(itertools.chain(*shards))

    async def queued(self, limit: int) -> int:
        shards = await asyncio.gather(*(self._table.count_in(q, limit) for q in all_shards(QUEUED, self._shards)))
        return min(limit, sum(shards))

    async def oldest_due(self) -> float | None:
        shards = await asyncio.gather(*map(self._table.first_in, all_shards(QUEUED, self._shards)))
        return min((due_at for due_at in shards if due_at is not None), default=None)

    async def running(self) -> Sequence[Job]:
        items = await self._table.get_many(sorted({pk for _, pk in await self._keys(RUNNING)}))
        jobs = [job for item in items if (job := _readable_job(item)) and job.state is State.RUNNING]
        return sorted(jobs, key=lambda job: job.job_id)

    # ── taking ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def claim(self, key: str, owner: str, now: float) -> Job:
        answer = await self._move(key, changes.claim(key, owner, now, self._ids.new(), self._shards))
        if isinstance(answer, Job):
            return answer
        raise _cannot(Event.CLAIM, answer)

    async def take_over(self, seen: Lease, owner: str, *, excused: bool = False) -> Job:
        answer = await self._move(seen.key, changes.take_over(seen, owner, self._ids.new(), excused=excused))
        if isinstance(answer, Job):
            return answer
        raise IllegalTransition("The lease has not lapsed: it was renewed, taken over or ended since it was seen.")

    async def exhaust(self, seen: Lease, failure: Failure, now: float) -> Job:
        answer = await self._move(seen.key, changes.exhaust(seen, failure, now, self._ids.new()))
        if isinstance(answer, Job):
            return answer
        raise IllegalTransition("The lease has not lapsed: it was renewed, taken over or ended since it was seen.")

    # ── holding ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def renew(self, holding: Holding, percent: float, path: str | None) -> Job:
        """See `ports.leases`; a second call is needed only while a new attempt is behind the old one's mark."""
        answer = await self._move(holding.key, changes.renew(holding, percent, path))
        if isinstance(answer, Refusal) and answer.item and job_from_item(answer.item).lease.held_by(holding):
            answer = await self._move(holding.key, changes.renew_only(holding, path))
        return _as_holder(answer)

    async def release(self, holding: Holding, due_at: float, *, fault: bool) -> Job:
        change = changes.release(holding, due_at, self._ids.new(), self._shards, fault=fault)
        return _as_holder(await self._move(holding.key, change))

    async def succeed(self, holding: Holding, output: Output, now: float) -> Job:
        answer = await self._move(holding.key, changes.succeed(holding, output, now, self._ids.new()))
        if isinstance(answer, Refusal) and answer.item:
            there = job_from_item(answer.item)
            if there.state is State.SUCCEEDED and there.output == output:
                return await self._enter_output(there)
        return await self._enter_output(_as_holder(answer))

    async def fail(self, holding: Holding, failure: Failure, now: float, path: str | None = None) -> Job:
        return _as_holder(await self._move(holding.key, changes.fail(holding, failure, now, self._ids.new(), path)))

    async def stop(self, holding: Holding, now: float) -> Job:
        return _as_holder(await self._move(holding.key, changes.stop(holding, now, self._ids.new())))

    # ── from outside ─────────────────────────────────────────────────────────────────────────────────────────────

    async def cancel(self, job_id: str, now: float) -> Job:
        """See `ports.jobs`; the job may be claimed or released between two looks, so the loser looks again."""
        change = changes.cancel_queued(now)
        for _ in range(TRIES):
            answer = await self._move(job_id, change)
            if isinstance(answer, Job):
                return answer
            if answer.item is None:
                raise NotFound
            there = job_from_item(answer.item)
            if there.final:
                return there
            change = changes.cancel_running() if there.state is State.RUNNING else changes.cancel_queued(now)
        raise Unavailable("The job changes hands too fast to be cancelled.")

    async def note_shown(self, job_id: str, percent: float) -> None:
        await self._table.update(job_pk(job_id), changes.note_shown(percent))

    async def delete(self, job_id: str) -> None:
        before = await self._table.delete(job_pk(job_id), changes.forget())
        if isinstance(before, Refusal):
            raise IllegalTransition("Only a job that is over can be deleted; cancel it first.")
        if before is not None and (job := _readable_job(before)) is not None and job.output is not None:
            await self._strike(job_id, job.output.size)
        await self._unlist_job(job_id)

    # ── lost answers ─────────────────────────────────────────────────────────────────────────────────────────────

    async def _move(self, job_id: str, change: Change) -> Job | Refusal:
        """Write; our own stamp in the item means that it is done, whatever the answer was."""
        try:
            answer = await self._table.update(job_pk(job_id), change)
        except Indefinite:
            there = await self._read_back(job_id)
            if there is None or not _ours(there, change):
                raise
            return job_from_item(there)
        if not isinstance(answer, Refusal):
            return job_from_item(answer)
        if answer.item is not None and _ours(answer.item, change):
            return job_from_item(answer.item)
        return answer

    async def _read_back(self, job_id: str) -> Item | None:
        """Return the item after an indefinite answer; None also if it cannot be read, because then nothing is known."""
        try:
            return await self._table.get(job_pk(job_id))
        except StoreError:
            return None


def _ours(item: Item, change: Change) -> bool:
    return change.stamp is not None and stamp_of(item) == change.stamp


def _accepted(there: Item | None, job: Job) -> Job:
    """Return the job under this id, if it is the one that was submitted."""
    if there is not None and same_order(found := job_from_item(there), job):
        return found
    raise IllegalTransition("Another job has this id.")


def _as_holder(answer: Job | Refusal) -> Job:
    if isinstance(answer, Job):
        return answer
    raise Fenced


def _cannot(event: Event, refusal: Refusal) -> IllegalTransition | NotFound:
    if refusal.item is None:
        return NotFound()
    return IllegalTransition(f"a lease that is {job_from_item(refusal.item).state} cannot {event}")


def _readable_job(item: Item) -> Job | None:
    """Read a job, or None if it is damaged: one such item must not keep all others from being rescued."""
    try:
        return job_from_item(item)
    except Definite as error:
        emit(events.AWS_FAILURE, service="dynamodb", operation="read", reason=error.detail)
        return None
