"""The outbox as a part of the fake store of jobs: what `adapters.dynamodb.outbox` does, by the methods of the core."""

from collections.abc import Sequence

from service.core.errors import Fenced, IllegalTransition, NotFound
from service.core.jobs.job import Job
from service.core.jobs.lease import Holding
from service.core.listing import Entry, newest, place_of
from service.core.webhooks.notification import LEASE, Notification, Progress, is_due


class MemoryOutbox:
    """`ports.webhooks.Outbox` over the jobs of a `MemoryJobs`."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}

    async def due(self, tenant: str, now: float, limit: int) -> Sequence[str]:
        waiting = ((job.lease.due_at, job.job_id) for job in self._notifying(tenant, Progress.PENDING))
        return [job_id for due_at, job_id in sorted(waiting) if is_due(due_at, now)][:limit]

    async def take(self, job_id: str, owner: str, now: float) -> Job:
        job = self._ended(job_id)
        taken = job.notice.taken(owner)
        if not is_due(job.lease.due_at, now):
            raise IllegalTransition("The notification is not due.")
        return self._renotify(job, taken, now + LEASE)

    async def deliver(self, holding: Holding, now: float) -> Job:
        job, notification = self._taken(holding)
        return self._renotify(job, notification.delivered(now), now)

    async def postpone(self, holding: Holding, due_at: float, error: str) -> Job:
        job, notification = self._taken(holding)
        return self._renotify(job, notification.postponed(error), due_at)

    async def bury(self, holding: Holding, error: str, now: float) -> Job:
        job, notification = self._taken(holding)
        return self._renotify(job, notification.buried(error, now), now)

    async def resend(self, job_id: str, now: float) -> Job:
        job = self._ended(job_id)
        return self._renotify(job, job.notice.resent(), now)

    async def listed_notifications(self, tenant: str, before: int | None, limit: int, *, dead: bool) -> Sequence[Entry]:
        jobs = self._notifying(tenant, Progress.DEAD if dead else Progress.PENDING)
        entries = (Entry(place_of(job.lease.due_at, job.job_id), job.job_id) for job in jobs)
        return newest(entries, before, limit)

    def _notifying(self, tenant: str, state: Progress) -> list[Job]:
        return [
            job
            for job in self.jobs.values()
            if job.tenant == tenant and job.notification is not None and job.notification.state is state
        ]

    def _ended(self, job_id: str) -> Job:
        if job_id not in self.jobs:
            raise NotFound
        return self.jobs[job_id]

    def _taken(self, holding: Holding) -> tuple[Job, Notification]:
        """Check the fence of notifiers."""
        job = self.jobs.get(holding.key)
        if job is None or job.notification is None or not job.notification.held_by(holding):
            raise Fenced
        return job, job.notification

    def _renotify(self, job: Job, notification: Notification, due_at: float) -> Job:
        self.jobs[job.job_id] = after = job.notifying(notification, due_at)
        return after
