"""Leases: how workers take jobs, keep them, and record how an attempt ended."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from service.core.jobs.job import Failure, Job, Output
from service.core.jobs.lease import Holding, Lease
from service.core.jobs.queue import Spread
from service.core.limits.shares import RunningLimits
from service.ports.jobs import RunningJobs


class Leases(RunningJobs, Protocol):
    """
    One method per transition of `core.jobs.lease`; each is atomic and conditional, and returns the job after it.

    Methods that take a `Holding` raise `Fenced` unless it is the current one.
    """

    async def claimable(
        self,
        now: float,
        limit: int,
        most_running: RunningLimits = ...,
        served: Mapping[str, int] = ...,
        spread: Spread = ...,
    ) -> Sequence[str]:
        """
        Return keys of what is queued and due: candidates only, possibly stale.

        They go round the tenants and are the oldest of each, see `service.core.jobs.queue.fair`. Those that would
        exceed `most_running` are left out; of tenants that run as much, the one comes first that was `served` (number
        of the last claim, by tag) least recently. `spread` mixes the first of them.
        """

    async def claim(self, key: str, owner: str, now: float) -> Job:
        """Take what is queued. Raises `IllegalTransition` if it is not queued any more, `NotFound` if it is gone."""

    async def take_over(self, seen: Lease, owner: str, *, excused: bool = False) -> Job:
        """
        Take over a lapsed lease; `excused` if that does not count against the job.

        Raises `IllegalTransition` if its (attempt, beat) is not that of `seen`.
        """

    async def requeue(self, seen: Lease, *, excused: bool = False) -> Job:
        """Give a lapsed lease back to the queue, where it keeps its due time; same condition as `take_over`."""

    async def note_alive(self, key: str, attempt: int) -> None:
        """
        Note that this attempt was taken over while its worker lived; if a lapse was counted, it is an excused one now.

        Safe to repeat; does nothing if there is no such job, it has ended, or the attempt is the present one.
        """

    async def exhaust(self, seen: Lease, failure: Failure, now: float) -> Job:
        """End a job whose attempts keep lapsing; same condition as `take_over`."""

    async def renew(self, holding: Holding, percent: float, path: str | None) -> Job:
        """Raise the beat, and with it the durable ceiling of progress. Safe to repeat."""

    async def release(self, holding: Holding, due_at: float, *, fault: bool) -> Job:
        """Give the job back to the queue."""

    async def succeed(self, holding: Holding, output: Output, now: float) -> Job:
        """Record the output. Safe to repeat: a job that already names this very output is returned as it is."""

    async def fail(self, holding: Holding, failure: Failure, now: float, path: str | None = None) -> Job:
        """Record why it cannot be done, and the path that the attempt was on, as far as it is known."""

    async def stop(self, holding: Holding, now: float) -> Job:
        """Record that the holder stopped because it was asked to."""
