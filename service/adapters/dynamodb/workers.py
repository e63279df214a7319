"""
The ring of workers in DynamoDB: `ports.Workers`.

An entry is an item of the table, ``worker#<instance>``, and the sparse index lists it under ``workers`` by its place on
the ring, which stands in ``due_at``. Of the index a worker reads only the places before its own: one query, whatever
the number of workers. Place and queue never change, so writing an entry again costs one write unit and none of the
index. Removing it takes it off the index; time to live deletes the item.

An older release knows no such items, and asks the index for none of them.
"""

import asyncio
import itertools
import json
import math
from collections.abc import Mapping, Sequence

from service.adapters.aws.clients import Aws
from service.adapters.aws.resources import DUE_AT, QUEUE
from service.adapters.dynamodb.answers import readable_job
from service.adapters.dynamodb.conditions import IS_NEW, Change
from service.adapters.dynamodb.items import job_id_of, job_pk
from service.adapters.dynamodb.table import Table
from service.adapters.dynamodb.values import Item, as_json
from service.core.errors import Definite
from service.core.jobs.job import Job
from service.core.jobs.queue import RUNNING, SHARDS, all_shards
from service.core.jobs.ring import CIRCLE, Entry, Place, nearest_first
from service.ports.time import Clock, Ids
from service.telemetry import emit, events

WORKER = "worker#"
RING = "workers"  # the queue of the index in which all entries are
KEPT = 86_400.0  # seconds after its last write for which an entry is kept; a worker that lives writes every minute

# A write that was delayed on its way must not bring back what its worker has changed since.
IS_LATER = f"{IS_NEW} OR #beat < :beat"
# The entry that was silent is the one that is removed; a worker that has written meanwhile is alive.
HAS_NOT_CHANGED = "#beat = :beat"


class DynamoWorkers:
    """Entries of workers, and the running jobs of others. `shards` must be the same in every process."""

    def __init__(self, aws: Aws, clock: Clock, ids: Ids, *, shards: int = SHARDS) -> None:
        self._table = Table(aws, clock, ids)
        self._clock, self._shards = clock, shards
        self._small = False  # whether the whole ring was shorter than what was asked for

    async def enter(self, entry: Entry) -> None:
        await self._table.update(worker_pk(entry.instance), _enter(entry, self._clock.wall() + KEPT))

    async def remove(self, entry: Entry) -> None:
        await self._table.update(worker_pk(entry.instance), Change(HAS_NOT_CHANGED, "REMOVE #queue", _beat_of(entry)))

    async def before(self, position: int, limit: int) -> Sequence[Place]:
        """See `ports.workers`; one query if the ring is small, or the end of the circle does not lie between."""
        if self._small and len(whole := await self._last(limit, before=CIRCLE)) < limit:
            return nearest_first(position, whole)
        found = await self._last(limit, before=position)
        if len(found) < limit:
            found += await self._last(limit - len(found), after=position)
        self._small = len(found) < limit - 1
        return found

    async def _last(self, limit: int, **side: int) -> list[Place]:
        return [Place(pk.removeprefix(WORKER), int(at)) for at, pk in await self._table.last_in(RING, limit, **side)]

    async def entries(self, instances: Sequence[str], *, strongly: bool = False) -> Sequence[Entry]:
        items = await self._table.get_many([worker_pk(instance) for instance in instances], strongly=strongly)
        return [entry for item in items if QUEUE in item and (entry := _readable(item))]

    async def running_keys(self) -> Sequence[str]:
        shards = await asyncio.gather(*map(self._table.keys_in, all_shards(RUNNING, self._shards)))
        return sorted({job_id_of(pk) for _, pk in itertools.chain(*shards)})

    async def glance(self, keys: Sequence[str], *, strongly: bool = False) -> Mapping[str, Job]:
        items = await self._table.get_many([job_pk(key) for key in keys], strongly=strongly)
        return {job.job_id: job for item in items if (job := readable_job(item))}


def worker_pk(instance: str) -> str:
    """Return ``worker#<instance>``."""
    return WORKER + instance


def _enter(entry: Entry, expires_at: float) -> Change:
    return Change(
        IS_LATER,
        "SET #queue = :queue, #due_at = :due_at, #instance = :instance, #beat = :beat, #jobs = :jobs, #idle = :idle, "
        "#apart = :apart, #expires_at = :expires_at",
        {
            **_beat_of(entry),
            QUEUE: RING,
            DUE_AT: entry.position,
            "instance": entry.instance,
            "jobs": as_json(entry.jobs),
            "idle": entry.idle,
            "apart": entry.apart,
            "expires_at": math.ceil(expires_at),
        },
    )


def _beat_of(entry: Entry) -> dict[str, int]:
    return {"beat": entry.beat}


def _readable(item: Item) -> Entry | None:
    """Read an entry, or None if it is damaged: its jobs are found by the list of all."""
    try:
        return Entry(
            instance=item["instance"]["S"],
            beat=int(item["beat"]["N"]),
            jobs=tuple(map(str, json.loads(item["jobs"]["S"]))),
            idle=bool(item["idle"]["BOOL"]),
            apart="apart" in item and bool(item["apart"]["BOOL"]),  # an older release does not write it
        )
    except (KeyError, TypeError, ValueError) as error:
        damage = Definite(f"The entry of a worker cannot be read: {type(error).__name__}: {error}")
        emit(events.AWS_FAILURE, service="dynamodb", operation="read", reason=damage.detail)
        return None
