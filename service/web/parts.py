"""
What an upload past the service does, whichever door its calls come through (`direct`, `resumable` and `single`).

A file in one piece has no last call: its sender hears from the store that it is there, and nobody tells us. Whoever
asks for such an upload next (`ready`) completes it.

Everything that a client says is compared with the record: the key that it names, the parts that it claims to have
sent. The record alone knows the store's name of the transfer, so nothing can be signed, listed or joined that is not
the caller's own. What was declared when the upload began is checked there; what arrived is checked when it is
completed, from the bytes, and refused then as it would have been in one stream.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from service.core.errors import (
    ClientError,
    EmptyUpload,
    NotFound,
    ObjectChanged,
    ObjectGone,
    RepriseError,
    StoreError,
    UnsupportedMedia,
    UploadPending,
    UploadsOpen,
    UploadTooLarge,
)
from service.core.media.sniff import HEAD_BYTES, TAIL_BYTES, identify
from service.core.naming import input_key, safe_filename
from service.core.upload import (
    IN_ONE_PIECE,
    LARGEST_PIECE,
    Part,
    PendingUpload,
    Upload,
    assembled,
    check_declared,
    check_size,
)
from service.ports.objects import Form, Stored
from service.telemetry import emit, events
from service.web.config import WebConfig
from service.web.dependencies import WebDependencies
from service.web.lookup import find_any_upload

HOPELESS = (UnsupportedMedia, UploadTooLarge, EmptyUpload)  # nothing that the client can still send would help


@contextlib.contextmanager
def refusals_said() -> Iterator[None]:
    """Whatever is refused at a door has its event."""
    try:
        yield
    except RepriseError as error:
        emit(events.UPLOAD_REFUSED, code=error.code, detail=error.detail)
        raise


async def begin(
    deps: WebDependencies, config: WebConfig, tenant: str, *, filename: str | None, size: int | None, content_type: str
) -> PendingUpload:
    """
    Open a transfer and record it.

    Raises what can be refused before any byte was sent, `UploadsOpen`, `StoreError`.
    """
    check_declared(size, content_type, config.max_upload_bytes)
    await check_room(deps, config, tenant)
    planned = plan(deps, config, tenant, filename, size, config.pending_seconds)
    pending = replace(planned, transfer=await deps.objects.begin_parts(planned.key))
    try:
        await deps.uploads.begin_upload(pending)
    except StoreError:
        with contextlib.suppress(StoreError):  # best effort; a transfer without a record is the janitor's
            await deps.objects.abort_parts(pending.key, pending.transfer)
        raise
    say_begun(pending)
    return pending


async def begin_piece(
    deps: WebDependencies, config: WebConfig, tenant: str, *, filename: str | None, size: int | None, content_type: str
) -> tuple[PendingUpload, Form]:
    """Record an upload that comes in one piece, and sign the form that it comes by. Raises as `begin` does."""
    limit = min(config.max_upload_bytes, LARGEST_PIECE)
    check_declared(size, content_type, limit)
    await check_room(deps, config, tenant)
    pending = plan(deps, config, tenant, filename, size, config.part_url_seconds)
    if size == 0:
        raise EmptyUpload
    least, most = (1, limit) if size is None else (size, size)
    form = await deps.objects.upload_form(pending.key, least=least, most=most, seconds=config.part_url_seconds)
    await deps.uploads.begin_upload(pending)
    say_begun(pending)
    return pending, form


async def check_room(deps: WebDependencies, config: WebConfig, tenant: str) -> None:
    """Raises `UploadsOpen` if this tenant has as many uploads open as it may."""
    if await deps.uploads.open_uploads(tenant, deps.clock.wall(), config.max_open_uploads) >= config.max_open_uploads:
        raise UploadsOpen(limit=config.max_open_uploads)


def plan(
    deps: WebDependencies, config: WebConfig, tenant: str, filename: str | None, size: int | None, seconds: float
) -> PendingUpload:
    """A new upload that bytes can be sent for during so many seconds."""
    upload_id, now = deps.ids.new(), deps.clock.wall()
    return PendingUpload(
        upload_id=upload_id,
        tenant=tenant,
        filename=safe_filename(filename),
        key=input_key(upload_id),
        transfer=IN_ONE_PIECE,
        declared_size=size,
        created_at=now,
        expires_at=now + config.pending_seconds,
        closes_at=now + seconds,
    )


def say_begun(pending: PendingUpload) -> None:
    """Log it."""
    emit(
        events.UPLOAD_BEGUN,
        upload_id=pending.upload_id,
        filename=pending.filename,
        size=pending.declared_size,
        key=pending.key,
    )


async def ready(deps: WebDependencies, config: WebConfig, tenant: str, upload_id: str) -> Upload:
    """
    A complete upload; one that came in one piece is completed now.

    Raises `NotFound` (unknown, or somebody else's), `Expired`, `UploadPending`, and what is wrong with its bytes.
    """
    found = await find_any_upload(deps, tenant, upload_id)
    if isinstance(found, PendingUpload) and found.transfer != IN_ONE_PIECE:
        raise UploadPending(f"Upload {upload_id} is not complete.")
    return await complete(deps, config, found, None)


async def open_upload(deps: WebDependencies, tenant: str, upload_id: str, key: str | None = None) -> PendingUpload:
    """
    The caller's upload, if parts can still be sent; `key` is the one that the client believes it has.

    Raises `NotFound` (unknown, somebody else's, complete already, or of another key), `Expired`.
    """
    found = await find_any_upload(deps, tenant, upload_id)
    own_key(found, key)
    if isinstance(found, Upload):
        raise NotFound(f"Upload {upload_id} is complete; it takes no more parts.")
    if found.transfer == IN_ONE_PIECE:
        raise NotFound(f"Upload {upload_id} comes in one piece; it takes no parts.")
    return found


def own_key(found: Upload | PendingUpload, key: str | None) -> None:
    """The key that a client names has to be that of its upload. Raises `NotFound`."""
    if key is not None and key != found.key:
        raise NotFound(f"There is no upload {found.upload_id} with this key.")


async def arrived(deps: WebDependencies, pending: PendingUpload) -> Sequence[Part]:
    """What has arrived; nothing, if the parts are being joined at this moment."""
    try:
        return await deps.objects.parts(pending.key, pending.transfer)
    except ObjectGone:
        return ()


async def complete(
    deps: WebDependencies,
    config: WebConfig,
    found: Upload | PendingUpload,
    claimed: Sequence[tuple[int, str]] | None,
) -> Upload:
    """
    Join the parts and see what they are. Safe to repeat, from any container, at any moment.

    Raises `UploadPending`, `InvalidRequest`, and, having removed everything, what is wrong with the bytes.
    """
    if isinstance(found, Upload):
        return found
    try:
        stored = await join(deps, config, found, claimed)
        check_size(stored.size, config.max_upload_bytes)
        source = identify(*await ends(deps, stored), stored.size)
    except HOPELESS as error:
        emit(events.UPLOAD_REFUSED, upload_id=found.upload_id, code=error.code, detail=error.detail)
        await discard(deps, found)
        raise
    now = deps.clock.wall()
    try:
        upload = await deps.uploads.complete_upload(
            Upload(
                upload_id=found.upload_id,
                tenant=found.tenant,
                filename=found.filename,
                key=found.key,
                size=stored.size,
                etag=stored.etag,
                source=source,
                created_at=found.created_at,
                expires_at=now + config.ttl_seconds,
            )
        )
    except NotFound:
        await deps.objects.delete([found.key])  # it was aborted while we joined it
        raise
    emit(
        events.UPLOAD_STORED,
        upload_id=upload.upload_id,
        filename=upload.filename,
        size=upload.size,
        format=upload.source.container,
        key=upload.key,
    )
    return upload


async def join(
    deps: WebDependencies, config: WebConfig, pending: PendingUpload, claimed: Sequence[tuple[int, str]] | None
) -> Stored:
    """The object, made of the parts that it should have; or as it is, if it has come or been joined already."""
    if pending.transfer == IN_ONE_PIECE:
        return await piece(deps, pending, claimed)
    try:
        there = await deps.objects.parts(pending.key, pending.transfer)
    except ObjectGone:
        stored = await deps.objects.head(pending.key)
        # Whoever joined it may have died before a look at what came of it.
        if not stored.size or stored.size != (pending.declared_size or stored.size):
            raise ObjectGone("The file did not arrive whole; send it again as a new upload.") from None
        return stored
    chosen = assembled(there, claimed, pending.declared_size)
    size = sum(part.size for part in chosen)
    check_size(size, config.max_upload_bytes)
    if not size:
        raise EmptyUpload
    try:
        return await deps.objects.join_parts(pending.key, pending.transfer, chosen)
    except ObjectChanged as error:
        raise UploadPending("A part was sent again in this moment; complete the upload once more.") from error


async def piece(deps: WebDependencies, pending: PendingUpload, claimed: Sequence[tuple[int, str]] | None) -> Stored:
    """The object as it was sent: a single part, of which the same is expected as of many."""
    try:
        stored = await deps.objects.head(pending.key)
    except ObjectGone:
        raise UploadPending("The file has not arrived yet.") from None
    if not stored.size:
        raise EmptyUpload
    assembled([Part(1, stored.size, stored.etag)], claimed, pending.declared_size)
    return stored


async def ends(deps: WebDependencies, stored: Stored) -> tuple[bytes, bytes]:
    """The first and the last bytes of an object, read back."""
    tail = min(TAIL_BYTES, stored.size)
    return (
        await deps.objects.peek(stored.key, etag=stored.etag, start=0, length=min(HEAD_BYTES, stored.size)),
        await deps.objects.peek(stored.key, etag=stored.etag, start=stored.size - tail, length=tail),
    )


async def put(deps: WebDependencies, config: WebConfig, pending: PendingUpload, number: int, body: bytes) -> Part:
    """Hand a part on to the store. Raises `UnsupportedMedia` if the file begins with what is certainly no audio."""
    check_size(len(body), config.max_upload_bytes)
    if number == 1 and len(body) >= HEAD_BYTES:
        identify(body[:HEAD_BYTES], b"", max(pending.declared_size or config.max_upload_bytes, len(body)))
    try:
        return await deps.objects.put_part(pending.key, pending.transfer, number, body)
    except ObjectGone as error:
        raise NotFound(f"Upload {pending.upload_id} takes no more parts.") from error


async def discard(deps: WebDependencies, found: Upload | PendingUpload) -> None:
    """
    Remove an upload, whatever has become of it. Safe to repeat.

    The record goes first: without it no completion can succeed any more, so what is removed after it stays removed.
    """
    await deps.uploads.delete_upload(found.upload_id)
    if isinstance(found, PendingUpload) and found.transfer != IN_ONE_PIECE:
        await deps.objects.abort_parts(found.key, found.transfer)
    await deps.objects.delete([found.key])


def wrong_number(number: int) -> ClientError:
    """A part number that S3 would not take."""
    return NotFound(f"There is no part {number}: parts are numbered from 1 to 10000.")
