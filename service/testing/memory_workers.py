"""The ring of workers in a dictionary: what `adapters.dynamodb.workers` does, over the same jobs."""

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

from service.core.jobs.job import Job
from service.core.jobs.lease import State
from service.core.jobs.ring import Entry, Place
from service.testing.memory_jobs import MemoryJobs


@dataclass(slots=True)
class MemoryWorkers:
    """`ports.Workers`; share one among all that are to see each other, as they share `jobs`."""

    jobs: MemoryJobs
    ring: dict[str, Entry] = field(default_factory=dict)
    beats: dict[str, int] = field(default_factory=dict)  # also of those that were removed
    places: list[tuple[int, str]] = field(default_factory=list)  # of those on the ring, sorted

    async def enter(self, entry: Entry) -> None:
        if entry.beat > self.beats.get(entry.instance, -1):
            if entry.instance not in self.ring:
                insort(self.places, (entry.position, entry.instance))
            self.beats[entry.instance] = entry.beat
            self.ring[entry.instance] = entry

    async def remove(self, entry: Entry) -> None:
        if self.beats.get(entry.instance) == entry.beat and entry.instance in self.ring:
            del self.ring[entry.instance]
            self.places.remove((entry.position, entry.instance))

    async def before(self, position: int, limit: int) -> Sequence[Place]:
        here, beyond = bisect_left(self.places, (position, "")), bisect_left(self.places, (position + 1, ""))
        nearest = chain(reversed(self.places[:here]), reversed(self.places[beyond:]))
        return [Place(instance, place) for place, instance in islice(nearest, limit)]

    async def entries(self, instances: Sequence[str], *, strongly: bool = False) -> Sequence[Entry]:
        return [self.ring[instance] for instance in instances if instance in self.ring]

    async def running_keys(self) -> Sequence[str]:
        return sorted(job.job_id for job in self.jobs.jobs.values() if job.state is State.RUNNING)

    async def glance(self, keys: Sequence[str], *, strongly: bool = False) -> Mapping[str, Job]:
        return await self.jobs.get_many(keys)
