"""
The documents of the API, and how they are made from what the core knows.

Links are paths, not addresses: they hold behind any proxy and for any name of the service.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from service.application.progress import View
from service.core.jobs.job import Job, State
from service.core.upload import IN_ONE_PIECE, Part, PendingUpload, Upload, suggested_part_size
from service.web.http.made import (
    ConversionDocument,
    FfmpegDocument,
    MediaDocument,
    TrackDocument,
    WarningDocument,
    made_documents,
    media_document,
    track_document,
)
from service.web.http.notices import NotificationDocument, moment, notification_document

Percent = Annotated[float, Meta(ge=0, le=100, description="0 to 100, one decimal; never falls; 100 only when done")]
Size = Annotated[int, Meta(ge=0, description="bytes")]


class UploadLinks(msgspec.Struct, frozen=True):
    """Where to go from an upload."""

    self: str
    jobs: Annotated[str, Meta(description="POST here to convert it")]


class UploadDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An upload that is complete and was recognised."""

    upload_id: Annotated[str, Meta(examples=["mfrggzdfmztwq2lknnwg23tpoa"])]
    state: Literal["complete"] = "complete"
    filename: Annotated[str, Meta(examples=["Übung 1.wav"])]
    size: Size
    format: Annotated[str, Meta(description="what the bytes are, whatever the name says", examples=["wav"])]
    tracks: Annotated[
        list[TrackDocument], Meta(description="of sound, as far as the beginning of the file tells; else empty")
    ]
    media: MediaDocument
    created_at: datetime
    expires_at: datetime
    links: UploadLinks


class PartDocument(msgspec.Struct, frozen=True):
    """A part that has arrived."""

    number: int
    size: Size
    etag: str


class PendingLinks(msgspec.Struct, frozen=True):
    """What can be done with an upload that is not complete."""

    self: Annotated[str, Meta(description="what has arrived")]
    complete: Annotated[str, Meta(description="POST here when all has arrived")]
    parts: Annotated[
        str | UnsetType, Meta(description="PUT each part at this path and its number (through the service)")
    ] = UNSET
    direct: Annotated[str | UnsetType, Meta(description="below this path, presigned URLs (straight to S3)")] = UNSET


class PendingUploadDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An upload that has not arrived, or not all of it."""

    upload_id: Annotated[str, Meta(examples=["mfrggzdfmztwq2lknnwg23tpoa"])]
    state: Literal["pending"] = "pending"
    filename: str
    size: Annotated[Size | None, Meta(description="as the client declared it")]
    received: Annotated[Size, Meta(description="bytes in the parts that have arrived")]
    parts: list[PartDocument]
    part_size: Annotated[Size, Meta(description="what we suggest; all parts but the last need 5 MiB")]
    created_at: datetime
    expires_at: Annotated[datetime, Meta(description="when it is dropped if it is not complete by then")]
    links: PendingLinks


class JobRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to convert into what."""

    upload_id: Annotated[str, Meta(examples=["mfrggzdfmztwq2lknnwg23tpoa"])]
    format: Annotated[str, Meta(description="a name from GET /v1/formats", examples=["mp3"])]
    options: Annotated[
        dict[str, Any], Meta(description="what GET /v1/formats lists for the format", examples=[{"bitrate_kbps": 192}])
    ] = {}


class JobError(msgspec.Struct, frozen=True):
    """Why a job failed."""

    code: Annotated[str, Meta(examples=["bad_media"])]
    detail: str
    diagnostics: dict[str, Any]


class JobLinks(msgspec.Struct, frozen=True, kw_only=True):
    """Where to go from a job."""

    self: str
    progress: str
    events: str
    cancel: str | UnsetType = UNSET
    download: str | UnsetType = UNSET


class ProgressDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job is."""

    job_id: str
    state: State
    percent: Percent
    attempt: Annotated[int, Meta(ge=0, description="how many times a worker has begun")]
    resumed: Annotated[
        bool, Meta(description="an earlier attempt was interrupted; the reading holds until it is passed")
    ]


class JobDocument(ProgressDocument, frozen=True, kw_only=True):
    """A conversion."""

    upload_id: str
    filename: Annotated[str, Meta(description="of the output", examples=["Übung 1.mp3"])]
    format: str
    options: Annotated[dict[str, Any], Meta(description="those that differ from the defaults")]
    media: MediaDocument
    path: Annotated[str | None, Meta(description="`streaming` or `local`, once the conversion runs")]
    cancel_requested: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime
    size: Annotated[Size | UnsetType, Meta(description="of the output, when succeeded")] = UNSET
    error: JobError | UnsetType = UNSET
    track: Annotated[TrackDocument | UnsetType, Meta(description="which one was converted, when succeeded")] = UNSET
    warnings: Annotated[
        list[WarningDocument] | UnsetType, Meta(description="what is not as it should be, when succeeded")
    ] = UNSET
    ffmpeg: Annotated[
        FfmpegDocument | UnsetType, Meta(description="how to make the same bytes by hand, when succeeded")
    ] = UNSET
    notification: Annotated[
        NotificationDocument | UnsetType, Meta(description="of its end, where the tenant has an endpoint")
    ] = UNSET
    conversion: Annotated[ConversionDocument | UnsetType, Meta(description="how long it took, when succeeded")] = UNSET
    links: JobLinks


class HealthDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How this container is."""

    status: Annotated[str, Meta(description="`ok`, `degraded` (all works, some of it slower) or `unavailable`")]
    # These only for callers with a key, where there are keys.
    version: str | UnsetType = UNSET
    instance: str | UnsetType = UNSET
    checks: dict[str, str] | UnsetType = UNSET


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong (RFC 9457). `code` is stable and meant for programs; further members depend on it."""

    type: Annotated[str, Meta(examples=["urn:reprise:problem:not_found"])]
    title: str
    status: int
    detail: str
    code: Annotated[str, Meta(examples=["not_found"])]
    request_id: str
    hint: str | UnsetType = UNSET
    retry_after: Annotated[float | UnsetType, Meta(description="seconds; also as the Retry-After header")] = UNSET


def upload_path(upload_id: str) -> str:
    """Return the path of an upload."""
    return f"/v1/uploads/{upload_id}"


def job_path(job_id: str) -> str:
    """Return the path of a job."""
    return f"/v1/jobs/{job_id}"


def upload_document(upload: Upload) -> UploadDocument:
    """Describe a complete upload to its client."""
    return UploadDocument(
        upload_id=upload.upload_id,
        filename=upload.filename,
        size=upload.size,
        format=upload.source.container,
        tracks=[track_document(track.describe()) for track in upload.source.tracks],
        media=media_document(upload.source, upload.size),
        created_at=moment(upload.created_at),
        expires_at=moment(upload.expires_at),
        links=upload_links(upload.upload_id),
    )


def upload_links(upload_id: str) -> UploadLinks:
    """Return the links of a complete upload."""
    return UploadLinks(self=upload_path(upload_id), jobs="/v1/jobs")


def pending_links(pending: PendingUpload) -> PendingLinks:
    """Return the links of an upload that is not complete."""
    path = upload_path(pending.upload_id)
    if pending.transfer == IN_ONE_PIECE:
        return PendingLinks(self=path, complete=f"{path}/complete")
    return PendingLinks(
        self=path, complete=f"{path}/complete", parts=f"{path}/parts/", direct=f"/v1/s3/multipart/{pending.upload_id}"
    )


def pending_document(pending: PendingUpload, arrived: Sequence[Part]) -> PendingUploadDocument:
    """Describe an upload on its way to its client."""
    return PendingUploadDocument(
        upload_id=pending.upload_id,
        filename=pending.filename,
        size=pending.declared_size,
        received=sum(part.size for part in arrived),
        parts=[PartDocument(part.number, part.size, part.etag) for part in arrived],
        part_size=suggested_part_size(pending.declared_size),
        created_at=moment(pending.created_at),
        expires_at=moment(pending.expires_at),
        links=pending_links(pending),
    )


def progress_document(view: View) -> ProgressDocument:
    """Describe how far a job is, and no more."""
    job = view.job
    return ProgressDocument(
        job_id=job.job_id, state=job.state, percent=view.percent, attempt=job.attempt, resumed=job.attempt > 1
    )


def job_document(view: View) -> JobDocument:
    """Describe a job to its client."""
    job, failure = view.job, view.job.failure
    return JobDocument(
        job_id=job.job_id,
        state=job.state,
        percent=view.percent,
        attempt=job.attempt,
        resumed=job.attempt > 1,
        upload_id=job.upload_id,
        filename=job.filename,
        format=job.target.format,
        options=dict(job.target.options.to_dict()),
        media=media_document(job.source, job.input_size, job.output.report if job.output else None),
        path=job.path,
        cancel_requested=job.cancel_requested,
        created_at=moment(job.created_at),
        started_at=None if job.started_at is None else moment(job.started_at),
        finished_at=None if job.finished_at is None else moment(job.finished_at),
        expires_at=moment(job.expires_at),
        size=UNSET if job.output is None else job.output.size,
        error=UNSET if failure is None else JobError(failure.code, failure.detail, dict(failure.diagnostics)),
        **made_documents(job),
        notification=notification_document(job) or UNSET,
        links=links_of(job),
    )


def links_of(job: Job) -> JobLinks:
    """Return links to what can be done with a job now."""
    path = job_path(job.job_id)
    return JobLinks(
        self=path,
        progress=f"{path}/progress",
        events=f"{path}/events",
        cancel=UNSET if job.final else f"{path}/cancel",
        download=f"{path}/download" if job.state is State.SUCCEEDED else UNSET,
    )
