"""Finding what a path names, for the one who asks: the only place that decides between 404, 410 and an answer."""

import re

from service.application.context import WebDependencies
from service.core.errors import Expired, NotFound
from service.core.job import Job
from service.core.upload import PendingUpload, Upload

ID_PATTERN = "^[a-z0-9]{16,40}$"
_ID = re.compile(r"[a-z0-9]{16,40}")


def checked_id(text: str) -> str:
    """The id, if it is spelled like one; raises `NotFound` otherwise, before any store is asked."""
    if _ID.fullmatch(text) is None:
        raise NotFound
    return text


async def find_any_upload(deps: WebDependencies, tenant: str, upload_id: str) -> Upload | PendingUpload:
    """Complete or not. Raises `NotFound` (unknown, or somebody else's) or `Expired`."""
    upload = await deps.uploads.look_up_upload(checked_id(upload_id))
    if upload is None or upload.tenant != tenant:
        raise NotFound(f"There is no upload {upload_id}.")
    if deps.clock.wall() >= upload.expires_at:
        raise Expired(f"Upload {upload_id} has expired.")
    return upload


def visible(deps: WebDependencies, tenant: str, job_id: str, job: Job | None) -> Job:
    """The job, if this tenant may see it and its time is not over. Raises `NotFound` or `Expired`."""
    if job is None or job.tenant != tenant:
        raise NotFound(f"There is no job {job_id}.")
    if deps.clock.wall() >= job.expires_at:
        raise Expired(f"Job {job_id} has expired.")
    return job


async def find_job(deps: WebDependencies, tenant: str, job_id: str) -> Job:
    """Raises `NotFound` (unknown, or somebody else's) or `Expired`."""
    return visible(deps, tenant, job_id, await deps.jobs.get(checked_id(job_id)))
