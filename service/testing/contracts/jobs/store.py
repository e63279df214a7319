"""What the suites about jobs share: the store under test, a job that is held, and the writes of its holder."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from service.core.jobs.job import Job
from service.ports.jobs import IdempotencyKey, JobRecords
from service.ports.leases import Leases
from service.testing.clock import NOON
from service.testing.factories import a_failure, a_job, an_output


class Jobs(JobRecords, Leases, Protocol):
    """The store under test: leases are seen in the records, so most tests need both."""


KEY = IdempotencyKey("tenant1/once", "fingerprint1")

Write = Callable[[Jobs, Job], Awaitable[object]]

HOLDERS_WRITES: dict[str, Write] = {
    "renew": lambda jobs, job: jobs.renew(job.holding, 99.0, "local"),
    "renew_without_progress": lambda jobs, job: jobs.renew(job.holding, 0.0, None),
    "release": lambda jobs, job: jobs.release(job.holding, NOON, fault=False),
    "release_with_a_fault": lambda jobs, job: jobs.release(job.holding, NOON, fault=True),
    "succeed": lambda jobs, job: jobs.succeed(job.holding, an_output(job), NOON),
    "fail": lambda jobs, job: jobs.fail(job.holding, a_failure(), NOON),
    "stop": lambda jobs, job: jobs.stop(job.holding, NOON),
}

ENDINGS: dict[str, Write] = {name: HOLDERS_WRITES[name] for name in ("succeed", "fail", "stop")}


async def a_held_job(jobs: Jobs, job_id: str = "job1") -> Job:
    """A job that ``worker1`` holds."""
    await jobs.submit(a_job(job_id=job_id))
    return await jobs.claim(job_id, "worker1", NOON)
