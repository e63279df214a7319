"""
Jobs and uploads as items of the table, and back (their leases: `leases`). No other file knows what an item looks like.

An attribute is called like the field that it holds, and an absent attribute is a field that is None. Three things
differ: ``queue`` places a job in the sparse index and is absent once nothing is to be done with it; ``stamp`` names the
write that made the last transition; and what no expression ever looks into (source, options, diagnostics) is a JSON
string, which keeps floats exact. Times and percentages have three decimals, ``expires_at`` none (time to live).
"""

import hashlib
import json
import math
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from service.adapters.aws.resources import DUE_AT, KEY, QUEUE
from service.adapters.dynamodb.leases import lease_in, lease_values
from service.adapters.dynamodb.notices import notification_in
from service.adapters.dynamodb.values import Item, Scalar, as_json, bounded, item_of, text_in, time_in
from service.core.errors import Definite, InvalidOption
from service.core.jobs.job import Failure, Job, Output
from service.core.jobs.queue import queue_of
from service.core.media.inputs import Source
from service.core.media.options import Options, Target
from service.core.upload import PendingUpload, Upload
from service.ports.jobs import IdempotencyKey

T = TypeVar("T")

JOB, UPLOAD, IDEMPOTENCY = "job#", "upload#", "idempotency#"
STAMP, PENDING = "stamp", "pending"  # the latter: `state` of an upload that is still to come; a complete one has none


def job_pk(job_id: str) -> str:
    """Return ``job#<id>``."""
    return JOB + job_id


def upload_pk(upload_id: str) -> str:
    """Return ``upload#<id>``."""
    return UPLOAD + upload_id


def idempotency_pk(key: str) -> str:
    """Return ``idempotency#<sha256>``: a client's key may be of any length and hold anything."""
    return IDEMPOTENCY + hashlib.sha256(key.encode()).hexdigest()


def job_id_of(pk: str) -> str:
    """Return the id in ``job#<id>``."""
    return pk.removeprefix(JOB)


# ── jobs ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def job_to_item(job: Job, shards: int) -> Item:
    """Write down a whole job, with its place in the queue."""
    return item_of({
        KEY: job_pk(job.job_id),
        QUEUE: queue_of(job.state, job.job_id, shards),
        "job_id": job.job_id,
        "tenant": job.tenant,
        "upload_id": job.upload_id,
        "input_key": job.input_key,
        "input_etag": job.input_etag,
        "input_size": job.input_size,
        "source": as_json(job.source.to_dict()),
        "format": job.target.format,
        "options": as_json(job.target.options.to_dict()),
        "filename": job.filename,
        "created_at": job.created_at,
        "expires_at": math.ceil(job.expires_at),
        **lease_values(job.lease),
        "percent": job.percent,
        "shown": job.shown,
        "cancel_requested": job.cancel_requested,
        "path": job.path,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        **(output_values(job.output) if job.output else {}),
        **(failure_values(job.failure) if job.failure else {}),
        "trace": job.trace,
    })  # fmt: skip


def job_from_item(item: Item) -> Job:
    """Read a job; raises `Definite` if this is none."""
    return _readable(_job, item)


def output_values(output: Output) -> dict[str, Scalar]:
    """Return what a finished file adds to its job."""
    report = {"report": as_json(output.report)} if output.report else {}
    return {"output_key": output.key, "output_size": output.size, "output_etag": output.etag, **report}


def failure_values(failure: Failure) -> dict[str, Scalar]:
    """Return what a failure adds to its job."""
    return {
        "failure_code": failure.code,
        "failure_detail": failure.detail,
        "diagnostics": as_json(bounded(failure.diagnostics)),
    }


def stamp_of(item: Item) -> str | None:
    """Return which write made the last transition, or None if there was none yet."""
    return text_in(item, STAMP)


# ── uploads ──────────────────────────────────────────────────────────────────────────────────────────────────────


def upload_to_item(upload: Upload) -> Item:
    """Write down an upload."""
    return item_of({
        KEY: upload_pk(upload.upload_id),
        "upload_id": upload.upload_id,
        "tenant": upload.tenant,
        "filename": upload.filename,
        "key": upload.key,
        "size": upload.size,
        "etag": upload.etag,
        "source": as_json(upload.source.to_dict()),
        "created_at": upload.created_at,
        "expires_at": math.ceil(upload.expires_at),
    })  # fmt: skip


def upload_from_item(item: Item) -> Upload:
    """Read a complete upload; raises `Definite` if this is none."""
    return _readable(_upload, item)


def open_queue(tenant: str) -> str:
    """Return where the index lists the uploads of a tenant that are begun and not complete, by when they close."""
    return f"{PENDING}#{tenant}"


def pending_to_item(pending: PendingUpload) -> Item:
    """Write down an upload that is to come."""
    return item_of({
        KEY: upload_pk(pending.upload_id),
        QUEUE: open_queue(pending.tenant),
        DUE_AT: pending.closes_at,
        "state": PENDING,
        "upload_id": pending.upload_id,
        "tenant": pending.tenant,
        "filename": pending.filename,
        "key": pending.key,
        "transfer": pending.transfer,
        "declared_size": pending.declared_size,
        "part_size": pending.part_size,
        "created_at": pending.created_at,
        "expires_at": math.ceil(pending.expires_at),
    })  # fmt: skip


def any_upload_from_item(item: Item) -> Upload | PendingUpload:
    """Read an upload, complete or not; raises `Definite` if this is neither."""
    if text_in(item, "state") == PENDING:
        return _readable(_pending, item)
    return _readable(_upload, item)


# ── idempotency keys ─────────────────────────────────────────────────────────────────────────────────────────────


def idempotency_to_item(key: IdempotencyKey, job: Job) -> Item:
    """Remember which job was accepted under a key; for as long as the job itself is remembered."""
    return item_of({
        KEY: idempotency_pk(key.key),
        "job_id": job.job_id,
        "fingerprint": key.fingerprint,
        "expires_at": math.ceil(job.expires_at),
    })  # fmt: skip


def accepted_under(item: Item) -> tuple[str, str]:
    """Return the (job_id, fingerprint) that an idempotency key was first used with."""
    return item["job_id"]["S"], item["fingerprint"]["S"]


def key_expired(item: Item, now: float) -> bool:
    """Tell whether the time of an idempotency key is over: TTL removes it days late."""
    return float(item["expires_at"]["N"]) <= now


# ── readers ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _job(item: Item) -> Job:
    return Job(
        lease=lease_in(item["job_id"]["S"], item),
        tenant=item["tenant"]["S"],
        upload_id=item["upload_id"]["S"],
        input_key=item["input_key"]["S"],
        input_etag=item["input_etag"]["S"],
        input_size=int(item["input_size"]["N"]),
        source=_source(item),
        target=Target(format=item["format"]["S"], options=_options(item["options"]["S"])),
        filename=item["filename"]["S"],
        created_at=float(item["created_at"]["N"]),
        expires_at=float(item["expires_at"]["N"]),
        percent=float(item["percent"]["N"]),
        shown=float(item["shown"]["N"]),
        cancel_requested=bool(item["cancel_requested"]["BOOL"]),
        path=text_in(item, "path"),
        started_at=time_in(item, "started_at"),
        finished_at=time_in(item, "finished_at"),
        output=_output(item),
        failure=_failure(item),
        notification=notification_in(item),
        trace=text_in(item, "trace"),
    )


def _output(item: Item) -> Output | None:
    if (key := text_in(item, "output_key")) is None:
        return None
    report = json.loads(text_in(item, "report") or "{}")  # an older release wrote none
    return Output(key=key, size=int(item["output_size"]["N"]), etag=item["output_etag"]["S"], report=report)


def _failure(item: Item) -> Failure | None:
    if (code := text_in(item, "failure_code")) is None:
        return None
    return Failure(code=code, detail=item["failure_detail"]["S"], diagnostics=json.loads(item["diagnostics"]["S"]))


def _upload(item: Item) -> Upload:
    return Upload(
        upload_id=item["upload_id"]["S"],
        tenant=item["tenant"]["S"],
        filename=item["filename"]["S"],
        key=item["key"]["S"],
        size=int(item["size"]["N"]),
        etag=item["etag"]["S"],
        source=_source(item),
        created_at=float(item["created_at"]["N"]),
        expires_at=float(item["expires_at"]["N"]),
    )


def _pending(item: Item) -> PendingUpload:
    return PendingUpload(
        upload_id=item["upload_id"]["S"],
        tenant=item["tenant"]["S"],
        filename=item["filename"]["S"],
        key=item["key"]["S"],
        transfer=item["transfer"]["S"],
        declared_size=int(item["declared_size"]["N"]) if "declared_size" in item else None,
        created_at=float(item["created_at"]["N"]),
        expires_at=float(item["expires_at"]["N"]),
        closes_at=float(item[DUE_AT if DUE_AT in item else "expires_at"]["N"]),  # an older release wrote none
        part_size=int(item["part_size"]["N"]) if "part_size" in item else None,  # an older release wrote none
    )


def _source(item: Item) -> Source:
    return _source_of(item["source"]["S"])


# A job is read once a second by everyone who looks at it, and these texts of it never change.
@lru_cache(maxsize=256)
def _source_of(text: str) -> Source:
    return Source.from_dict(json.loads(text))


@lru_cache(maxsize=256)
def _options(text: str) -> Options:
    return Options.from_dict(json.loads(text))


def _readable(read: Callable[[Item], T], item: Item) -> T:
    try:
        return read(item)
    except (KeyError, TypeError, ValueError, AttributeError, InvalidOption) as error:
        where = item.get(KEY, {}).get("S", "without a key")
        raise Definite(f"The item {where!r} cannot be read: {type(error).__name__}: {error}") from error
