"""
Jobs: submitted, looked at, cancelled, forgotten.

Nothing is decided here that the job's record does not decide: every verb is one conditional write of the store, so any
container can serve any call, and any call may be repeated.
"""

import hashlib
from typing import Annotated

import msgspec
from litestar import Controller, Response, delete, get, post
from litestar.openapi import ResponseSpec
from litestar.params import HeaderParameter, JSONBody, QueryParameter

from service.core.errors import (
    Expired,
    IdempotencyReuse,
    IllegalTransition,
    InvalidOption,
    InvalidRequest,
    NoCapacity,
    NotFound,
    QueueFull,
    StoreError,
    UnknownFormat,
    UnsupportedMedia,
    UploadPending,
    UploadTooLarge,
)
from service.core.job import Job, State
from service.core.media.formats import OUTPUT_FORMATS
from service.core.media.options import parse_target
from service.core.naming import output_filename, result_prefix
from service.ports.jobs import IdempotencyKey
from service.telemetry import emit, events
from service.web import parts
from service.web.admission import Admit
from service.web.config import WebConfig
from service.web.dependencies import Config, Deps, WebDependencies
from service.web.http.openapi import WithoutBody
from service.web.http.problems import documented
from service.web.http.schemas import (
    JobDocument,
    JobRequest,
    ProgressDocument,
    job_document,
    job_path,
    progress_document,
)
from service.web.lookup import HttpRequest, JobId, checked_id, find_job, tenant_of
from service.web.progress import View, view, view_of

LOOK_SECONDS = 0.5  # how often a waiting request looks at its job
RETRY_AFTER = "1"
LONGEST_KEY = 255

Wait = Annotated[
    float,
    QueryParameter(
        ge=0, description="Answer when the job has ended, or after so many seconds (bounded by the service)."
    ),
]
KeyHeader = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description="Up to 255 printable ASCII characters. The same key and request give the same job again.",
    ),
]


class Jobs(Controller):
    """`/v1/jobs`."""

    path = "/jobs"
    tags = ("jobs",)

    @post(
        status_code=202,
        operation_id="createJob",
        summary="Convert an upload",
        responses=documented(
            InvalidRequest,
            UnknownFormat,
            InvalidOption,
            IdempotencyReuse,
            NotFound,
            Expired,
            UploadPending,
            UnsupportedMedia,
            UploadTooLarge,
            QueueFull,
            NoCapacity,
            StoreError,
        ),
    )
    async def create(
        self,
        request: HttpRequest,
        deps: Deps,
        config: Config,
        admission: Admit,
        data: JSONBody[JobRequest],
        idempotency_key: KeyHeader = None,
    ) -> Response[JobDocument]:
        """Accept a conversion. It goes on whatever happens to this container; follow `links`."""
        key = checked_key(idempotency_key, tenant_of(request), data)
        # First of all: who only asks again is not turned away by a full queue, or because the upload is gone by now.
        job = await deps.jobs.accepted(key, deps.clock.wall()) if key else None
        if job is None:
            await admission.job()
            job = await submit(deps, config, tenant_of(request), data, key)
        return answer(await view_of(deps, job), location=True)

    @get(
        "/{job_id:str}",
        operation_id="getJob",
        summary="A job, at once or when it has ended",
        responses=documented(NotFound, Expired, InvalidRequest),
    )
    async def read(
        self, request: HttpRequest, deps: Deps, config: Config, job_id: JobId, wait: Wait = 0.0
    ) -> Response[JobDocument]:
        """The job. With `wait` the answer is held back until it has ended or the time is over."""
        deadline = deps.clock.monotonic() + min(wait, config.longest_wait_seconds)
        seen = await find_job(deps, tenant_of(request), job_id)
        while not seen.final and (left := deadline - deps.clock.monotonic()) > 0:
            await deps.clock.sleep(min(LOOK_SECONDS, left))
            seen = await find_job(deps, tenant_of(request), job_id)
        return answer(await view(deps, tenant_of(request), job_id))

    @get(
        "/{job_id:str}/progress",
        operation_id="getProgress",
        summary="How far a job is",
        responses=documented(NotFound, Expired),
    )
    async def progress(self, request: HttpRequest, deps: Deps, job_id: JobId) -> Response[ProgressDocument]:
        """The cheapest way to follow a job by polling; `events` is the better one."""
        seen = await view(deps, tenant_of(request), job_id)
        return Response(progress_document(seen), headers=pause(seen.job))

    @post(
        "/{job_id:str}/cancel",
        status_code=200,
        operation_id="cancelJob",
        summary="Cancel a job",
        responses=documented(NotFound, Expired),
    )
    async def cancel(self, request: HttpRequest, deps: Deps, job_id: JobId) -> Response[JobDocument]:
        """A queued job ends at once, a running one within seconds, an ended one stays as it is."""
        return answer(await view_of(deps, await cancel(deps, tenant_of(request), job_id)))

    @delete(
        "/{job_id:str}",
        status_code=204,
        operation_id="deleteJob",
        operation_class=WithoutBody,
        summary="Delete a job and its output",
        responses=documented(NotFound, IllegalTransition)
        | {202: ResponseSpec(None, description="It is still running and was asked to stop; repeat the call later.")},
    )
    async def remove(self, request: HttpRequest, deps: Deps, job_id: JobId) -> Response[None]:
        """
        Forget a job and remove its output: 204, also if it is gone already.

        A running job is asked to stop first: 202, and the call has to be repeated when it has.
        """
        if (running := await forget(deps, tenant_of(request), job_id)) is not None:
            return Response(None, status_code=202, headers=pause(running))
        return Response(None, status_code=204)


async def submit(
    deps: WebDependencies, config: WebConfig, tenant: str, wanted: JobRequest, key: IdempotencyKey | None
) -> Job:
    """Check a request and accept it as a job. Raises what is wrong with it."""
    target = parse_target(wanted.format, wanted.options)
    upload = await parts.ready(deps, config, tenant, wanted.upload_id)
    now = deps.clock.wall()
    job = await deps.jobs.submit(
        Job(
            job_id=deps.ids.new(),
            tenant=tenant,
            upload_id=upload.upload_id,
            input_key=upload.key,
            input_etag=upload.etag,
            input_size=upload.size,
            source=upload.source,
            target=target,
            filename=output_filename(upload.filename, OUTPUT_FORMATS[target.format].extension),
            created_at=now,
            due_at=now,
            expires_at=now + config.ttl_seconds,
        ),
        key,
    )
    emit(
        events.JOB_ACCEPTED,
        job_id=job.job_id,
        upload_id=job.upload_id,
        input_key=job.input_key,
        size=job.input_size,
        format=job.target.format,
        options=job.target.options.to_dict(),
    )
    await deps.wakeups.announce()
    return job


async def cancel(deps: WebDependencies, tenant: str, job_id: str) -> Job:
    """Ask for the end of a job, and return it. Raises `NotFound` (unknown, or somebody else's) or `Expired`."""
    return await _cancelled(deps, await find_job(deps, tenant, job_id))


async def forget(deps: WebDependencies, tenant: str, job_id: str) -> Job | None:
    """Forget a job of this tenant with all that it has made. One that still runs is asked to stop, and returned."""
    job = await deps.jobs.get(checked_id(job_id))
    if job is not None and job.tenant != tenant:
        return None  # like one that is not there
    if job is not None and not job.final:
        try:
            job = await _cancelled(deps, job)
        except NotFound:
            job = None  # ended and deleted in this moment, by another call that wants the same
    if job is not None and not job.final:
        return job
    # The record first: a job that reads `succeeded` always has its output. Without a record an earlier call may
    # have stopped half-way, so the objects are looked for all the same.
    await deps.jobs.delete(job_id)
    await deps.board.forget(job_id)
    await deps.objects.delete_prefix(result_prefix(job_id))
    return None


async def _cancelled(deps: WebDependencies, seen: Job) -> Job:
    """A job after the wish to cancel it, which ends it if it was waiting. Raises `NotFound`."""
    job = await deps.jobs.cancel(seen.job_id, deps.clock.wall())
    if job.state is State.CANCELLED and seen.state is State.QUEUED:
        emit(events.JOB_CANCELLED, job_id=job.job_id)
    return job


def checked_key(text: str | None, tenant: str, wanted: JobRequest) -> IdempotencyKey | None:
    """The key, bound to its tenant, with the fingerprint of the request. Raises `InvalidRequest`."""
    if text is None:
        return None
    if not 1 <= len(text) <= LONGEST_KEY or not text.isascii() or not text.isprintable():
        raise InvalidRequest(f"The Idempotency-Key must be 1 to {LONGEST_KEY} printable ASCII characters.")
    canonical = msgspec.json.encode(wanted, order="sorted")
    return IdempotencyKey(f"{tenant}:{text}", hashlib.sha256(canonical).hexdigest())


def answer(seen: View, *, location: bool = False) -> Response[JobDocument]:
    """A job, with advice on when to ask again."""
    headers = pause(seen.job)
    if location:
        headers["Location"] = job_path(seen.job.job_id)
    return Response(job_document(seen), headers=headers)


def pause(job: Job) -> dict[str, str]:
    """``Retry-After``, as long as there is something to wait for."""
    return {} if job.final else {"Retry-After": RETRY_AFTER}
