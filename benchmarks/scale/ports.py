"""
The stores as one worker reaches them: each call takes its time, consumes units, and may be throttled.

The methods are those of `service.adapters.dynamodb.store`, call for call: which queries it sends, how many pages these
have, and which shards of the index a write changes. A test sends the same calls through the adapter to DynamoDB Local
and compares the units.
"""

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from benchmarks.scale.meter import Meter
from benchmarks.scale.sizes import index_writes, read_units, size_of, write_units
from benchmarks.scale.store import Looked, ScaleJobs, apart, keys_of
from benchmarks.scale.watching import Watching
from service.adapters.dynamodb import listing, uploads
from service.adapters.dynamodb.table import BATCH
from service.adapters.dynamodb.values import item_of
from service.core.errors import NotFound, Refused, Throttled
from service.core.jobs.job import Failure, Job, Output
from service.core.jobs.lease import Holding, Lease, State
from service.core.jobs.queue import (
    NO_SPREAD,
    NOTHING_SERVED,
    QUEUED,
    RUNNING,
    SHARDS,
    WINDOW,
    Spread,
    candidates,
    queue_of,
)
from service.core.limits.shares import NO_LIMITS, RunningLimits
from service.core.listing import place_of
from service.ports.jobs import IdempotencyKey
from service.testing.memory_workers import MemoryWorkers
from service.testing.virtual_time import Dice, VirtualClock

T = TypeVar("T")

TRIES = 3  # of a call that is throttled: `total_max_attempts` of the adapter's client
LEAST, MEAN = 0.0015, 0.002  # seconds for one way; the second one comes on top and is exponentially distributed


@dataclass(frozen=True, slots=True)
class Backing:
    """What all workers share."""

    store: ScaleJobs
    meter: Meter
    watching: Watching
    dice: Dice
    ring: MemoryWorkers


class Reached:
    """A way to the table for one worker, which is called `name`."""

    def __init__(self, backing: Backing, name: str) -> None:
        self._store, self._meter, self._watching = backing.store, backing.meter, backing.watching
        self._dice, self._name, self._clock = backing.dice, name, VirtualClock()

    async def _travel(self) -> None:
        """Bring a request there, or its answer back."""
        await self._clock.sleep(LEAST + MEAN * self._dice.expovariate(1.0))

    async def _admitted(self, partitions: Iterable[str], *, write: bool) -> None:
        """Wait until the partitions take the request, as botocore does. Raises `Throttled` after `TRIES`."""
        for number in range(TRIES):
            if self._meter.admits(partitions, write=write):
                return
            if number + 1 < TRIES:
                await self._clock.sleep(self._dice.random() * 2**number)
        raise Throttled

    async def _query(
        self, operation: str, queue: str, *, enough: int | None = None, due_by: float = 0.0
    ) -> Mapping[str, Looked]:
        return await self._asked(operation, queue, lambda shard: self._store.look(shard, enough=enough, due_by=due_by))

    async def _asked(self, operation: str, queue: str, look: Callable[[str], Looked]) -> Mapping[str, Looked]:
        """Ask all shards at the same time; the slowest one counts, and the most pages."""
        shards = [f"{queue}#{number}" for number in range(SHARDS)]
        await self._travel()
        await self._admitted(shards, write=False)
        found = {shard: look(shard) for shard in shards}
        self._meter.charge(operation, index_reads={shard: one.reads for shard, one in found.items()})
        for _ in range(max(one.pages for one in found.values())):
            await self._travel()
        return found


class CountedJobs(Reached):
    """`JobRecords` and `Leases` of one worker."""

    # ── accepting ────────────────────────────────────────────────────────────────────────────────────────────────

    async def submit(self, job: Job, key: IdempotencyKey | None = None) -> Job:
        await self._enter("list job", size_of_listed(job), "listed")
        return await self._write("submit", job.job_id, (QUEUED,), lambda: self._store.submit(job, key))

    async def accepted(self, key: IdempotencyKey, now: float) -> Job | None:
        raise NotImplementedError("workers accept no jobs")

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def get(self, job_id: str) -> Job | None:
        return (await self.get_many([job_id])).get(job_id)

    async def get_many(self, job_ids: Sequence[str]) -> Mapping[str, Job]:
        await self._travel()
        found = await self._store.get_many(job_ids)
        self._meter.charge("get", reads=self._read(job_ids))
        await self._travel()
        return found

    async def claimable(
        self,
        now: float,
        limit: int,
        most_running: RunningLimits = NO_LIMITS,
        served: Mapping[str, int] = NOTHING_SERVED,
        spread: Spread = NO_SPREAD,
    ) -> Sequence[str]:
        if limit <= 0:
            return ()
        window = max(limit, WINDOW)
        each = min(window, math.ceil(window / SHARDS + 2 * math.sqrt(window)))
        queued = await self._query("claimable", QUEUED, enough=each, due_by=now)
        oldest = candidates(((due_at, key) for due_at, key, _ in keys_of(queued)), now, window)
        running = await self._query("claimable", RUNNING) if apart(oldest, most_running) else {}
        return self._store.chosen(queued, running, now, limit, (most_running, served, spread))

    async def queued(self, limit: int) -> int:
        found = await self._asked("queued", QUEUED, lambda shard: self._store.count(shard, limit))
        return min(limit, sum(len(one.entries) for one in found.values()))

    async def queued_by_tenant(self, limit: int) -> Mapping[str, int]:
        raise NotImplementedError("workers admit no jobs")

    async def oldest_due(self) -> float | None:
        found = await self._asked("oldest_due", QUEUED, lambda shard: self._store.count(shard, 1))
        return min((due_at for due_at, _, _ in keys_of(found)), default=None)

    async def running(self) -> Sequence[Job]:
        listed = sorted(key for _, key, _ in keys_of(await self._query("running", RUNNING)))
        if not listed:
            return ()
        for _ in range(math.ceil(len(listed) / BATCH)):
            await self._travel()
        self._meter.charge("running, records", reads=self._read(listed))
        jobs = self._store.jobs
        found = [job for key in listed if (job := jobs.get(key)) and job.state is State.RUNNING]
        self._watching.looked(self._name, found)
        await self._travel()
        return found

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def claim(self, key: str, owner: str, now: float) -> Job:
        return await self._write("claim", key, (QUEUED, RUNNING), lambda: self._store.claim(key, owner, now))

    async def take_over(self, seen: Lease, owner: str, *, excused: bool = False) -> Job:
        return await self._write("take_over", seen.key, (), lambda: self._store.take_over(seen, owner, excused=excused))

    async def requeue(self, seen: Lease, *, excused: bool = False) -> Job:
        requeue = lambda: self._store.requeue(seen, excused=excused)  # noqa: E731
        return await self._write("requeue", seen.key, (QUEUED, RUNNING), requeue)

    async def note_alive(self, key: str, attempt: int) -> None:
        await self._write("note_alive", key, (), lambda: self._store.note_alive(key, attempt))

    async def exhaust(self, seen: Lease, failure: Failure, now: float) -> Job:
        return await self._write("exhaust", seen.key, (RUNNING,), lambda: self._store.exhaust(seen, failure, now))

    async def renew(self, holding: Holding, percent: float, path: str | None) -> Job:
        before = self._store.jobs.get(holding.key)
        if before is not None and before.lease.held_by(holding) and percent < before.percent:  # the mark of another one
            await self._refusal("renew", holding.key)
        return await self._write("renew", holding.key, (), lambda: self._store.renew(holding, percent, path))

    async def release(self, holding: Holding, due_at: float, *, fault: bool) -> Job:
        release = lambda: self._store.release(holding, due_at, fault=fault)  # noqa: E731
        return await self._write("release", holding.key, (QUEUED, RUNNING), release)

    async def succeed(self, holding: Holding, output: Output, now: float) -> Job:
        job = await self._write("succeed", holding.key, (RUNNING,), lambda: self._store.succeed(holding, output, now))
        await self._enter("enter output", size_of_account(job, output), "stored")
        return job

    async def fail(self, holding: Holding, failure: Failure, now: float, path: str | None = None) -> Job:
        return await self._write("fail", holding.key, (RUNNING,), lambda: self._store.fail(holding, failure, now, path))

    async def stop(self, holding: Holding, now: float) -> Job:
        return await self._write("stop", holding.key, (RUNNING,), lambda: self._store.stop(holding, now))

    async def cancel(self, job_id: str, now: float) -> Job:
        return await self._write("cancel", job_id, (QUEUED,), lambda: self._store.cancel(job_id, now))

    async def note_shown(self, job_id: str, percent: float) -> None:
        raise NotImplementedError("workers answer no polls")

    async def delete(self, job_id: str) -> None:
        raise NotImplementedError("workers delete no jobs")

    # ── underneath ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _read(self, keys: Sequence[str]) -> float:
        sizes = self._store.sizes
        return sum(read_units(sizes.get(key, 0)) for key in keys)

    async def _write(self, operation: str, key: str, queues: Sequence[str], work: Callable[[], Awaitable[T]]) -> T:
        """Write; a condition that does not hold costs what the item does that is there."""
        await self._travel()
        await self._admitted(shards_of(key, queues), write=True)
        store, meter = self._store, self._meter
        store.forget_write()
        before = store.jobs.get(key)
        try:
            result = await work()
        except (Refused, NotFound):
            meter.charge(operation, writes=write_units(store.sizes.get(key, 0)), refused=True)
            self._watching.refused(operation)
            await self._travel()
            raise
        written = store.last_write()
        if written is None:  # a repetition that changed nothing
            meter.charge(operation, writes=write_units(store.sizes.get(key, 0)), refused=True)
        else:
            units, shards = write_units(*written.sizes), index_writes(*written.places)
            meter.charge(operation, writes=units, index_writes=shards)
            self._watching.wrote(operation, before, written.after)
        await self._travel()
        return result

    async def _refusal(self, operation: str, key: str) -> None:
        await self._travel()
        self._meter.charge(operation, writes=write_units(self._store.sizes.get(key, 0)), refused=True)
        await self._travel()

    async def _enter(self, operation: str, size: int, queue: str) -> None:
        """Write an item beside the job's, of so many bytes and with a place in a queue of the index."""
        await self._travel()
        self._meter.charge(operation, writes=write_units(size), index_writes=(queue,))
        await self._travel()


def size_of_account(job: Job, output: Output) -> int:
    """Return the bytes of an output's entry in the account of its tenant."""
    return size_of(
        item_of({
            "pk": uploads.entry_key(job.job_id, output.size),
            "queue": uploads.stored_queue(job.tenant),
            "due_at": job.expires_at,
            "expires_at": math.ceil(job.expires_at),
        })
    )  # fmt: skip


def size_of_listed(job: Job) -> int:
    """Return the bytes of the entry by which a job is listed for its tenant."""
    return size_of(
        item_of({
            "pk": listing.list_key(listing.JOBS, job.job_id),
            "queue": listing.list_of(listing.JOBS, job.tenant),
            "due_at": place_of(job.created_at, job.job_id),
            "expires_at": math.ceil(job.expires_at),
        })
    )  # fmt: skip


def shards_of(key: str, queues: Iterable[str]) -> list[str]:
    """Return the shards of these queues that a job is in."""
    states = {QUEUED: State.QUEUED, RUNNING: State.RUNNING}
    return [shard for queue in queues if (shard := queue_of(states[queue], key, SHARDS))]
