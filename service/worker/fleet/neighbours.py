"""
A worker's place among the others: its own entry on the ring, and the running jobs that it has to watch.

The rules are those of `service.core.jobs.ring`. Three things are looked at, each in its own rhythm: who is there, the
entries of the nearest, and the jobs that these name. The list of all running jobs is the net below: it has the jobs of
workers without an entry (of an older release, or whose entry was lost), and each worker looks at some of it now and
then. Where there are only a few workers it is all that counts, and every one of them looks at all of it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from service.core.errors import Throttled
from service.core.jobs import ring
from service.core.jobs.job import Job
from service.core.jobs.lease import State
from service.core.jobs.queue import Spread
from service.core.jobs.ring import Entry, Place, Standing
from service.telemetry import emit, events
from service.worker.context import WorkerConfig, WorkerPorts
from service.worker.fleet.own_entry import OwnEntry

NEVER = float("-inf")
JOINING = 0.2  # seconds after which the index shows the entries of those that have begun at the same time


@contextmanager
def _or_without(where: str) -> Iterator[None]:
    """Go on without what the index would tell while it is throttled: what is known is watched all the same."""
    try:
        yield
    except Throttled as error:
        emit(events.WORKER_TROUBLE, where=where, reason=error.detail)


class Neighbours:
    """`held` returns the ids of the jobs that this worker holds, `free` how many it could begin."""

    def __init__(
        self, ports: WorkerPorts, config: WorkerConfig, held: Callable[[], set[str]], free: Callable[[], int]
    ) -> None:
        self._ports, self._instance, self._lease = ports, config.instance, config.lease.duration
        self._interval = config.watch_interval
        self._held, self._free = held, free
        self._position = ring.position_of(config.instance)
        self._own = OwnEntry(ports, config, held, free)
        self.naming, self.show, self.leave = self._own.naming, self._own.show, self._own.leave
        self._went_round = NEVER  # monotonic seconds
        self._list_due: float | None = None
        self._asked_for = ring.PAGE
        self._places: Sequence[Place] = ()
        self._standings: dict[str, Standing] = {}  # by instance, of those whose entries were read
        self._entries: dict[str, Entry] = {}
        self._read: dict[str, float] = {}  # when an entry was read last
        self._settled: dict[str, set[str]] = {}  # jobs that an entry names, and that need no watching on its account
        self._lost: set[str] = set()  # workers whose jobs were taken from them here
        self._strays: set[str] = set()  # jobs from the list of all, until a renewal is seen
        self._pairs: dict[str, tuple[int, int]] = {}  # (attempt, beat) of the jobs that were seen last
        self._share = ring.LEAST_SHARE
        self._new = True  # until it has looked who else has begun
        self.workers: int | None = None  # about how many there are

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def look(self, gone: Iterable[str] = (), *, strongly: bool = False) -> Sequence[Job]:
        """
        Return the running jobs of others that this worker watches, as they are or were a moment ago.

        The entries of those that are `gone` are read once more: they name what was claimed at the last. `strongly`: as
        they are, because what is known of their workers is newer than an old answer might be. Raises `StoreError`.
        """
        for instance in gone:
            self._read.pop(instance, None)
        with _or_without("ring"):
            await self._keep_up()
        watched = await self._read_entries()
        jobs = await self._jobs(watched, strongly=strongly)
        self._note(jobs)
        await self._remove_gone(watched, jobs)
        held = self._held()
        return [job for job in jobs.values() if job.state is State.RUNNING and job.job_id not in held]

    def watched(self) -> Iterable[str]:
        """Return the workers whose entries are watched, and that may be alive."""
        now = self._ports.clock.monotonic()
        return [name for name, standing in self._standings.items() if not standing.silent(now, self._lease)]

    def look_every(self, *, nothing: bool) -> float:
        """Return seconds between two looks; `nothing` if the last one has shown none."""
        return ring.look_every(self._interval, self.workers, busy=self._free() == 0, nothing=nothing)

    async def _keep_up(self) -> None:
        """Write the own entry and look who is there, if it is time."""
        clock, lease = self._ports.clock, self._lease
        await self._own.keep_up(self.workers, self._interval / 2)
        every = ring.LOOK_ROUND_OF_FEW if ring.everything(self.workers) else ring.LOOK_ROUND
        if clock.monotonic() - self._went_round >= every * lease - self._interval / 2:
            await self._go_round()

    async def _go_round(self) -> None:
        places = await self._ports.workers.before(self._position, self._asked_for)
        now = self._ports.clock.monotonic()
        if len(places) == self._asked_for < ring.WHOLE and ring.further(places, self._standings, now, self._lease):
            self._asked_for = ring.WHOLE
            places = await self._ports.workers.before(self._position, self._asked_for)
        elif ring.reach(places, self._standings, now, self._lease) < ring.PAGE:
            self._asked_for = ring.PAGE
        self._places, self._went_round = places, now
        gone = sum(one.gone(now, self._lease) for one in self._standings.values())
        self.workers = ring.size(self._position, places, self._asked_for, gone)

    async def _read_entries(self) -> Sequence[Place]:
        """Read the entries that are due; return the places of all that are watched."""
        now = self._ports.clock.monotonic()
        watched = self._places[: ring.reach(self._places, self._standings, now, self._lease)]
        self._forget_all_but({place.instance for place in watched})
        due = [one.instance for one in watched if now - self._read.get(one.instance, NEVER) >= self._read_every(one)]
        if not due:
            return watched
        found = {entry.instance: entry for entry in await self._ports.workers.entries(due)}
        now = self._ports.clock.monotonic()
        for instance in due:
            self._read[instance] = now
            standing, entry, before = self._standings.get(instance), found.get(instance), self._entries.get(instance)
            new = entry is not None and (before is None or entry.beat > before.beat)
            if standing is None:
                self._standings[instance] = Standing(now)
            elif new:
                self._standings[instance] = standing.changed(now)
            if new and entry is not None:
                self._entries[instance], self._settled[instance] = entry, set()
        return watched

    def _forget_all_but(self, instances: set[str]) -> None:
        """What is not read any more would look silent."""
        self._lost &= instances
        memories: tuple[dict[str, Any], ...] = (self._standings, self._entries, self._read, self._settled)
        for memory in memories:
            for instance in memory.keys() - instances:
                del memory[instance]

    def _read_every(self, place: Place) -> float:
        entry = self._entries.get(place.instance)
        if ring.everything(self.workers):
            leases = ring.LOOK_ROUND_OF_FEW
        elif entry and entry.jobs and all(self._holds(entry.instance, key) for key in entry.jobs):
            leases = ring.RE_READ_BUSY
        else:
            leases = ring.RE_READ
        return leases * self._lease - self._interval / 2

    def _holds(self, instance: str, key: str) -> bool:
        return key in self._pairs and key not in self._settled[instance]

    async def _look_at_list(self) -> None:
        """Look at the list of all running jobs, if it is time; the first time within a lease, each when it likes."""
        now, draw = self._ports.clock.monotonic(), self._ports.ids.draw
        if self._list_due is None:
            self._list_due = now + self._lease * draw()
        if now < self._list_due:
            return
        self._list_due = now + self._lease / 2  # if it cannot be read
        known = {key for entry in self._entries.values() for key in entry.jobs} | self._held()
        unknown = [key for key in await self._ports.workers.running_keys() if key not in known]
        self._strays.update(ring.sample(unknown, self.workers or 1, draw()))
        self._list_due = now + ring.list_all_every(self.workers or 1, self._lease) * (0.75 + draw() / 2)

    async def _jobs(self, watched: Sequence[Place], *, strongly: bool) -> Mapping[str, Job]:
        """Return the jobs that are watched. While the index is throttled, those of them that are known already."""
        known = set(self._strays)
        with _or_without("list"):
            if ring.everything(self.workers):
                known |= self._pairs.keys()
                return {job.job_id: job for job in await self._ports.leases.running()}
            await self._look_at_list()
            known |= self._strays
        return await self._read_jobs(watched, known, strongly=strongly)

    async def _read_jobs(self, watched: Sequence[Place], wanted: set[str], *, strongly: bool) -> Mapping[str, Job]:
        for place in watched:
            if entry := self._entries.get(place.instance):
                wanted |= set(entry.jobs) - self._settled[place.instance]
        wanted -= self._held()
        return await self._ports.workers.glance(sorted(wanted), strongly=strongly) if wanted else {}

    def _note(self, jobs: Mapping[str, Job]) -> None:
        """Take note of which holders are alive, and of which jobs need no watching any more."""
        now, before = self._ports.clock.monotonic(), self._pairs
        running = {key: job for key, job in jobs.items() if job.state is State.RUNNING}
        self._pairs = {key: (job.lease.attempt, job.lease.beat) for key, job in running.items()}
        renewed = {key for key, pair in self._pairs.items() if key in before and pair > before[key]}
        for key in renewed:
            owner = running[key].owner
            if owner is not None and owner in self._standings:
                self._standings[owner] = self._standings[owner].changed(now)
        self._strays = {key for key in self._strays if key in running and key not in renewed}
        for instance, entry in self._entries.items():
            # One that another worker holds is only settled by a renewal: this one may be about to take it over.
            self._settled[instance] |= {
                key
                for key in entry.jobs
                if (key in jobs and jobs[key].final) or (key in renewed and running[key].owner != instance)
            }

    async def _remove_gone(self, watched: Sequence[Place], jobs: Mapping[str, Job]) -> None:
        """
        Take one entry off the ring whose worker holds nothing, and was silent for long or has lost a job.

        One that dies counts as a worker until then, and of two of which one is killed again and again the other would
        not watch as closely as it does where it knows that there are only two.
        """
        now = self._ports.clock.monotonic()
        busy = {job.owner for job in jobs.values() if job.state is State.RUNNING}
        for place in watched:
            entry, standing = self._entries.get(place.instance), self._standings.get(place.instance)
            if not entry or not standing or place.instance in busy:
                continue
            if place.instance in self._lost or standing.gone(now, self._lease):
                self._lost.discard(place.instance)
                await self._ports.workers.remove(entry)
                self._places = [one for one in self._places if one != place]
                return

    def note_lost(self, instance: str | None) -> None:
        """Take note that a worker has lost a job; its entry is read once more, then it may go."""
        if instance is not None and instance in self._standings:
            self._lost.add(instance)
            self._read[instance] = NEVER

    def give_back(self, stood: float, cause: str, in_vain: int) -> bool:
        """
        Tell whether to give a lapsed job back to the queue, because no watcher has taken it; few workers wait with it.

        It has `stood` still for so many seconds, and was looked at so often `in_vain`.
        """
        if ring.everything(self.workers):
            return False
        return in_vain > 1 if cause == "gone" else stood >= self._lease + self._interval

    # ── what follows from it ─────────────────────────────────────────────────────────────────────────────────────

    async def spread(self, *, idle: bool) -> Spread:
        """Return how to choose among candidates; `idle` if nothing was to be done before. Raises `StoreError`."""
        if self._new:
            await self._own.write()
            await self._ports.clock.sleep(JOINING)
            await self._go_round()
            self._new = False
        return Spread(self._instance, ring.spread_over(self.workers, self._share, idle=idle))

    async def stagger(self, candidates: int) -> bool:
        """Wait for its turn among many workers that find so many candidates at once; return whether it had to."""
        seconds = ring.come_within(self.workers, candidates)
        if seconds > 0:
            await self._ports.clock.sleep(seconds * self._ports.ids.draw())
        return seconds > 0

    async def still_queued(self, keys: list[str]) -> list[str]:
        """
        Return those that are queued, before they are named and claimed in vain. Raises `StoreError`.

        Where the index is behind, each of many workers that have nothing to do finds what one of them has claimed.
        """
        if ring.everything(self.workers):
            return keys
        there = await self._ports.workers.glance(keys, strongly=True)
        return [key for key in keys if key in there and there[key].state is State.QUEUED]

    def note_refused(self, claims: int) -> None:
        """Take note of how many claims were refused in a look, because others were quicker."""
        self._share = ring.share_after(self._share, claims)

    def wakes(self, job_id: str) -> bool:
        """Tell whether a new job is worth waking up for."""
        idle = [entry.idle for entry in self._entries.values()]
        return ring.wakes(self._instance, job_id, self.workers, (1 + sum(idle)) / (1 + len(idle)))

    def on_duty(self) -> bool:
        """Tell whether this is one of the few workers that do what is to be done for all."""
        now = self._ports.clock.monotonic()
        for place in self._places:
            standing = self._standings.get(place.instance)
            if standing is None or not standing.silent(now, self._lease):
                return ring.on_duty(self._position, place.position, self.workers)
        return True
