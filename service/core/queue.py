"""
The queue as names and rules; the stores only look things up by them.

A queue is a partition of a sparse index, and a partition takes only so many writes a second, so each queue is cut into
``shards``. A shard follows from the key that is leased and never changes; what is final is in no queue at all.
"""

import zlib
from collections.abc import Iterable

from service.core.backoff import JOB_FAULT
from service.core.job import Job
from service.core.lease import State

SHARDS = 4

QUEUED = "queued"
RUNNING = "running"


def shard_of(key: str, shards: int) -> int:
    """Return the shard of a key, 0 … shards-1: the same in every process and every release, unlike `hash`."""
    return zlib.crc32(key.encode()) % shards


def queue_of(state: State, key: str, shards: int) -> str | None:
    """Return ``queued#2``, ``running#0``, or None for a final state."""
    if state is State.QUEUED:
        return f"{QUEUED}#{shard_of(key, shards)}"
    if state is State.RUNNING:
        return f"{RUNNING}#{shard_of(key, shards)}"
    return None


def all_shards(queue: str, shards: int) -> tuple[str, ...]:
    """Return the names of all shards of `QUEUED` or `RUNNING`."""
    return tuple(f"{queue}#{number}" for number in range(shards))


def due(due_at: float, now: float) -> bool:
    """
    Tell whether a queued lease may be claimed at `now` (both wall seconds).

    No delay is ever longer than `JOB_FAULT.cap`. A due time beyond that was written by a clock that runs ahead, and
    waiting for it could take years: it counts as due now.
    """
    return due_at <= now or due_at > now + JOB_FAULT.cap


def candidates(queued: Iterable[tuple[float, str]], now: float, limit: int) -> tuple[str, ...]:
    """Return the keys of the due ones among (due_at, key) pairs, oldest first, ties by key, at most `limit`."""
    return tuple(key for due_at, key in sorted(queued) if due(due_at, now))[: max(0, limit)]


def same_order(one: Job, other: Job) -> bool:
    """Tell whether both are the same submission, wherever each of them has got to since."""
    return all(
        getattr(one, name) == getattr(other, name)
        for name in ("job_id", "tenant", "upload_id", "input_key", "input_etag", "input_size", "source", "target")
    )
