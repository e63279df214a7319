"""Find what an id names, for the tenant that asks: the only place that decides between 404, 410 and an answer."""

import re

from service.application.context import Caller
from service.core.errors import Expired, NotFound
from service.core.jobs.job import Job
from service.core.upload import PendingUpload, Upload
from service.telemetry import note_request

ID_PATTERN = "^[a-z0-9]{16,40}$"
_ID = re.compile(r"[a-z0-9]{16,40}")


def checked_id(text: str) -> str:
    """Return the id, if it is spelled like one. Raises `NotFound` otherwise, before any store is asked."""
    if _ID.fullmatch(text) is None:
        raise NotFound
    return text


async def find_upload(caller: Caller, upload_id: str, key: str | None = None) -> Upload | PendingUpload:
    """
    Find an upload, complete or not; `key` is the object key that the client believes it has.

    Raises `NotFound` (unknown, another tenant's, or of another key) and `Expired`.
    """
    upload = await caller.context.uploads.look_up_upload(checked_id(upload_id))
    if upload is None or upload.tenant != caller.tenant:
        raise NotFound(f"There is no upload {upload_id}.")
    if caller.context.clock.wall() >= upload.expires_at:
        raise Expired(f"Upload {upload_id} has expired.")
    if key is not None and key != upload.key:
        raise NotFound(f"There is no upload {upload_id} with this key.")
    return upload


def visible_job(caller: Caller, job_id: str, job: Job | None) -> Job:
    """Return the job, if this tenant may see it and its time is not over. Raises `NotFound` or `Expired`."""
    if job is None or job.tenant != caller.tenant:
        raise NotFound(f"There is no job {job_id}.")
    if caller.context.clock.wall() >= job.expires_at:
        raise Expired(f"Job {job_id} has expired.")
    note_request(job_id=job_id, size=job.input_size, format=job.target.format)
    return job


async def find_job(caller: Caller, job_id: str) -> Job:
    """Find a job as it is now. Raises `NotFound` (unknown, or another tenant's) or `Expired`."""
    return visible_job(caller, job_id, (await caller.context.reads.look(checked_id(job_id))).job)
