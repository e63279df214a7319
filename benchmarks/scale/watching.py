"""
What happened to the jobs, as the store saw it: waits, conflicts, overtaking, looks of others, deaths and recoveries.
"""

import bisect
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from service.core.jobs.job import Job
from service.core.jobs.lease import State

OVERTAKEN = 5.0  # seconds by which a job may have come later and still be taken earlier
CLAIM, TAKE_OVER, REQUEUE = "claim", "take_over", "requeue"


@dataclass(slots=True)
class Order:
    """Of one tenant: all claims, and the latest due time that was claimed so far, rising."""

    at: list[float] = field(default_factory=list)
    due: list[float] = field(default_factory=list)
    highest: list[float] = field(default_factory=list)
    highest_at: list[float] = field(default_factory=list)

    def overtaken_since(self, due_at: float, entered: float) -> float | None:
        """
        Return when a job was claimed first that came more than `OVERTAKEN` seconds after this one.

        Claims count from when this one `entered` the queue: what was given back was not waiting before.
        """
        place = bisect.bisect_right(self.highest, due_at + OVERTAKEN)
        if place == len(self.highest):
            return None
        if self.highest_at[place] >= entered:
            return self.highest_at[place]
        later = range(bisect.bisect_left(self.at, entered), len(self.at))
        return next((self.at[number] for number in later if self.due[number] > due_at + OVERTAKEN), None)

    def claimed(self, due_at: float, now: float) -> None:
        """Take note of a claim."""
        self.at.append(now)
        self.due.append(due_at)
        if not self.highest or due_at > self.highest[-1]:
            self.highest.append(due_at)
            self.highest_at.append(now)


class Watching:
    """
    `time` returns seconds, `wall` what the due times of jobs are compared with.

    Nothing is counted before `begin`; who looked when is known all the time.
    """

    def __init__(self, time: Callable[[], float], wall: Callable[[], float]) -> None:
        self._time, self._wall = time, wall
        self.counting = False
        self.alive: set[str] = set()  # workers
        self.claims = self.conflicts = self.takeovers = self.needless = self.succeeded = 0
        self.waits: list[float] = []  # seconds from due to claimed, of jobs that came while it was counted
        self.overtaken: list[float] = []  # for how many seconds each job that was overtaken waited on
        self.unwatched: list[float] = []  # of each job, the longest time in which no other worker looked at it
        self.recoveries: dict[str, list[float]] = {"killed": [], "stopped": []}
        self.began = 0.0
        self._orders: dict[str, Order] = {}
        self._entered: dict[str, float] = {}  # job → when it came into the queue, if that was not at the beginning
        self._owners: dict[str, str | None] = {}  # job → which worker holds it
        self._looked: dict[str, float] = {}  # job → when another worker looked at it, or began where there was none
        self._gap: dict[str, float] = {}  # job → the longest time between two looks so far
        self._lost: dict[str, tuple[float, str]] = {}  # job → when its worker was lost, and how

    def begin(self) -> None:
        """Count from now on."""
        self.counting, self.began = True, self._time()
        self._gap = dict.fromkeys(self._gap, 0.0)
        self._looked = dict.fromkeys(self._looked, self.began)

    def end(self, queued: Iterable[Job], running: Iterable[Job]) -> None:
        """Count no more; what still waits counts as it is."""
        now = self._time()
        for job in running:
            self._forget(job.job_id, now)
        for job in queued:
            since = self._overtaken_since(job)
            if since is not None and job.lease.due_at <= self._wall():
                self.overtaken.append(now - since)
        self.counting = False

    # ── what the store sees ──────────────────────────────────────────────────────────────────────────────────────

    def looked(self, worker: str, jobs: Iterable[Job]) -> None:
        """A worker has read these records."""
        now, looked, gaps = self._time(), self._looked, self._gap
        for job in jobs:
            key = job.lease.key
            if job.lease.owner != worker and key in looked:
                gaps[key] = max(gaps[key], now - looked[key])
                looked[key] = now

    def refused(self, operation: str) -> None:
        """A condition did not hold."""
        if self.counting:
            self.conflicts += operation == CLAIM

    def wrote(self, operation: str, before: Job | None, after: Job) -> None:
        """A job has changed."""
        now, key = self._time(), after.job_id
        if operation == CLAIM and before is not None:
            self._claimed(before, now)
        if operation in {TAKE_OVER, REQUEUE} and before is not None and self.counting:
            self.takeovers += 1
            self.needless += before.owner in self.alive
        if operation in {CLAIM, TAKE_OVER}:
            self._owners[key] = after.owner
            self._recovered(key, now)
            if operation == CLAIM:
                self._looked[key], self._gap[key] = now, 0.0
        elif after.state is not State.RUNNING:
            if after.state is State.QUEUED:
                self._entered[key] = now
            self._forget(key, now)
            self.succeeded += self.counting and after.state is State.SUCCEEDED

    def came(self, worker: str) -> None:
        """A worker has begun; what none but its holder could look at until now is waited for from now on."""
        for key in [key for key in self._looked if self._nobody_else(key)]:
            self._looked[key] = self._time()
        self.alive.add(worker)

    def lost(self, worker: str, running: Iterable[Job], how: str) -> None:
        """A worker was killed, or told to stop."""
        before = {key for key in self._looked if self._nobody_else(key)}
        self.alive.discard(worker)
        for key in self._looked.keys() - before:
            if self._nobody_else(key):
                self._gap[key] = max(self._gap[key], self._time() - self._looked[key])
        for job in running:
            if job.owner == worker:
                self._lost[job.job_id] = self._time(), how

    # ── underneath ───────────────────────────────────────────────────────────────────────────────────────────────

    def _claimed(self, job: Job, now: float) -> None:
        order = self._orders.setdefault(job.tenant, Order())
        due_at, wall = job.lease.due_at, self._wall()
        since = self._overtaken_since(job)
        order.claimed(due_at, now)
        if self.counting:
            self.claims += 1
            if job.created_at >= wall - (now - self.began):
                entered = self._entered.get(job.job_id, now)
                self.waits.append(max(0.0, min(wall - due_at, now - entered)))
            if since is not None:
                self.overtaken.append(now - since)

    def _overtaken_since(self, job: Job) -> float | None:
        order = self._orders.get(job.tenant, Order())
        return order.overtaken_since(job.lease.due_at, self._entered.get(job.job_id, 0.0))

    def _recovered(self, key: str, now: float) -> None:
        if (lost := self._lost.pop(key, None)) is not None and self.counting:
            self.recoveries[lost[1]].append(now - lost[0])

    def _nobody_else(self, key: str) -> bool:
        """Tell whether there is no worker that could look at a job which is not its own."""
        return len(self.alive) == (self._owners.get(key) in self.alive)

    def _forget(self, key: str, now: float) -> None:
        looked, gap = self._looked.pop(key, now), self._gap.pop(key, 0.0)
        if self.counting:
            self.unwatched.append(gap if self._nobody_else(key) else max(gap, now - looked))
        self._owners.pop(key, None)


def part(values: Iterable[float], share: float) -> float:
    """Return the value below which this share of them lies (nearest rank); 0 if there are none."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)] if ranked else 0.0
