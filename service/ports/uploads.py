"""Uploads: records of bytes that are there, or on their way."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from service.core.listing import Entry
from service.core.upload import PendingUpload, Upload, Usage


class UploadRecords(Protocol):
    """The source of truth about uploads."""

    async def put_upload(self, upload: Upload) -> None:
        """Record a complete upload. Safe to repeat."""

    async def begin_upload(self, pending: PendingUpload) -> None:
        """Record an upload whose parts are to come. Safe to repeat."""

    async def look_up_upload(self, upload_id: str) -> Upload | PendingUpload | None:
        """Return the upload, complete or not (strongly consistent), also when expired; None if there is none."""

    async def look_up_uploads(self, upload_ids: Sequence[str]) -> Mapping[str, Upload | PendingUpload]:
        """Return those that exist and can be read among different uploads, by id, each as `look_up_upload` does."""

    async def listed_uploads(self, tenant: str, before: int | None, limit: int) -> Sequence[Entry]:
        """Return the first `limit` of a tenant's uploads below the place `before`, as `listed_jobs` of jobs does."""

    async def open_uploads(self, tenant: str, now: float, limit: int) -> int:
        """Count the uploads of a tenant that can still receive bytes, possibly stale; stops at `limit`."""

    async def stored(self, tenant: str, now: float) -> Usage:
        """
        Count what a tenant stores, possibly stale: its uploads, complete or begun, and the outputs of its jobs.

        What has expired by `now` does not count.
        """

    async def complete_upload(self, upload: Upload) -> Upload:
        """
        Replace the pending record by the complete one. Safe to repeat: the first one wins, and is returned.

        Raises `NotFound` if there is no record any more.
        """

    async def delete_upload(self, upload_id: str) -> None:
        """Forget it; no error if it is gone already."""
