"""
What was sent past the service becomes an upload: join its parts, look at its bytes, record it.

A file in one piece has no last call: its sender hears from the store that it is there, and the service is not told.
The next call that needs such an upload (`ready_upload`, `current_upload`) completes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from service.application.context import Caller, ServiceContext
from service.application.lookup import find_upload
from service.application.uploads import arrived_parts, discard_upload, log_stored, recognised
from service.core.errors import (
    EmptyUpload,
    LargerThanDeclared,
    NotFound,
    ObjectChanged,
    ObjectGone,
    UnsupportedMedia,
    UploadPending,
    UploadTooLarge,
)
from service.core.media.inputs import Source
from service.core.media.sniff import BEYOND_BYTES, HEAD_BYTES, TAIL_BYTES, Beyond, tags_end
from service.core.upload import IN_ONE_PIECE, Part, PendingUpload, Upload, assembled, check_size
from service.ports.objects import NotStored, Stored
from service.telemetry import emit, events

# Nothing that the client can still send would help; the bytes go at once, and not after a day.
HOPELESS = (UnsupportedMedia, UploadTooLarge, EmptyUpload, LargerThanDeclared)


@dataclass(frozen=True, slots=True)
class PartialUpload:
    """An upload that is not complete, and the parts of it that have arrived."""

    pending: PendingUpload
    parts: Sequence[Part]


async def current_upload(caller: Caller, upload_id: str) -> Upload | PartialUpload:
    """
    Look at an upload; one that comes in one piece is completed now if its file is there.

    Raises `NotFound` (unknown, or another tenant's), `Expired`, and what is wrong with the bytes of one in one piece.
    """
    found = await find_upload(caller, upload_id)
    if isinstance(found, Upload):
        return found
    if found.transfer != IN_ONE_PIECE:
        return PartialUpload(found, await arrived_parts(caller.context, found))
    try:
        return await complete_upload(caller.context, found, None)
    except UploadPending:
        return PartialUpload(found, ())


async def ready_upload(caller: Caller, upload_id: str) -> Upload:
    """
    Find a complete upload; one that came in one piece is completed now.

    Raises `NotFound` (unknown, or another tenant's), `Expired`, `UploadPending`, and what is wrong with its bytes.
    """
    found = await find_upload(caller, upload_id)
    if isinstance(found, PendingUpload) and found.transfer != IN_ONE_PIECE:
        raise UploadPending(f"Upload {upload_id} is not complete.")
    return await complete_upload(caller.context, found, None)


async def complete_upload(
    context: ServiceContext, found: Upload | PendingUpload, claimed: Sequence[tuple[int, str]] | None
) -> Upload:
    """
    Join the parts and see what they are. Safe to repeat, from any container, at any moment.

    `claimed` are the parts that the client names, as (number, ETag); None: all that arrived. Raises `UploadPending`,
    `InvalidRequest`, and, having removed everything, what is wrong with the bytes.
    """
    if isinstance(found, Upload):
        return found
    try:
        stored = await _join(context, found, claimed)
        check_size(stored.size, context.config.max_upload_bytes)
        source = await _identified(context, found.tenant, stored)
    except HOPELESS as error:
        emit(events.UPLOAD_REFUSED, upload_id=found.upload_id, code=error.code, detail=error.detail)
        await discard_upload(context, found)
        raise
    upload = recognised(
        stored,
        source,
        upload_id=found.upload_id,
        tenant=found.tenant,
        filename=found.filename,
        created_at=found.created_at,
        expires_at=context.clock.wall() + context.config.ttl_seconds,
    )
    try:
        upload = await context.uploads.complete_upload(upload)
    except NotFound:
        await context.objects.delete([found.key])  # it was aborted while we joined it
        raise
    log_stored(upload)
    return upload


async def _join(context: ServiceContext, pending: PendingUpload, claimed: Sequence[tuple[int, str]] | None) -> Stored:
    """Make the object of the parts that it should have; or find it, if it has come or been joined already."""
    if pending.transfer == IN_ONE_PIECE:
        return await _piece(context, pending, claimed)
    try:
        there = await context.objects.parts(pending.key, pending.transfer)
    except ObjectGone:
        stored = await context.objects.head(pending.key)
        # The process that joined it may have died before a look at what came of it.
        if not stored.size or stored.size != (pending.declared_size or stored.size):
            raise ObjectGone("The file did not arrive whole; send it again as a new upload.") from None
        return stored
    chosen = assembled(there, claimed, pending.declared_size)
    size = sum(part.size for part in chosen)
    check_size(size, context.config.max_upload_bytes)
    if not size:
        raise EmptyUpload
    try:
        return await context.objects.join_parts(pending.key, pending.transfer, chosen)
    except ObjectChanged as error:
        raise UploadPending("A part was sent again in this moment; complete the upload once more.") from error
    except NotStored as error:
        if await context.uploads.look_up_upload(pending.upload_id) is None:
            raise NotFound(f"Upload {pending.upload_id} was removed in this moment.") from error
        emit(events.S3_NOT_WHOLE, key=error.key, size=error.size, found=None)
        raise


async def _piece(context: ServiceContext, pending: PendingUpload, claimed: Sequence[tuple[int, str]] | None) -> Stored:
    """Find the object as it was sent: a single part, of which the same is expected as of many."""
    try:
        stored = await context.objects.head(pending.key)
    except ObjectGone:
        raise UploadPending("The file has not arrived yet.") from None
    if not stored.size:
        raise EmptyUpload
    assembled([Part(1, stored.size, stored.etag)], claimed, pending.declared_size)
    return stored


async def _identified(context: ServiceContext, tenant: str, stored: Stored) -> Source:
    """Look at the first and the last bytes of an object, and behind the tags in front if they are long."""

    async def peek(start: int, length: int) -> bytes:
        return await context.objects.peek(stored.key, etag=stored.etag, start=start, length=length)

    head = await peek(0, min(HEAD_BYTES, stored.size))
    tail = min(TAIL_BYTES, stored.size)
    at, beyond = tags_end(head, stored.size), None
    if at is not None:
        beyond = Beyond(at, await peek(at, min(BEYOND_BYTES, stored.size - at)))
    return await context.sniffer.identify(tenant, head, await peek(stored.size - tail, tail), stored.size, beyond)
