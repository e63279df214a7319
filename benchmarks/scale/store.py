"""
The memory store for very many jobs: sorted shards in the place of a walk through all jobs, and an index that lags.

What it answers is what `MemoryJobs` and the adapter answer, and a test compares the three. Every write leaves behind
what it was, for the counting.
"""

import bisect
import itertools
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.scale.sizes import Place, place_of, read_units, size_of_entry, size_of_job
from service.adapters.dynamodb.table import PAGE
from service.adapters.dynamodb.workers import RING
from service.core.jobs.job import Job
from service.core.jobs.lease import State
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
    spread_out,
    tag_in,
)
from service.core.limits.shares import NO_LIMITS, RunningLimits
from service.ports.jobs import IdempotencyKey
from service.testing.memory_jobs import MemoryJobs

Entry = tuple[float, str, int]
"""Of the index: when the job is due, its key, and the bytes of the entry."""


@dataclass(frozen=True, slots=True)
class Written:
    """What one write did: bytes of the item before and after it, and the places in the index."""

    before: Job | None
    after: Job
    sizes: tuple[int, int]
    places: tuple[Place | None, Place | None]


@dataclass(frozen=True, slots=True)
class Looked:
    """What a query of one shard returned, and the read units that it consumed."""

    entries: Sequence[Entry]
    reads: float
    pages: int


class ScaleJobs(MemoryJobs):
    """`time` returns seconds, and `lag` how late the index is at present."""

    def __init__(self, time: Callable[[], float]) -> None:
        super().__init__()
        self._time = time
        self.lag = 0.0
        self.sizes: dict[str, int] = {}
        self._written: Written | None = None
        self._running: dict[str, None] = {}  # keys of what is running
        self._places: dict[str, Place] = {}
        shards = [name for queue in (QUEUED, RUNNING) for name in all_shards(queue, SHARDS)]
        self._shards: dict[str, list[Entry]] = {name: [] for name in [*shards, RING]}
        self._coming: deque[tuple[float, str, Place | None, int]] = deque()  # what the index is yet to learn

    async def submit(self, job: Job, key: IdempotencyKey | None = None) -> Job:
        accepted = await super().submit(job, key)
        if accepted is job:
            self._note(None, job)
        return accepted

    def _put(self, job: Job) -> Job:
        self._note(self.jobs[job.job_id], job)
        return super()._put(job)

    def _note(self, before: Job | None, job: Job) -> None:
        key, size = job.job_id, size_of_job(job)
        places = None if before is None else place_of(before), place_of(job)
        self._written = Written(before, job, (self.sizes.get(key, 0), size), places)
        self.sizes[key] = size
        if job.state is State.RUNNING:
            self._running[key] = None
        else:
            self._running.pop(key, None)
        if places[0] != places[1]:
            self.list_under(key, places[1], 0 if places[1] is None else size_of_entry(places[1][1], key, places[1][0]))

    def held_by(self, owner: str) -> list[Job]:
        """Return the jobs that a worker holds."""
        return [job for job in self.held() if job.owner == owner]

    def held(self) -> list[Job]:
        """Return what is running, as it is."""
        return [self.jobs[key] for key in self._running]

    def forget_write(self) -> None:
        """Have no last write."""
        self._written = None

    def last_write(self) -> Written | None:
        """Return what was written since it was forgotten, None if nothing was."""
        return self._written

    def list_under(self, key: str, place: Place | None, size: int) -> None:
        """Have the index list a key at a place, or nowhere any more, when its lag is over; `size` of the entry."""
        last = self._coming[-1][0] if self._coming else 0.0
        self._coming.append((max(last, self._time() + self.lag), key, place, size))

    # ── the index ────────────────────────────────────────────────────────────────────────────────────────────────

    def look(self, shard: str, *, enough: int | None = None, due_by: float = 0.0) -> Looked:
        """
        Return the oldest entries of a shard, by the page: all, or until `enough` of them are due at `due_by`.

        It is `adapters.dynamodb.table.keys_in`, page for page; one is as large as what is `enough`.
        """
        entries, reads, taken, pages, most = self._catch_up(shard), 0.0, 0, 0, min(PAGE, enough or PAGE)
        due = bisect.bisect_right(entries, due_by, key=lambda entry: entry[0]) if enough is not None else 0
        while True:
            page = entries[taken : taken + most]
            taken, pages = taken + len(page), pages + 1
            reads += read_units(sum(size for _, _, size in page), consistent=False)
            if len(page) < most or (enough is not None and min(taken, due) >= enough):
                return Looked(entries[:taken], reads, pages)

    def count(self, shard: str, most: int) -> Looked:
        """Return the first entries of a shard, at most so many, as `adapters.dynamodb.table.count_in` reads them."""
        page = self._catch_up(shard)[:most]
        return Looked(page, read_units(sum(size for _, _, size in page), consistent=False), 1)

    def around(self, shard: str, edge: float) -> tuple[Sequence[Entry], Sequence[Entry]]:
        """Return the entries of a shard that are lower than a number, and those that are higher, both rising."""
        entries = self._catch_up(shard)
        lower = bisect.bisect_left(entries, edge, key=lambda entry: entry[0])
        higher = bisect.bisect_right(entries, edge, key=lambda entry: entry[0])
        return entries[:lower], entries[higher:]

    def _catch_up(self, shard: str) -> list[Entry]:
        now = self._time()
        while self._coming and self._coming[0][0] <= now:
            _, key, place, size = self._coming.popleft()
            if (old := self._places.pop(key, None)) is not None:
                entries = self._shards[old[0]]
                del entries[bisect.bisect_left(entries, (old[1], key, 0))]
            if place is not None:
                self._places[key] = place
                bisect.insort(self._shards[place[0]], (place[1], key, size))
        return self._shards[shard]

    # ── what workers ask ─────────────────────────────────────────────────────────────────────────────────────────

    def looks(self, queue: str, *, enough: int | None = None, due_by: float = 0.0) -> dict[str, Looked]:
        """Look at all shards of a queue."""
        return {name: self.look(name, enough=enough, due_by=due_by) for name in all_shards(queue, SHARDS)}

    def chosen(
        self,
        queued: Mapping[str, Looked],
        running: Mapping[str, Looked],
        now: float,
        limit: int,
        rules: tuple[RunningLimits, Mapping[str, int], Spread] = (NO_LIMITS, NOTHING_SERVED, NO_SPREAD),
    ) -> Sequence[str]:
        """Return the candidates among entries, as the adapter chooses them."""
        window = max(limit, WINDOW)
        entries = sorted((due_at, key) for due_at, key, _ in keys_of(queued))
        oldest = candidates(entries, now, window)
        there = set(oldest)
        if not apart(oldest, rules[0]):  # of one tenant alone the oldest are the fairest
            spread = rules[2]
            first = itertools.islice((it for it in entries if it[1] in there), limit + spread.width)
            return spread_out(list(first), spread)[:limit]
        keys = [key for _, key, _ in keys_of(running)]
        return fair(
            (entry for entry in entries if entry[1] in there), keys, now, limit, rules[0].of, rules[1], rules[2]
        )


def apart(keys: Sequence[str], most_running: RunningLimits) -> bool:
    """Tell whether it matters which tenants run how much."""
    tags = {tag_in(key) for key in keys}
    return len(tags) > 1 or any(most_running.of(tag) is not None for tag in tags)


def keys_of(looked: Mapping[str, Looked]) -> Iterator[Entry]:
    """Return the entries of all shards, one shard after the other."""
    return itertools.chain.from_iterable(one.entries for one in looked.values())
