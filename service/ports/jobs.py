"""Jobs: one method per transition, each atomic and conditional."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from service.core.job import Failure, Holding, Job, Output


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A client's key, already bound to its tenant, and the fingerprint of the request it came with."""

    key: str
    fingerprint: str


class JobStore(Protocol):
    """
    The truth about jobs. One method per transition; each is atomic and conditional.

    Methods that take a `Holding` raise `Fenced` unless it is the current lease. Methods that return a job return it
    as it is after the write.
    """

    async def submit(self, job: Job, key: IdempotencyKey | None = None) -> Job:
        """
        Accept a job. With a `key` seen before, return the job accepted then.

        Raises `IdempotencyReuse` if the key came with another fingerprint. Safe to repeat.
        """

    async def accepted(self, key: IdempotencyKey, now: float) -> Job | None:
        """
        The job that was accepted under this key; None if the key is free, or its job was deleted since.

        Raises `IdempotencyReuse` as `submit` does.
        """

    async def get(self, job_id: str) -> Job | None:
        """The job as it is now (strongly consistent), also when expired; None if there is no such item."""

    async def claimable(self, now: float, limit: int) -> Sequence[str]:
        """Ids of queued jobs that are due, oldest first: candidates only, possibly stale."""

    async def queued(self, limit: int) -> int:
        """How many jobs are queued, due or not, possibly stale; counting stops at `limit`."""

    async def running(self) -> Sequence[Job]:
        """All running jobs, each read strongly consistently (the list of their ids may be a little stale)."""

    async def claim(self, job_id: str, owner: str, now: float) -> Job:
        """Take a queued job. Raises `IllegalTransition` if it is not queued any more, `NotFound` if it is gone."""

    async def take_over(self, seen: Job, owner: str) -> Job:
        """Take a job whose lease lapsed. Raises `IllegalTransition` if its (attempt, beat) is not that of `seen`."""

    async def exhaust(self, seen: Job, failure: Failure, now: float) -> Job:
        """End a job whose attempts keep lapsing; same condition as `take_over`."""

    async def renew(self, holding: Holding, percent: float, path: str | None) -> Job:
        """A heartbeat: the beat rises, and so does the durable ceiling of progress. Safe to repeat."""

    async def release(self, holding: Holding, due_at: float, *, fault: bool) -> Job:
        """Give the job back to the queue."""

    async def succeed(self, holding: Holding, output: Output, now: float) -> Job:
        """Record the output. Safe to repeat: a job that already names this very output is returned as it is."""

    async def fail(self, holding: Holding, failure: Failure, now: float, path: str | None = None) -> Job:
        """Record why it cannot be done, and the path that the attempt was on, as far as it is known."""

    async def stop(self, holding: Holding, now: float) -> Job:
        """Record that the holder stopped because it was asked to."""

    async def cancel(self, job_id: str, now: float) -> Job:
        """A client's wish. Final jobs are returned unchanged; raises `NotFound`. Safe to repeat."""

    async def note_shown(self, job_id: str, percent: float) -> None:
        """Raise `shown` to `percent` (see `service.core.progress`); never lowers, never fails on a lost race."""

    async def delete(self, job_id: str) -> None:
        """Forget a final job; no error if it is gone already. Raises `IllegalTransition` if it is not final."""
