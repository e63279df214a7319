"""Values with everything in them that must be there, so that a test names only what it is about."""

from dataclasses import replace
from typing import TypedDict, Unpack

from service.core.jobs.job import Failure, Job, Output
from service.core.jobs.lease import Lease, State
from service.core.media.inputs import Source
from service.core.media.options import Target
from service.core.naming import input_key, output_key
from service.core.upload import PendingUpload, Upload
from service.testing.clock import NOON

A_DAY = 86_400.0
WAV = Source(container="wav", demuxer="wav", content_type="audio/wav")
MP3 = Target(format="mp3")


class LeaseFields(TypedDict, total=False):
    """What can be said about a lease, but for its key."""

    state: State
    due_at: float
    owner: str | None
    attempt: int
    beat: int
    lapses: int
    excused: int
    faults: int
    alive: int
    mistaken: int
    lived: int


class JobFields(LeaseFields, total=False):
    """What can be said about a job; what belongs to its lease is written beside the rest."""

    job_id: str
    tenant: str
    upload_id: str
    input_key: str
    input_etag: str
    input_size: int
    source: Source
    target: Target
    filename: str
    created_at: float
    expires_at: float
    percent: float
    shown: float
    cancel_requested: bool
    path: str | None
    started_at: float | None
    finished_at: float | None
    output: Output | None
    failure: Failure | None
    trace: str | None


class UploadFields(TypedDict, total=False):
    """What can be said about an upload."""

    upload_id: str
    tenant: str
    filename: str
    key: str
    size: int
    etag: str
    source: Source
    created_at: float
    expires_at: float


class PendingFields(TypedDict, total=False):
    """What can be said about an upload that is not complete."""

    upload_id: str
    tenant: str
    filename: str
    key: str
    transfer: str
    declared_size: int | None
    created_at: float
    expires_at: float
    closes_at: float
    part_size: int | None


def a_job(**interesting: Unpack[JobFields]) -> Job:
    """Return a queued job of a WAV that is to become an MP3, but for what is `interesting`."""
    upload_id = interesting.get("upload_id", "upload1")
    created_at = interesting.get("created_at", NOON)
    usual = Job(
        lease=Lease(key="job1", due_at=created_at),
        tenant="tenant1",
        upload_id=upload_id,
        input_key=input_key(upload_id),
        input_etag="etag1",
        input_size=1_000_000,
        source=WAV,
        target=MP3,
        filename="song.mp3",
        created_at=created_at,
        expires_at=created_at + A_DAY,
    )
    return changed(usual, **interesting)


def changed(job: Job, **interesting: Unpack[JobFields]) -> Job:
    """Return the same job, but for what is `interesting`; knows which fields are of the lease."""
    fields = dict(interesting)
    of_lease = {name: fields.pop(name) for name in LeaseFields.__annotations__ if name in fields}
    key = fields.pop("job_id", job.job_id)
    return replace(job, lease=replace(job.lease, key=key, **of_lease), **fields)  # type: ignore[arg-type]  # named above


def a_running_job(**interesting: Unpack[JobFields]) -> Job:
    """Return the same, held by ``worker1`` in its first attempt."""
    running: JobFields = {"state": State.RUNNING, "owner": "worker1", "attempt": 1, "started_at": NOON}
    running.update(interesting)
    return a_job(**running)


def an_output(job: Job | None = None, size: int = 100_000) -> Output:
    """Return what the present attempt of `job` makes."""
    job = job or a_running_job()
    return Output(key=output_key(job.job_id, job.attempt, job.filename), size=size, etag=f"etag-{job.attempt}")


def a_failure(code: str = "bad_media") -> Failure:
    """Return a failure with diagnostics of every kind that JSON knows."""
    return Failure(code=code, detail="No audio.", diagnostics={"exit_code": 1, "last_lines": ["a", "ü"], "time": 0.25})


def an_upload(**interesting: Unpack[UploadFields]) -> Upload:
    """Return a WAV that has arrived, but for what is `interesting`."""
    upload_id = interesting.get("upload_id", "upload1")
    created_at = interesting.get("created_at", NOON)
    usual = Upload(
        upload_id=upload_id,
        tenant="tenant1",
        filename="song.wav",
        key=input_key(upload_id),
        size=1_000_000,
        etag="etag1",
        source=WAV,
        created_at=created_at,
        expires_at=created_at + A_DAY,
    )
    return replace(usual, **interesting)


def a_pending_upload(**interesting: Unpack[PendingFields]) -> PendingUpload:
    """Return an upload whose parts are to come, but for what is `interesting`."""
    upload_id = interesting.get("upload_id", "upload1")
    created_at = interesting.get("created_at", NOON)
    usual = PendingUpload(
        upload_id=upload_id,
        tenant="tenant1",
        filename="song.wav",
        key=input_key(upload_id),
        transfer="transfer1",
        declared_size=None,
        created_at=created_at,
        expires_at=created_at + A_DAY,
        closes_at=created_at + A_DAY,
    )
    return replace(usual, **interesting)
