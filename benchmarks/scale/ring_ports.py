"""The ring of workers as one worker reaches it: the calls of `service.adapters.dynamodb.workers`, counted."""

import math
from collections.abc import Mapping, Sequence

from benchmarks.scale.ports import Backing, Reached
from benchmarks.scale.sizes import read_units, size_of, write_units
from benchmarks.scale.store import Entry as Listed
from benchmarks.scale.store import keys_of
from service.adapters.dynamodb.table import BATCH
from service.adapters.dynamodb.values import as_json, item_of
from service.adapters.dynamodb.workers import KEPT, RING, WORKER, worker_pk
from service.core.jobs.job import Job
from service.core.jobs.lease import State
from service.core.jobs.queue import RUNNING
from service.core.jobs.ring import CIRCLE, Entry, Place, nearest_first


class CountedWorkers(Reached):
    """`Workers` of one worker."""

    def __init__(self, backing: Backing, name: str) -> None:
        super().__init__(backing, name)
        self._ring, self._small = backing.ring, False

    async def enter(self, entry: Entry) -> None:
        await self._travel()
        key, size = worker_pk(entry.instance), self._size(entry)
        there, before = entry.instance in self._ring.ring, self._store.sizes.get(key, 0)
        later = entry.beat > self._ring.beats.get(entry.instance, -1)
        await self._ring.enter(entry)
        shards = (RING,) if later and not there else ()
        units = write_units(before, size if later else 0)
        self._meter.charge("enter worker", writes=units, index_writes=shards, refused=not later)
        if later:
            self._store.sizes[key] = size
        if shards:
            self._store.list_under(key, (RING, float(entry.position)), size_of_place(key, entry.position))
        await self._travel()

    async def remove(self, entry: Entry) -> None:
        await self._travel()
        key, there = worker_pk(entry.instance), entry.instance in self._ring.ring
        same = self._ring.beats.get(entry.instance) == entry.beat
        await self._ring.remove(entry)
        shards, units = (RING,) if there and same else (), write_units(self._store.sizes.get(key, 0))
        self._meter.charge("remove worker", writes=units, index_writes=shards, refused=not same)
        if shards:
            self._store.list_under(key, None, 0)
        await self._travel()

    async def before(self, position: int, limit: int) -> Sequence[Place]:
        """See `ports.workers`; one query if the ring is small, or the end of the circle does not lie between."""
        await self._travel()
        await self._admitted([RING], write=False)
        if self._small and len(whole := await self._page(self._store.around(RING, float(CIRCLE))[0], limit)) < limit:
            return nearest_first(position, whole)
        lower, higher = self._store.around(RING, float(position))
        found = await self._page(lower, limit)
        if len(found) < limit:
            found += await self._page(higher, limit - len(found))
        self._small = len(found) < limit - 1
        return found

    async def _page(self, entries: Sequence[Listed], limit: int) -> list[Place]:
        """Return the last of these, at most so many."""
        page = entries[-limit:][::-1]
        reads = read_units(sum(size for _, _, size in page), consistent=False)
        self._meter.charge("workers before", index_reads={RING: reads})
        await self._travel()
        return [Place(key.removeprefix(WORKER), int(place)) for place, key, _ in page]

    async def entries(self, instances: Sequence[str], *, strongly: bool = False) -> Sequence[Entry]:
        keys = [worker_pk(instance) for instance in instances]
        await self._read_many("entries of workers", keys, strongly=strongly)
        found = await self._ring.entries(instances, strongly=strongly)
        await self._travel()
        return found

    async def running_keys(self) -> Sequence[str]:
        return sorted(key for _, key, _ in keys_of(await self._query("running keys", RUNNING)))

    async def glance(self, keys: Sequence[str], *, strongly: bool = False) -> Mapping[str, Job]:
        await self._read_many("glance", keys, strongly=strongly)
        found = await self._ring.glance(keys, strongly=strongly)
        self._watching.looked(self._name, (job for job in found.values() if job.state is State.RUNNING))
        await self._travel()
        return found

    async def _read_many(self, operation: str, keys: Sequence[str], *, strongly: bool = False) -> None:
        """Read items, a batch after the other."""
        for _ in range(math.ceil(len(keys) / BATCH)):
            await self._travel()
        sizes = self._store.sizes
        self._meter.charge(operation, reads=sum(read_units(sizes.get(key, 0), consistent=strongly) for key in keys))

    def _size(self, entry: Entry) -> int:
        return size_of(
            item_of({
                "pk": worker_pk(entry.instance),
                "queue": RING,
                "due_at": entry.position,
                "instance": entry.instance,
                "beat": entry.beat,
                "jobs": as_json(entry.jobs),
                "idle": entry.idle,
                "expires_at": math.ceil(self._clock.wall() + KEPT),
            })
        )  # fmt: skip


def size_of_place(key: str, position: int) -> int:
    """Return the bytes of a worker's entry in the index."""
    return size_of(item_of({"pk": key, "queue": RING, "due_at": position}))
