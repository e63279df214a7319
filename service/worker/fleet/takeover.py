"""What is logged of a takeover: for how long the job's worker was silent, and what it costs to begin again."""

from service.core.jobs.job import Job
from service.core.jobs.lease import Lease
from service.core.jobs.trust import Sighting
from service.telemetry import emit, events


def log_takeover(job: Job, seen: Job, sighting: Sighting, now: float, *, excused: bool, cause: str) -> None:
    """
    Log that `job` is ours now; `seen` is what it was before, `sighting` since when (monotonic seconds) it stood still.

    The `cause` is "silence", or "gone" if Redis showed that its worker is. The cost is an upper bound: the record holds
    a ceiling of the progress, which is renewed with the lease.
    """
    share, declared = seen.percent / 100, seen.source.declared_seconds
    emit(
        events.JOB_TAKEN_OVER,
        job_id=job.job_id,
        attempt=job.attempt,
        previous_owner=seen.owner,
        excused=excused,
        cause=cause,
        silent=round(now - sighting.since, 2),
        percent=round(seen.percent, 1),
        lost_seconds=None if declared is None else round(declared * share, 1),
        lost_bytes=round(seen.input_size * share),
    )


def log_requeue(seen: Lease, *, excused: bool, cause: str) -> None:
    """Log that a job whose watchers have no slot free is queued again; `seen` is its lease before, for the `cause`."""
    fields = {"job_id": seen.key, "attempt": seen.attempt, "previous_owner": seen.owner}
    emit(events.JOB_REQUEUED, **fields, excused=excused, cause=cause)
