"""The records of jobs: what clients make, read and end. How workers write to them is in `service.ports.leases`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from service.core.jobs.job import Job
from service.core.listing import Entry
from service.ports.webhooks import Notifications


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A client's key, already bound to its tenant, and the fingerprint of the request it came with."""

    key: str
    fingerprint: str


class RunningJobs(Protocol):
    """What admission, watchers and janitors look at."""

    async def running(self) -> Sequence[Job]:
        """Return all running jobs, each read strongly consistently (the list of their ids may be a little stale)."""


class JobRecords(RunningJobs, Notifications, Protocol):
    """
    The source of truth about jobs. Each method is atomic.

    Methods that return a job return it as it is after the write.
    """

    async def submit(self, job: Job, key: IdempotencyKey | None = None) -> Job:
        """
        Accept a job. With a `key` seen before, return the job accepted then.

        Raises `IdempotencyReuse` if the key came with another fingerprint. Safe to repeat.
        """

    async def accepted(self, key: IdempotencyKey, now: float) -> Job | None:
        """
        Return the job accepted under this key; None if the key is free, or its job was deleted since.

        Raises `IdempotencyReuse` as `submit` does.
        """

    async def get(self, job_id: str) -> Job | None:
        """Return the job as it is now (strongly consistent), also when expired; None if there is no such item."""

    async def get_many(self, job_ids: Sequence[str]) -> Mapping[str, Job]:
        """
        Return those that exist among different jobs, by id, each as `get` does.

        Raises `Definite` if one of the records cannot be read: then `get` tells which.
        """

    async def listed_jobs(self, tenant: str, before: int | None, limit: int) -> Sequence[Entry]:
        """
        Return the first `limit` of a tenant's jobs below the place `before`, newest first, possibly stale.

        It may name one that is gone, or that was never accepted, and lacks what an older release has accepted.
        """

    async def queued(self, limit: int) -> int:
        """Return how many jobs are queued, due or not, possibly stale; counting stops at `limit`."""

    async def queued_by_tenant(self, limit: int) -> Mapping[str, int]:
        """
        Return the same by the tag of each tenant (see `service.core.jobs.queue`), possibly stale.

        Counting stops at `limit` or a little above.
        """

    async def oldest_due(self) -> float | None:
        """
        Return the earliest due time of a queued job, in wall seconds, possibly stale; None if none is queued.

        It lies ahead where no job is due yet.
        """

    async def cancel(self, job_id: str, now: float) -> Job:
        """Note the wish of a client. Final jobs are returned unchanged; raises `NotFound`. Safe to repeat."""

    async def note_shown(self, job_id: str, percent: float) -> None:
        """Raise `shown` to `percent` (see `service.core.jobs.progress`); never lowers, never fails on a lost race."""

    async def delete(self, job_id: str) -> None:
        """Forget a final job; no error if it is gone already. Raises `IllegalTransition` if it is not final."""
