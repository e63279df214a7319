"""
An upload in one stream: stored, recognised on the way, and recorded.

An upload exists when its record is written; until then its id is known nowhere else, and whatever goes wrong takes the
bytes away again. Uploads know nothing of jobs: a job in progress is not asked when its input is deleted.
"""

import contextlib
from collections.abc import AsyncIterator

from service.application.context import Caller
from service.application.inspection import UploadSniffer
from service.application.lookup import checked_id
from service.application.uploads import check_stored, discard_upload, log_stored, recognised
from service.core.errors import RepriseError, StoreError, UploadIncomplete
from service.core.filenames import safe_filename
from service.core.naming import input_key
from service.core.upload import Upload


async def receive_upload(
    caller: Caller, chunks: AsyncIterator[bytes], *, announced: int, filename: str | None
) -> Upload:
    """
    Store and record the bytes of a file, of which `announced` are expected at most.

    Raises `TenantStorageFull`, what is wrong with them, whatever `chunks` raises, and `StoreError`; nothing is left
    behind then.
    """
    context = caller.context
    await check_stored(caller, announced)
    upload_id = context.ids.new()
    sniffer = UploadSniffer(context.sniffer, caller.tenant, announced)
    stored = await context.objects.receive(
        input_key(upload_id),
        sniffer.watch(chunks),
        content_type="application/octet-stream",
        limit=context.config.max_upload_bytes,
    )
    now = context.clock.wall()
    try:
        if sniffer.source is None or stored.size != sniffer.size:
            raise UploadIncomplete
        upload = recognised(
            stored,
            sniffer.source,
            upload_id=upload_id,
            tenant=caller.tenant,
            filename=safe_filename(filename),
            created_at=now,
            expires_at=now + context.config.ttl_seconds,
        )
        await context.uploads.put_upload(upload)
    except RepriseError:
        with contextlib.suppress(StoreError):  # best effort; the lifecycle rule of the bucket takes what stays
            await context.objects.delete([stored.key])
        raise
    log_stored(upload)
    return upload


async def delete_upload(caller: Caller, upload_id: str) -> None:
    """
    Remove an upload, if it is this tenant's. Safe to repeat. Raises `NotFound` for what cannot be an id.

    Without a record nothing is done, however the id looks: its bytes may be those of an upload that is still received,
    of any tenant. What a broken call has left is the janitor's.
    """
    context = caller.context
    upload = await context.uploads.look_up_upload(checked_id(upload_id))
    if upload is not None and upload.tenant == caller.tenant:
        await discard_upload(context, upload)
