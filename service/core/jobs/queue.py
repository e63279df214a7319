"""
The queue as names and rules; the stores only look things up by them.

A queue is a partition of a sparse index, and a partition takes only so many writes a second, so each queue is cut into
``shards``. A shard follows from the key that is leased and never changes; what is final is in no queue at all.

Fairness
    The index holds keys alone, so the id of a job ends with a *tag* of its tenant (`job_id_for`): queries of the index
    tell how many jobs of each tenant wait and run, and no record has to be read for it. Workers go round the tenants
    (`fair`): a job's rank is the number of jobs of its tenant that run or are older, and the lowest rank comes first.
    Of the same rank, first comes the tenant that this worker has served least recently, and of those that it has not
    served, the oldest job. So a tenant with nothing running waits for a free slot and its turn, and one tenant alone
    may use all slots. A job is overtaken only while an earlier job of its own tenant runs or waits, and those end, or
    by a tenant whose turn it is, and there are so many of them; so it is not overtaken for ever.
"""

import base64
import hashlib
import math
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from service.core.backoff import JOB_FAULT
from service.core.jobs.job import Job
from service.core.jobs.lease import State
from service.core.jobs.ring import chance_of

SHARDS = 4

QUEUED = "queued"
RUNNING = "running"

NOTHING_SERVED: Mapping[str, int] = MappingProxyType({})
OVERTAKES = 5.0  # seconds by which a job may have come later that a worker takes before another one, to spread claims
WINDOW = 1000  # of the oldest due jobs; workers are fair among these, and beyond them first come is first served
_TAG_LENGTH = 6  # characters of 5 bits
_BEFORE_TAG = "0"  # no character of base 32, which ids are made of


@dataclass(frozen=True, slots=True)
class Spread:
    """Among how many of the first candidates `worker` chooses: by a hash, so that each worker chooses otherwise."""

    worker: str = ""
    width: int = 1


NO_SPREAD = Spread()


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


def tag_of_tenant(tenant: str) -> str:
    """Return the tag of a tenant: the same in every process and every release, and it does not show the name."""
    return base64.b32encode(hashlib.sha256(tenant.encode()).digest()).decode().lower()[:_TAG_LENGTH]


def job_id_for(tenant: str, unique: str) -> str:
    """Return the id of a job: what is unique to it, which cannot be guessed, and the tag of its tenant."""
    return f"{unique}{_BEFORE_TAG}{tag_of_tenant(tenant)}"


def tag_in(key: str) -> str:
    """Return the tag in a job's id; an id of an earlier release has none and counts as a tenant of its own."""
    unique, mark, tag = key[: -_TAG_LENGTH - 1], key[-_TAG_LENGTH - 1 : -_TAG_LENGTH], key[-_TAG_LENGTH:]
    return tag if unique and mark == _BEFORE_TAG else key


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


def fair(
    queued: Iterable[tuple[float, str]],
    running: Iterable[str],
    now: float,
    limit: int,
    most_running: Callable[[str], int | None] = lambda _: None,
    served: Mapping[str, int] = NOTHING_SERVED,
    spread: Spread = NO_SPREAD,
) -> tuple[str, ...]:
    """
    Return the keys of the due ones among (due_at, key) pairs as workers should take them, at most `limit`.

    `running` are the keys of all running jobs. `most_running` gives the limit of a tenant's running jobs by its tag,
    None for no limit; what is beyond it is left out. `served` is the number of the last claim of each tenant by this
    worker, by its tag. `spread` mixes the first of them, see `spread_out`.
    """
    before = Counter(map(tag_in, running))
    ranked: list[tuple[int, int, float, str]] = []
    for due_at, key in sorted(queued):
        if due(due_at, now):
            rank, most = before[tag := tag_in(key)], most_running(tag)
            before[tag] += 1
            if most is None or rank < most:
                ranked.append((rank, served.get(tag, 0), due_at, key))
    in_order = [(due_at, key) for *_, due_at, key in sorted(ranked)]
    return spread_out(in_order, spread)[: max(0, limit)]


def spread_out(in_order: Sequence[tuple[float, str]], spread: Spread) -> tuple[str, ...]:
    """
    Return the keys of (due_at, key) pairs so that each worker begins with another of the first `spread.width`.

    One that is put forward passes no other that became due more than `OVERTAKES` before it: with the same width, the
    first one stays in the choice until it is taken, and what has come later than that is not in it.
    """
    first, earliest = [], math.inf
    for due_at, key in in_order[: spread.width]:
        earliest = min(earliest, due_at)
        if due_at <= earliest + OVERTAKES:
            first.append(key)
    first.sort(key=lambda key: chance_of(spread.worker, key) if spread.width > 1 else 0.0)
    chosen = set(first)
    return (*first, *(key for _, key in in_order if key not in chosen))


def same_order(one: Job, other: Job) -> bool:
    """Tell whether both are the same submission, wherever each of them has got to since."""
    return all(
        getattr(one, name) == getattr(other, name)
        for name in ("job_id", "tenant", "upload_id", "input_key", "input_etag", "input_size", "source", "target")
    )
