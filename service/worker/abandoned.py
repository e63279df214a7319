"""
Transfers that nobody will complete: what the janitor may abort among the uploads.

A transfer belongs to somebody as long as its upload is pending and its time is not over. One without such a record may
still be a stream that is being received at this moment, whose record is only written when all of it has come; so
nothing is called abandoned before it is older than any upload may be.
"""

from collections.abc import Sequence

from service.core.naming import UPLOADS, upload_id_of
from service.core.upload import PendingUpload
from service.ports import ObjectStore, Unfinished, UploadStore


async def abandoned(objects: ObjectStore, uploads: UploadStore, now: float, *, grace: float) -> Sequence[Unfinished]:
    """
    Transfers under ``uploads/`` that are older than `grace` seconds and belong to no pending upload that still counts.

    End each with `ObjectStore.abort_parts`; doing so twice, or in several containers at once, does no harm. Raises
    `StoreError`.
    """
    found: list[Unfinished] = []
    for transfer in await objects.open_transfers(UPLOADS):
        if transfer.began_at + grace > now:
            continue
        upload_id = upload_id_of(transfer.key)
        record = await uploads.look_up_upload(upload_id) if upload_id else None
        alive = isinstance(record, PendingUpload) and record.transfer == transfer.transfer and now < record.expires_at
        if not alive:
            found.append(transfer)
    return found
