"""
Uploads as items of the table (`UploadRecords` of `ports`), and the account of what each tenant stores.

The account
    There is no counter, because a counter drifts with every process that dies between two writes, and nothing tells it
    of what time to live removes. Each upload and each output has an *entry* instead, an item of its own:
    ``stored#<bytes>#<id>``, which the index lists under ``stored#<tenant>`` by the time at which the thing expires. The
    index holds keys alone, so the number of bytes is in the key, and ``?`` where it is not known yet. What a tenant
    stores is the sum over one query of the index, of the entries that have not expired.

    An entry is written before the record of an upload and deleted after it, and each write may be repeated. A process
    that dies in between leaves an entry too many, never one too few; an output's entry follows its record, so that the
    record never waits for it, and then one is missing. Either error ends when the entry, or the output, would have
    expired. An older release writes no entries and looks at none: what it stores is not counted for as long.
"""

import contextlib

from service.adapters.dynamodb import conditions as changes
from service.adapters.dynamodb.items import (
    any_upload_from_item,
    open_queue,
    pending_to_item,
    upload_from_item,
    upload_pk,
    upload_to_item,
)
from service.adapters.dynamodb.listing import DynamoListing
from service.adapters.dynamodb.table import MAX_PAGES, PAGE, Refusal
from service.core.errors import Definite, IllegalTransition, NotFound, StoreError
from service.core.jobs.job import Job
from service.core.upload import PendingUpload, Upload, Usage

STORED, UNKNOWN = "stored#", "?"
MAX_ENTRIES = MAX_PAGES * PAGE  # that are added up; a tenant with more has filled its share, whatever it is
FULL = 1 << 62  # bytes


class DynamoUploads(DynamoListing):
    """Uploads in the table; the store of jobs shares it."""

    async def put_upload(self, upload: Upload) -> None:
        item = upload_to_item(upload)
        await self._list_upload(upload)
        await self._enter(upload.upload_id, upload.size, upload.tenant, upload.expires_at)
        refusal = await self._table.put(item, changes.put_new())
        if refusal and refusal.item and any_upload_from_item(refusal.item) != upload_from_item(item):
            raise IllegalTransition("Another upload has this id.")

    async def begin_upload(self, pending: PendingUpload) -> None:
        item = pending_to_item(pending)
        await self._list_upload(pending)
        await self._enter(pending.upload_id, pending.declared_size, pending.tenant, pending.expires_at)
        refusal = await self._table.put(item, changes.put_new())
        if refusal and refusal.item and any_upload_from_item(refusal.item) != any_upload_from_item(item):
            raise IllegalTransition("Another upload has this id.")

    async def look_up_upload(self, upload_id: str) -> Upload | PendingUpload | None:
        item = await self._table.get(upload_pk(upload_id))
        return any_upload_from_item(item) if item else None

    async def open_uploads(self, tenant: str, now: float, limit: int) -> int:
        return await self._table.count_in(open_queue(tenant), limit, after=now)

    async def complete_upload(self, upload: Upload) -> Upload:
        """See `ports.uploads`; a write that was refused by its own earlier try reads back as what it wrote."""
        item = upload_to_item(upload)
        await self._list_upload(upload)
        await self._enter(upload.upload_id, upload.size, upload.tenant, upload.expires_at)
        before = await self._table.replace(item, changes.complete_upload())
        if not isinstance(before, Refusal):
            pending = any_upload_from_item(before)
            if isinstance(pending, PendingUpload) and pending.declared_size != upload.size:
                await self._strike(upload.upload_id, pending.declared_size)
            return upload_from_item(item)
        if before.item is None:
            await self._strike(upload.upload_id, upload.size)
            raise NotFound
        return upload_from_item(before.item)

    async def delete_upload(self, upload_id: str) -> None:
        before = await self._table.delete(upload_pk(upload_id))
        if before is None or isinstance(before, Refusal):
            return
        with contextlib.suppress(Definite):  # of a damaged item, which is gone all the same
            there = any_upload_from_item(before)
            await self._strike(upload_id, there.size if isinstance(there, Upload) else there.declared_size)
        await self._unlist_upload(upload_id)

    # ── the account ──────────────────────────────────────────────────────────────────────────────────────────────

    async def stored(self, tenant: str, now: float) -> Usage:
        """See `ports.uploads`; the index is a moment old."""
        sizes = [size_in_entry(pk) for _, pk in await self._table.keys_in(stored_queue(tenant), after=now)]
        if len(sizes) >= MAX_ENTRIES:
            return Usage(FULL)
        return Usage(sum(size for size in sizes if size is not None), sizes.count(None))

    async def _enter(self, name: str, size: int | None, tenant: str, expires_at: float) -> None:
        await self._table.update(entry_key(name, size), changes.enter(stored_queue(tenant), expires_at))

    async def _strike(self, name: str, size: int | None) -> None:
        """Delete an entry, for which nothing else is held up: it ends by itself when it expires."""
        with contextlib.suppress(StoreError):
            await self._table.delete(entry_key(name, size))

    async def _enter_output(self, job: Job) -> Job:
        """Note the output of a job that has succeeded. That the job has succeeded is more important."""
        if job.output is not None:
            with contextlib.suppress(StoreError):
                await self._enter(job.job_id, job.output.size, job.tenant, job.expires_at)
        return job


def stored_queue(tenant: str) -> str:
    """Return where the index lists what a tenant stores, by when it expires."""
    return f"{STORED}{tenant}"


def entry_key(name: str, size: int | None) -> str:
    """Return ``stored#<bytes>#<id>`` for an upload or the output of a job; ``?`` for bytes that are not known."""
    return f"{STORED}{UNKNOWN if size is None else size}#{name}"


def size_in_entry(pk: str) -> int | None:
    """Return the bytes in a key that `entry_key` made, None if they are not known."""
    size = pk.removeprefix(STORED).partition("#")[0]
    return None if size == UNKNOWN else int(size)
