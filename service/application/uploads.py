"""
An upload past the service, in parts or in one piece: begun here, sent to the object store, completed in `completion`.

The routes of S3 multipart, of S3 forms and of relayed parts all come here.

Everything that a client says is compared with the record: the key that it names, the parts that it claims to have
sent. The record alone knows the store's name of the transfer, so nothing can be signed, listed or joined that is not
the caller's own. What was declared when the upload began is checked there; what arrived is checked when it is
completed, from the bytes, and refused then as it would have been in one stream.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from service.application.context import Caller, ServiceContext
from service.application.lookup import find_upload
from service.core.errors import EmptyUpload, NotFound, ObjectGone, RepriseError, StoreError, UploadsOpen
from service.core.filenames import safe_filename
from service.core.limits.shares import TenantStorageFull
from service.core.media.inputs import Source
from service.core.media.sniff import HEAD_BYTES, Beyond, tags_end
from service.core.naming import input_key
from service.core.upload import (
    IN_ONE_PIECE,
    MAX_SINGLE_PUT_SIZE,
    Part,
    PendingUpload,
    Upload,
    check_declared,
    check_part_size,
    check_size,
    part_length,
)
from service.ports.objects import Form, Stored
from service.telemetry import emit, events, note_request


@contextlib.contextmanager
def log_refusals() -> Iterator[None]:
    """Log what is refused while an upload is begun or received."""
    try:
        yield
    except RepriseError as error:
        emit(events.UPLOAD_REFUSED, code=error.code, detail=error.detail)
        raise


# ── begin ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def begin_parts(
    caller: Caller, *, filename: str | None, size: int | None, content_type: str, part_size: int | None = None
) -> PendingUpload:
    """
    Open a transfer and record it. `part_size`: of each part but the last, if the client knows it.

    Raises what can be refused before any byte was sent, `UploadsOpen`, `TenantStorageFull`, `StoreError`.
    """
    context = caller.context
    check_declared(size, content_type, context.config.max_upload_bytes)
    check_part_size(size, part_size)
    await check_shares(caller, size)
    planned = plan(caller, filename, size, context.config.pending_seconds)
    pending = replace(planned, part_size=part_size, transfer=await context.objects.begin_parts(planned.key))
    try:
        await context.uploads.begin_upload(pending)
    except StoreError:
        with contextlib.suppress(StoreError):  # best effort; a transfer without a record is the janitor's
            await context.objects.abort_parts(pending.key, pending.transfer)
        raise
    log_begun(pending)
    return pending


async def begin_form(
    caller: Caller, *, filename: str | None, size: int | None, content_type: str
) -> tuple[PendingUpload, Form]:
    """Record an upload that comes in one piece, and sign the form that it comes by. Raises as `begin_parts` does."""
    context, seconds = caller.context, caller.context.config.part_url_seconds
    limit = min(context.config.max_upload_bytes, MAX_SINGLE_PUT_SIZE)
    check_declared(size, content_type, limit)
    await check_shares(caller, size)
    pending = plan(caller, filename, size, seconds)
    if size == 0:
        raise EmptyUpload
    least, most = (1, limit) if size is None else (size, size)
    form = await context.objects.upload_form(pending.key, least=least, most=most, seconds=seconds)
    await context.uploads.begin_upload(pending)
    log_begun(pending)
    return pending, form


async def check_shares(caller: Caller, size: int | None) -> None:
    """Raise `UploadsOpen` or `TenantStorageFull` if this tenant may not begin an upload of `size` bytes."""
    context, limit = caller.context, caller.context.config.limits_of(caller.tenant).open_uploads
    if await context.uploads.open_uploads(caller.tenant, context.clock.wall(), limit) >= limit:
        raise UploadsOpen(limit=limit, limit_name="open")
    await check_stored(caller, context.config.max_upload_bytes if size is None else size)


async def check_stored(caller: Caller, more: int) -> None:
    """
    Raise `TenantStorageFull` if this tenant stores as much as it may, or would with so many bytes more.

    Uploads that are begun count with what was declared, without that as the largest upload; outputs when they are
    finished. So the limit can be exceeded by what the tenant's queued jobs make.
    """
    context, limit = caller.context, caller.context.config.limits_of(caller.tenant).stored
    usage = await context.uploads.stored(caller.tenant, context.clock.wall())
    used = usage.size + usage.unknown * context.config.max_upload_bytes
    if used >= limit or used + more > limit:
        raise TenantStorageFull(
            f"This tenant stores {used} bytes of the {limit} that it may.",
            limit=limit,
            limit_name="stored",
            stored=used,
        )


def plan(caller: Caller, filename: str | None, size: int | None, seconds: float) -> PendingUpload:
    """Describe a new upload that bytes can be sent for during so many seconds."""
    context = caller.context
    upload_id, now = context.ids.new(), context.clock.wall()
    return PendingUpload(
        upload_id=upload_id,
        tenant=caller.tenant,
        filename=safe_filename(filename),
        key=input_key(upload_id),
        transfer=IN_ONE_PIECE,
        declared_size=size,
        created_at=now,
        expires_at=now + context.config.pending_seconds,
        closes_at=now + seconds,
    )


def log_begun(pending: PendingUpload) -> None:
    """Log that an upload past the service was begun."""
    note_request(upload_id=pending.upload_id, size=pending.declared_size)
    emit(
        events.UPLOAD_BEGUN,
        upload_id=pending.upload_id,
        filename=pending.filename,
        size=pending.declared_size,
        key=pending.key,
    )


# ── parts ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def open_upload(caller: Caller, upload_id: str, key: str | None = None) -> PendingUpload:
    """
    Find an upload that parts can still be sent for; `key` is the one that the client believes it has.

    Raises `NotFound` (unknown, another tenant's, complete already, or of another key), `Expired`.
    """
    found = await find_upload(caller, upload_id, key)
    if isinstance(found, Upload):
        raise NotFound(f"Upload {upload_id} is complete; it takes no more parts.")
    if found.transfer == IN_ONE_PIECE:
        raise NotFound(f"Upload {upload_id} comes in one piece; it takes no parts.")
    return found


async def arrived_parts(context: ServiceContext, pending: PendingUpload) -> Sequence[Part]:
    """List what has arrived; nothing, if the parts are being joined at this moment."""
    try:
        return await context.objects.parts(pending.key, pending.transfer)
    except ObjectGone:
        return ()


async def part_url(context: ServiceContext, pending: PendingUpload, number: int, told: int | None = None) -> str:
    """
    Sign a URL to PUT one part of this upload at, for exactly as many bytes as the part has, where that is known.

    `told` is what the client says of this part's length. Raises as `part_length` does.
    """
    length, seconds = part_length(pending, number, told), context.config.part_url_seconds
    return await context.objects.part_url(pending.key, pending.transfer, number, seconds=seconds, size=length)


async def put_part(context: ServiceContext, pending: PendingUpload, number: int, body: bytes) -> Part:
    """Hand a part on to the store. Raises `UnsupportedMedia` if the file begins with what is certainly no audio."""
    limit = context.config.max_upload_bytes
    check_size(len(body), limit)
    if number == 1 and len(body) >= HEAD_BYTES:
        size = max(pending.declared_size or limit, len(body))
        head = body[:HEAD_BYTES]
        at = tags_end(head, size)
        await context.sniffer.identify(pending.tenant, head, b"", size, None if at is None else Beyond(at, b""))
    try:
        return await context.objects.put_part(pending.key, pending.transfer, number, body)
    except ObjectGone as error:
        raise NotFound(f"Upload {pending.upload_id} takes no more parts.") from error


async def discard_upload(context: ServiceContext, found: Upload | PendingUpload) -> None:
    """
    Remove an upload, whatever has become of it. Safe to repeat.

    The record goes first: without it no completion can succeed any more, so what is removed after it stays removed.
    """
    await context.uploads.delete_upload(found.upload_id)
    if isinstance(found, PendingUpload) and found.transfer != IN_ONE_PIECE:
        await context.objects.abort_parts(found.key, found.transfer)
    await context.objects.delete([found.key])


# ── what came of it ──────────────────────────────────────────────────────────────────────────────────────────────


def recognised(
    stored: Stored,
    source: Source,
    *,
    upload_id: str,
    tenant: str,
    filename: str,
    created_at: float,
    expires_at: float,
) -> Upload:
    """Describe a stored object whose format is known as an upload."""
    return Upload(
        upload_id=upload_id,
        tenant=tenant,
        filename=filename,
        key=stored.key,
        size=stored.size,
        etag=stored.etag,
        source=source,
        created_at=created_at,
        expires_at=expires_at,
    )


def log_stored(upload: Upload) -> None:
    """Log that an upload is complete."""
    note_request(upload_id=upload.upload_id, size=upload.size, format=upload.source.container)
    emit(
        events.UPLOAD_STORED,
        upload_id=upload.upload_id,
        filename=upload.filename,
        size=upload.size,
        format=upload.source.container,
        key=upload.key,
    )
