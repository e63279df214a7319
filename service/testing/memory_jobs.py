"""
The records of jobs and uploads in a dictionary: what `adapters.dynamodb` does, with the methods of `core.jobs.job`.

No method waits for anything, so each is atomic on one event loop, and the same calls give the same answers in every
run.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from service.core.errors import Fenced, IdempotencyReuse, IllegalTransition, NotFound
from service.core.jobs.job import Failure, Job, Output
from service.core.jobs.lease import Holding, Lease, State
from service.core.jobs.queue import NO_SPREAD, NOTHING_SERVED, Spread, fair, same_order, tag_in
from service.core.limits.shares import NO_LIMITS, RunningLimits
from service.core.listing import Entry, newest, place_of
from service.core.upload import PendingUpload, Upload, Usage
from service.ports.jobs import IdempotencyKey
from service.testing.memory_outbox import MemoryOutbox


class MemoryJobs(MemoryOutbox):
    """`JobRecords`, `Leases` and `UploadRecords` of `ports`; share one among all that are to see the same jobs."""

    def __init__(self, announced: Collection[str] = ()) -> None:
        """`announced`: the tenants whose jobs are put into the outbox when they end."""
        super().__init__()
        self._announced = frozenset(announced)
        self.jobs: dict[str, Job] = {}
        self.uploads: dict[str, Upload] = {}
        self.pending: dict[str, PendingUpload] = {}
        self._accepted: dict[str, tuple[IdempotencyKey, Job]] = {}

    async def submit(self, job: Job, key: IdempotencyKey | None = None) -> Job:
        if key is not None and (first := self._accepted_under(key, job.created_at)):
            return first
        there = self.jobs.get(job.job_id)
        if there is not None and not same_order(there, job):
            raise IllegalTransition("Another job has this id.")
        if key is not None and there is None:
            self._accepted[key.key] = key, job
        return self.jobs.setdefault(job.job_id, job)

    async def accepted(self, key: IdempotencyKey, now: float) -> Job | None:
        return self._accepted_under(key, now)

    async def get(self, job_id: str) -> Job | None:
        return self.jobs.get(job_id)

    async def get_many(self, job_ids: Sequence[str]) -> Mapping[str, Job]:
        return {job_id: self.jobs[job_id] for job_id in job_ids if job_id in self.jobs}

    async def listed_jobs(self, tenant: str, before: int | None, limit: int) -> Sequence[Entry]:
        entries = (_entry(job.job_id, job.created_at) for job in self.jobs.values() if job.tenant == tenant)
        return newest(entries, before, limit)

    async def claimable(
        self,
        now: float,
        limit: int,
        most_running: RunningLimits = NO_LIMITS,
        served: Mapping[str, int] = NOTHING_SERVED,
        spread: Spread = NO_SPREAD,
    ) -> Sequence[str]:
        queued = ((job.lease.due_at, job.lease.key) for job in self.jobs.values() if job.state is State.QUEUED)
        running = (job.job_id for job in self.jobs.values() if job.state is State.RUNNING)
        return fair(queued, running, now, limit, most_running.of, served, spread)

    async def queued_by_tenant(self, limit: int) -> Mapping[str, int]:
        return Counter(tag_in(job.job_id) for job in self.jobs.values() if job.state is State.QUEUED)

    async def queued(self, limit: int) -> int:
        return min(limit, sum(job.state is State.QUEUED for job in self.jobs.values()))

    async def oldest_due(self) -> float | None:
        return min((job.lease.due_at for job in self.jobs.values() if job.state is State.QUEUED), default=None)

    async def running(self) -> Sequence[Job]:
        return sorted(
            (job for job in self.jobs.values() if job.state is State.RUNNING),
            key=lambda job: job.job_id,
        )

    async def claim(self, key: str, owner: str, now: float) -> Job:
        return self._put(self._found(key).claimed(owner, now))

    async def take_over(self, seen: Lease, owner: str, *, excused: bool = False) -> Job:
        return self._put(self._stood_still(seen).taken_over(owner, excused=excused))

    async def requeue(self, seen: Lease, *, excused: bool = False) -> Job:
        return self._put(self._stood_still(seen).requeued(excused=excused))

    async def note_alive(self, key: str, attempt: int) -> None:
        job = self.jobs.get(key)
        if job is not None and (after := job.found_alive(attempt)) != job:
            self._put(after)

    async def exhaust(self, seen: Lease, failure: Failure, now: float) -> Job:
        return self._end(self._stood_still(seen).exhausted(failure, now), now)

    async def renew(self, holding: Holding, percent: float, path: str | None) -> Job:
        return self._put(self._held(holding).renewed(percent, path))

    async def release(self, holding: Holding, due_at: float, *, fault: bool) -> Job:
        return self._put(self._held(holding).released(due_at, fault=fault))

    async def succeed(self, holding: Holding, output: Output, now: float) -> Job:
        there = self.jobs.get(holding.key)
        if there is not None and there.state is State.SUCCEEDED and there.output == output:
            return there
        return self._end(self._held(holding).succeeded(output, now), now)

    async def fail(self, holding: Holding, failure: Failure, now: float, path: str | None = None) -> Job:
        return self._end(self._held(holding).failed(failure, now, path), now)

    async def stop(self, holding: Holding, now: float) -> Job:
        return self._end(self._held(holding).stopped(now), now)

    async def cancel(self, job_id: str, now: float) -> Job:
        job = self._found(job_id)
        return job if job.final else self._end(job.cancelled(now), now)

    async def note_shown(self, job_id: str, percent: float) -> None:
        job = self.jobs.get(job_id)
        if job is not None and not job.final:
            self._put(replace(job, shown=max(job.shown, percent)))

    async def delete(self, job_id: str) -> None:
        job = self.jobs.get(job_id)
        if job is not None and not job.final:
            raise IllegalTransition("Only a job that is over can be deleted; cancel it first.")
        self.jobs.pop(job_id, None)

    async def put_upload(self, upload: Upload) -> None:
        if upload.upload_id in self.pending or self.uploads.setdefault(upload.upload_id, upload) != upload:
            raise IllegalTransition("Another upload has this id.")

    async def begin_upload(self, pending: PendingUpload) -> None:
        if pending.upload_id in self.uploads or self.pending.setdefault(pending.upload_id, pending) != pending:
            raise IllegalTransition("Another upload has this id.")

    async def look_up_upload(self, upload_id: str) -> Upload | PendingUpload | None:
        return self.uploads.get(upload_id) or self.pending.get(upload_id)

    async def look_up_uploads(self, upload_ids: Sequence[str]) -> Mapping[str, Upload | PendingUpload]:
        known = self.pending | self.uploads
        return {upload_id: known[upload_id] for upload_id in upload_ids if upload_id in known}

    async def listed_uploads(self, tenant: str, before: int | None, limit: int) -> Sequence[Entry]:
        known: list[Upload | PendingUpload] = [*self.pending.values(), *self.uploads.values()]
        return newest((_entry(one.upload_id, one.created_at) for one in known if one.tenant == tenant), before, limit)

    async def open_uploads(self, tenant: str, now: float, limit: int) -> int:
        return min(limit, sum(one.tenant == tenant and one.closes_at > now for one in self.pending.values()))

    async def stored(self, tenant: str, now: float) -> Usage:
        uploads = [one for one in self.uploads.values() if one.tenant == tenant and one.expires_at > now]
        pending = [one for one in self.pending.values() if one.tenant == tenant and one.expires_at > now]
        outputs = [job.output for job in self.jobs.values() if job.tenant == tenant and job.expires_at > now]
        return Usage(
            sum(one.size for one in [*uploads, *outputs] if one is not None)
            + sum(one.declared_size or 0 for one in pending),
            sum(one.declared_size is None for one in pending),
        )

    async def complete_upload(self, upload: Upload) -> Upload:
        if self.pending.pop(upload.upload_id, None) is not None:
            self.uploads[upload.upload_id] = upload
        if upload.upload_id not in self.uploads:
            raise NotFound
        return self.uploads[upload.upload_id]

    async def delete_upload(self, upload_id: str) -> None:
        self.uploads.pop(upload_id, None)
        self.pending.pop(upload_id, None)

    # ── guards ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _held(self, holding: Holding) -> Job:
        """Check the fence."""
        job = self.jobs.get(holding.key)
        if job is None or not job.lease.held_by(holding):
            raise Fenced
        return job

    def _stood_still(self, seen: Lease) -> Job:
        job = self.jobs.get(seen.key)
        if job is None or (job.lease.attempt, job.lease.beat) != (seen.attempt, seen.beat):
            raise IllegalTransition("The lease has not lapsed: it was renewed, taken over or ended since it was seen.")
        return job

    def _found(self, job_id: str) -> Job:
        if job_id not in self.jobs:
            raise NotFound
        return self.jobs[job_id]

    def _accepted_under(self, key: IdempotencyKey, now: float) -> Job | None:
        """Return the job that this key stands for, unless the key's time is over or the job was deleted since."""
        used, first = self._accepted.get(key.key, (None, None))
        if used is None or first is None or first.expires_at <= now:
            return None
        if used.fingerprint != key.fingerprint:
            raise IdempotencyReuse
        return self.jobs.get(first.job_id)

    def _end(self, job: Job, now: float) -> Job:
        return self._put(job.announced(now) if job.final and job.tenant in self._announced else job)

    def _put(self, job: Job) -> Job:
        self.jobs[job.job_id] = job
        return job


def _entry(name: str, created_at: float) -> Entry:
    return Entry(place_of(created_at, name), name)
