"""
What a tenant has, newest first: the entries by which jobs and uploads are listed.

Each job and each upload has an *entry*, an item of its own: ``listed#job#<id>`` or ``listed#upload#<id>``, which the
index of the queue lists under ``jobs#<tenant>`` or ``uploads#<tenant>``, by its place (`service.core.listing`). The
index holds one queue for each item, and the item of a job is in that of the workers while it waits and runs; so the
entry cannot be the job itself. A second index could list the items themselves for half the write units, but every table
that exists would have to get it first; this takes none.

It costs two write units when a job or an upload is made (the item, the index), one more when an upload in parts is
completed, and two when the client deletes it; what expires is deleted for nothing. No other write touches an entry.

An entry is written before its record and deleted after it, and each write may be repeated. A process that dies in
between leaves an entry of nothing, which a list passes over and time to live removes. What an older release accepts has
no entry, and is in no list.
"""

import contextlib
import math
from collections.abc import Mapping, Sequence
from typing import Final

from service.adapters.aws.clients import Aws
from service.adapters.dynamodb.conditions import IS_NEW, Change
from service.adapters.dynamodb.items import any_upload_from_item, upload_pk
from service.adapters.dynamodb.table import Table
from service.core.errors import Definite, StoreError
from service.core.jobs.job import Job
from service.core.listing import Entry, place_of
from service.core.upload import PendingUpload, Upload
from service.ports.time import Clock, Ids

LISTED: Final = "listed#"
JOBS: Final = "job"
UPLOADS: Final = "upload"


class DynamoListing:
    """The entries in the table; the stores of uploads and of jobs share it."""

    def __init__(self, aws: Aws, clock: Clock, ids: Ids) -> None:
        self._table = Table(aws, clock, ids)

    async def listed_jobs(self, tenant: str, before: int | None, limit: int) -> Sequence[Entry]:
        return await self._listed(JOBS, tenant, before, limit)

    async def listed_uploads(self, tenant: str, before: int | None, limit: int) -> Sequence[Entry]:
        return await self._listed(UPLOADS, tenant, before, limit)

    async def look_up_uploads(self, upload_ids: Sequence[str]) -> Mapping[str, Upload | PendingUpload]:
        """See `ports.uploads`; an item that is damaged is left out."""
        found: dict[str, Upload | PendingUpload] = {}
        for item in await self._table.get_many([upload_pk(upload_id) for upload_id in upload_ids]):
            with contextlib.suppress(Definite):
                upload = any_upload_from_item(item)
                found[upload.upload_id] = upload
        return found

    async def _list_job(self, job: Job) -> None:
        await self._list(JOBS, job.job_id, job.tenant, job.created_at, job.expires_at)

    async def _list_upload(self, upload: Upload | PendingUpload) -> None:
        await self._list(UPLOADS, upload.upload_id, upload.tenant, upload.created_at, upload.expires_at)

    async def _unlist_job(self, job_id: str) -> None:
        await self._unlist(JOBS, job_id)

    async def _unlist_upload(self, upload_id: str) -> None:
        await self._unlist(UPLOADS, upload_id)

    async def _list(self, kind: str, name: str, tenant: str, created_at: float, expires_at: float) -> None:
        change = enter_at(place_of(created_at, name), list_of(kind, tenant), expires_at)
        await self._table.update(list_key(kind, name), change)

    async def _unlist(self, kind: str, name: str) -> None:
        """Delete an entry, for which nothing is held up: what points to nothing is passed over."""
        with contextlib.suppress(StoreError):
            await self._table.delete(list_key(kind, name))

    async def _listed(self, kind: str, tenant: str, before: int | None, limit: int) -> Sequence[Entry]:
        found = await self._table.last_in(list_of(kind, tenant), limit, before=before)
        return [Entry(int(place), pk.rpartition("#")[2]) for place, pk in found]


def enter_at(place: int, queue: str, expires_at: float) -> Change:
    """Put an entry at its place in a queue of the index, until it expires. Repeating it does no harm."""
    return Change(
        f"{IS_NEW} OR #queue = :queue",
        "SET #queue = :queue, #due_at = :place, #expires_at = :expires_at",
        {"queue": queue, "place": place, "expires_at": math.ceil(expires_at)},
    )


def list_of(kind: str, tenant: str) -> str:
    """Return where the index lists the jobs or the uploads of a tenant."""
    return f"{kind}s#{tenant}"


def list_key(kind: str, name: str) -> str:
    """Return ``listed#job#<id>`` or ``listed#upload#<id>``."""
    return f"{LISTED}{kind}#{name}"
