"""The addresses of jobs: submit, look, wait, cancel, delete (`service.application.jobs` and `progress`)."""

from typing import Annotated

from litestar import Controller, Response, delete, get, post
from litestar.openapi import ResponseSpec
from litestar.params import HeaderParameter, JSONBody, QueryParameter

from service.application.jobs import ConversionRequest, accept_job, cancel_job, delete_job, idempotency_key
from service.application.listing import list_jobs
from service.application.progress import View, view_job, view_of, wait_for_end
from service.core.errors import (
    Busy,
    IdempotencyReuse,
    IllegalTransition,
    InvalidOption,
    InvalidRequest,
    NoCapacity,
    NotFound,
    QueueFull,
    StoreError,
    TooManyStreams,
    UnknownFormat,
    UploadPending,
)
from service.core.jobs.job import Job, State
from service.core.limits.shares import TenantQueueFull, TenantStorageFull
from service.core.listing import USUAL_ON_A_PAGE
from service.web.http.browsers import READS_JSON
from service.web.http.lists import Cursor, JobsDocument, Limit, jobs_document
from service.web.http.openapi import WithoutBody
from service.web.http.parameters import AdmissionDep, CallerDep, ConfigDep, JobId
from service.web.http.responses import JSON, READ, UNFIT, documented
from service.web.http.schemas import (
    JobDocument,
    JobRequest,
    ProgressDocument,
    job_document,
    job_path,
    progress_document,
)

RETRY_AFTER = "1"  # seconds

Wait = Annotated[
    float,
    QueryParameter(
        ge=0, description="Answer when the job has ended, or after so many seconds (bounded by the service)."
    ),
]
States = Annotated[
    list[State] | None, QueryParameter(name="state", description="Only jobs in this state; may be given several times.")
]
KeyHeader = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description="Up to 255 printable ASCII characters. The same key and request give the same job again.",
    ),
]


class JobController(Controller):
    """`/v1/jobs`."""

    path = "/jobs"
    tags = ("jobs",)

    @post(
        status_code=202,
        operation_id="createJob",
        summary="Convert an upload",
        opt={READS_JSON: True},
        responses=documented(
            InvalidRequest,
            UnknownFormat,
            InvalidOption,
            IdempotencyReuse,
            *READ,
            UploadPending,
            *UNFIT,
            QueueFull,
            TenantQueueFull,
            TenantStorageFull,
            NoCapacity,
            StoreError,
            *JSON,
        ),
    )
    async def create(
        self,
        caller: CallerDep,
        admission: AdmissionDep,
        data: JSONBody[JobRequest],
        key: KeyHeader = None,
    ) -> Response[JobDocument]:
        """Accept a conversion. It goes on whatever happens to this container; follow `links`."""
        wanted = ConversionRequest(upload_id=data.upload_id, format=data.format, options=data.options)
        job = await accept_job(caller, admission, wanted, idempotency_key(caller.tenant, key, wanted))
        return answer(await view_of(caller.context, job), location=True)

    @get(
        operation_id="listJobs",
        summary="Your jobs, newest first",
        responses=documented(InvalidRequest, StoreError),
    )
    async def index(
        self, caller: CallerDep, limit: Limit = USUAL_ON_A_PAGE, cursor: Cursor = None, states: States = None
    ) -> JobsDocument:
        """
        A page of the jobs that have not expired.

        One that was accepted in this second may still be missing. With `state`, a page may be short, or empty, and have
        a next one all the same.
        """
        return jobs_document(await list_jobs(caller, states or (), limit, cursor))

    @get(
        "/{job_id:str}",
        operation_id="getJob",
        summary="A job, at once or when it has ended",
        responses=documented(*READ, InvalidRequest, TooManyStreams, Busy),
    )
    async def read(
        self, caller: CallerDep, config: ConfigDep, job_id: JobId, wait: Wait = 0.0
    ) -> Response[JobDocument]:
        """The job. With `wait` the answer is held back until it has ended or the time is over."""
        return answer(await wait_for_end(caller, job_id, min(wait, config.max_wait_seconds)))

    @get(
        "/{job_id:str}/progress",
        operation_id="getProgress",
        summary="How far a job is",
        responses=documented(*READ),
    )
    async def progress(self, caller: CallerDep, job_id: JobId) -> Response[ProgressDocument]:
        """The cheapest way to follow a job by polling; `events` is the better one."""
        seen = await view_job(caller, job_id)
        return Response(progress_document(seen), headers=pause(seen.job))

    @post(
        "/{job_id:str}/cancel",
        status_code=200,
        operation_id="cancelJob",
        summary="Cancel a job",
        responses=documented(*READ),
    )
    async def cancel(self, caller: CallerDep, job_id: JobId) -> Response[JobDocument]:
        """A queued job ends at once, a running one within seconds, an ended one stays as it is."""
        return answer(await view_of(caller.context, await cancel_job(caller, job_id)))

    @delete(
        "/{job_id:str}",
        status_code=204,
        operation_id="deleteJob",
        operation_class=WithoutBody,
        summary="Delete a job and its output",
        responses=documented(NotFound, IllegalTransition)
        | {202: ResponseSpec(None, description="It is still running and was asked to stop; repeat the call later.")},
    )
    async def remove(self, caller: CallerDep, job_id: JobId) -> Response[None]:
        """
        Forget a job and remove its output: 204, also if it is gone already.

        A running job is asked to stop first: 202, and the call has to be repeated when it has.
        """
        if (running := await delete_job(caller, job_id)) is not None:
            return Response(None, status_code=202, headers=pause(running))
        return Response(None, status_code=204)


def answer(seen: View, *, location: bool = False) -> Response[JobDocument]:
    """Answer with a job, and with advice on when to ask again."""
    headers = pause(seen.job)
    if location:
        headers["Location"] = job_path(seen.job.job_id)
    return Response(job_document(seen), headers=headers)


def pause(job: Job) -> dict[str, str]:
    """Return ``Retry-After`` as long as there is something to wait for."""
    return {} if job.final else {"Retry-After": RETRY_AFTER}
