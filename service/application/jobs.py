"""
Jobs: submitted, cancelled, deleted.

Nothing is decided here that the job's record does not decide: every verb is one conditional write of the store, so any
container can serve any call, and any call may be repeated.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from service.application.admission import Admission
from service.application.completion import ready_upload
from service.application.context import Caller, ServiceContext
from service.application.lookup import checked_id, find_job
from service.application.uploads import check_stored
from service.core.errors import InvalidRequest, NotFound
from service.core.filenames import output_filename
from service.core.jobs.job import Job
from service.core.jobs.lease import Lease, State
from service.core.jobs.queue import job_id_for
from service.core.media.formats import OUTPUT_FORMATS
from service.core.media.options import parse_target
from service.core.naming import result_prefix
from service.ports.jobs import IdempotencyKey
from service.telemetry import emit, events, note_request, tracing

MAX_KEY_LENGTH = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionRequest:
    """What to convert into what, as a client asks for it: nothing of it is checked yet."""

    upload_id: str
    format: str
    options: Mapping[str, object] = field(default_factory=dict)


async def accept_job(
    caller: Caller, admission: Admission, wanted: ConversionRequest, key: IdempotencyKey | None
) -> Job:
    """
    Admit and submit a job, or return the one that was accepted under this key.

    Raises as `check_stored`, `Admission.admit_job` and `submit_job` do.
    """
    context = caller.context
    # First of all: a call that only asks again is not turned away by a full queue, or because its upload is gone.
    job = await context.jobs.accepted(key, context.clock.wall()) if key else None
    if job is None:
        await check_stored(caller, 0)
        await admission.admit_job(caller.tenant)
        with tracing.span("job", kind="producer"):
            job = await submit_job(caller, wanted, key)
    return job


async def submit_job(caller: Caller, wanted: ConversionRequest, key: IdempotencyKey | None) -> Job:
    """Check a request and accept it as a job. Raises what is wrong with it."""
    context = caller.context
    target = parse_target(wanted.format, wanted.options)
    upload = await ready_upload(caller, wanted.upload_id)
    now = context.clock.wall()
    job = await context.jobs.submit(
        Job(
            lease=Lease(key=job_id_for(caller.tenant, context.ids.new()), due_at=now),
            tenant=caller.tenant,
            upload_id=upload.upload_id,
            input_key=upload.key,
            input_etag=upload.etag,
            input_size=upload.size,
            source=upload.source,
            target=target,
            filename=output_filename(upload.filename, OUTPUT_FORMATS[target.format].extension),
            created_at=now,
            expires_at=now + context.config.ttl_seconds,
            trace=tracing.carried(),
        ),
        key,
    )
    tracing.note(job_id=job.job_id)
    note_request(job_id=job.job_id, upload_id=job.upload_id, size=job.input_size, format=job.target.format)
    emit(
        events.JOB_ACCEPTED,
        job_id=job.job_id,
        upload_id=job.upload_id,
        input_key=job.input_key,
        size=job.input_size,
        format=job.target.format,
        options=job.target.options.to_dict(),
    )
    await context.wakeups.announce(job.job_id)
    return job


async def cancel_job(caller: Caller, job_id: str) -> Job:
    """Ask for the end of a job, and return it. Raises `NotFound` (unknown, or another tenant's) or `Expired`."""
    return await _cancelled(caller.context, await find_job(caller, job_id))


async def delete_job(caller: Caller, job_id: str) -> Job | None:
    """Delete a job of this tenant with all that it has made. One that still runs is asked to stop, and returned."""
    context = caller.context
    job = await context.jobs.get(checked_id(job_id))
    if job is None or job.tenant != caller.tenant:
        return None  # the same work for both, so that time tells nothing; what a broken call left is the janitor's
    if not job.final:
        try:
            job = await _cancelled(context, job)
        except NotFound:
            return None  # ended and deleted in this moment, by another call that wants the same
    if not job.final:
        return job
    # The record first: a job that reads `succeeded` always has its output.
    await context.jobs.delete(job_id)
    await context.board.forget(job_id)
    await context.objects.delete_prefix(result_prefix(job_id))
    return None


async def resend_notification(caller: Caller, job_id: str) -> Job:
    """
    Send the notification of a job again, or now, whatever became of it; return the job.

    Raises `NotFound`, `Expired`, and `IllegalTransition` if the job has none.
    """
    job = await find_job(caller, job_id)
    return await caller.context.jobs.resend(job.job_id, caller.context.clock.wall())


async def _cancelled(context: ServiceContext, seen: Job) -> Job:
    """Return a job after the wish to cancel it, which ends it if it was waiting. Raises `NotFound`."""
    job = await context.jobs.cancel(seen.job_id, context.clock.wall())
    if job.state is State.CANCELLED and seen.state is State.QUEUED:
        emit(events.JOB_CANCELLED, job_id=job.job_id)
    return job


def idempotency_key(tenant: str, text: str | None, wanted: ConversionRequest) -> IdempotencyKey | None:
    """
    Bind a client's key to its tenant and to the fingerprint of its request. Raises `InvalidRequest`.

    The fingerprint is stored: a change of its form would refuse the repeated calls of clients of an earlier version.
    """
    if text is None:
        return None
    if not 1 <= len(text) <= MAX_KEY_LENGTH or not text.isascii() or not text.isprintable():
        raise InvalidRequest(f"The Idempotency-Key must be 1 to {MAX_KEY_LENGTH} printable ASCII characters.")
    canonical = msgspec.json.encode(wanted, order="sorted")
    return IdempotencyKey(f"{tenant}:{text}", hashlib.sha256(canonical).hexdigest())
