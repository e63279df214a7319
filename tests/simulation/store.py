"""The truth, as the simulation keeps it: the memory store, with a log of every write and an index that lags behind."""

import math
from collections.abc import Mapping, Sequence

from chaos.checkers.attempts import LEASE
from chaos.history.records import Write
from service.core.jobs import queue
from service.core.jobs.job import Job
from service.core.jobs.lease import Holding, State
from service.core.jobs.queue import NO_SPREAD, NOTHING_SERVED, Spread
from service.core.jobs.ring import Entry, Place
from service.core.limits.shares import NO_LIMITS, RunningLimits
from service.ports.jobs import IdempotencyKey
from service.testing.memory_jobs import MemoryJobs
from service.testing.memory_workers import MemoryWorkers
from tests.simulation.world import World

LONGEST_LAG = 3.0  # seconds by which a look at the index may be late


class LoggedJobs(MemoryJobs):
    """`MemoryJobs` that records each write, the holding for which it spoke, and the holder at that moment."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self.verb = ""  # of the present call, and for whom it speaks: set by the wire
        self.holder: Holding | None = None
        self.stale = 0.0  # probability that a look at the index is late
        self._versions: dict[str, list[tuple[float, Job]]] = {}  # of each job, and when it became that
        self._index: list[tuple[float, Job]] = []  # every change that the index knows of, and when it came

    async def submit(self, job: Job, key: IdempotencyKey | None = None) -> Job:
        accepted = await super().submit(job, key)
        if accepted is job:
            self._log(None, job)
        else:
            self._world.hit("a key was seen before")
        return accepted

    async def delete(self, job_id: str) -> None:
        there = job_id in self.jobs
        await super().delete(job_id)
        if there and not self._world.over:
            self._world.history.erased[job_id] = self._world.moment()

    async def claimable(
        self,
        now: float,
        limit: int,
        most_running: RunningLimits = NO_LIMITS,
        served: Mapping[str, int] = NOTHING_SERVED,
        spread: Spread = NO_SPREAD,
    ) -> Sequence[str]:
        listed = self._listed()
        queued = [(job.lease.due_at, job.job_id) for job in listed if job.state is State.QUEUED]
        running = [job.job_id for job in listed if job.state is State.RUNNING]
        chosen = queue.fair(queued, running, now, limit, most_running.of, served, spread)
        if chosen and chosen != queue.candidates(queued, now, limit):
            self._world.hit("a tenant with less running went before an older job")
        return chosen

    async def running(self) -> Sequence[Job]:
        there = [self.jobs[job_id] for job_id in self.running_listed() if job_id in self.jobs]
        return [job for job in there if job.state is State.RUNNING]

    def running_listed(self) -> Sequence[str]:
        """Return the ids of the running jobs as the index shows them."""
        return sorted(job.job_id for job in self._listed() if job.state is State.RUNNING)

    def lateness(self) -> float:
        """Return by how many seconds an answer is behind."""
        late = self.stale and self._world.dice.random() < self.stale
        return self._world.dice.random() * LONGEST_LAG if late else 0.0

    def as_before(self, keys: Sequence[str], seconds: float) -> Mapping[str, Job]:
        """Return these jobs as they were so many seconds ago."""
        until = self._world.moment() - seconds
        versions = {key: [job for at, job in self._versions.get(key, ()) if at <= until] for key in keys}
        return {key: jobs[-1] for key, jobs in versions.items() if jobs and key in self.jobs}

    def _listed(self) -> Sequence[Job]:
        """All jobs as the index shows them: now, or a while ago."""
        lag = self.lateness()
        until = self._world.moment() - lag
        seen = {job.job_id: job for at, job in self._index if at <= until}
        if lag and seen != {job.job_id: job for _, job in self._index}:
            self._world.hit("the index was behind")
        return list(seen.values())

    def _put(self, job: Job) -> Job:
        before = self.jobs[job.job_id]
        self._log(before, job)
        return super()._put(job)

    def _log(self, before: Job | None, job: Job) -> None:
        at = self._world.moment()
        self._versions.setdefault(job.job_id, []).append((at, job))
        if before is None or (before.state, before.lease.due_at) != (job.state, job.lease.due_at):
            self._index.append((at, job))
        if self._world.over:
            return
        taken = before is not None and before.owner and self.verb in {"take_over", "requeue"}
        # Also if the one that did it was told to stop meanwhile, and never said why it did.
        if before is not None and taken and at - self._world.cut.get(str(before.owner), -math.inf) < LEASE:
            self._world.history.heard.add((job.job_id, before.attempt + 1))
            self._world.taken_when_cut += 1
        if before is not None and taken and self._world.apart.get(str(before.owner), math.inf) < self._begun(before):
            self._world.renewed_apart.add((job.job_id, before.attempt + 1))
        self._world.history.upload_of[job.job_id] = job.upload_id
        self._world.history.writes.append(
            Write(
                at=at,
                job_id=job.job_id,
                verb=self.verb,
                state=job.state,
                attempt=job.attempt,
                output_key=job.output.key if job.output else None,
                holder=(self.holder.owner, self.holder.attempt) if self.holder else None,
                held=(before.owner, before.attempt) if before else (None, 0),
            )
        )

    def _begun(self, job: Job) -> float:
        """The moment from which on this beat of this attempt was there."""
        return next(
            at
            for at, one in self._versions[job.job_id]
            if (one.attempt, one.lease.beat) == (job.attempt, job.lease.beat)
        )


class LoggedWorkers(MemoryWorkers):
    """The ring of workers over the jobs of the simulation; a look at it, or at jobs, may be late."""

    def __init__(self, world: World, jobs: LoggedJobs) -> None:
        super().__init__(jobs)
        self._world, self._logged = world, jobs
        self._rings: list[tuple[float, list[tuple[int, str]]]] = [
            (0.0, [])
        ]  # every state of the ring, and its beginning

    async def enter(self, entry: Entry) -> None:
        await super().enter(entry)
        if self.ring[entry.instance].apart:
            self._world.apart.setdefault(entry.instance, self._world.moment())
        else:
            self._world.apart.pop(entry.instance, None)
        self._changed()

    async def remove(self, entry: Entry) -> None:
        await super().remove(entry)
        if self._changed():
            self._world.hit("the entry of a dead worker was removed")

    def lose(self, instance: str) -> None:
        """What no part of the service does."""
        self._world.apart.pop(instance, None)
        if entry := self.ring.pop(instance, None):
            self.places.remove((entry.position, instance))
            self._changed()

    def _changed(self) -> bool:
        changed = self.places != self._rings[-1][1]
        if changed:
            self._rings.append((self._world.moment(), list(self.places)))
        return changed

    async def before(self, position: int, limit: int) -> Sequence[Place]:
        until = self._world.moment() - self._logged.lateness()
        now = self.places
        self.places = next(places for at, places in reversed(self._rings) if at <= max(0.0, until))
        try:
            return await super().before(position, limit)
        finally:
            self.places = now

    async def running_keys(self) -> Sequence[str]:
        self._world.hit("a worker looked at the list of all running jobs")
        return self._logged.running_listed()

    async def glance(self, keys: Sequence[str], *, strongly: bool = False) -> Mapping[str, Job]:
        self._world.hit("a worker looked at the jobs of its neighbours")
        return self._logged.as_before(keys, 0.0 if strongly else self._logged.lateness() / 3)
