"""The documents of lists: pages of jobs and of uploads, and the parameters that ask for them."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar.params import QueryParameter
from msgspec import UNSET, Meta, UnsetType

from service.application.listing import Page
from service.application.progress import View
from service.core.listing import MOST_ON_A_PAGE
from service.core.upload import PendingUpload, Upload
from service.web.http.made import MediaDocument, media_document
from service.web.http.notices import moment
from service.web.http.schemas import (
    JobDocument,
    Size,
    job_document,
    pending_links,
    upload_links,
)

Limit = Annotated[int, QueryParameter(ge=1, le=MOST_ON_A_PAGE, description="How many at most.")]
Cursor = Annotated[str | None, QueryParameter(description="`next` of the page before, as it is.")]
Next = Annotated[
    str | None, Meta(description="`cursor` of the next page; null when this is the last one. A page may be short.")
]


class ListedLinks(msgspec.Struct, frozen=True, kw_only=True):
    """Where to go from an upload: `jobs` if it is complete, else the others, as in its own document."""

    self: str
    jobs: str | UnsetType = UNSET
    complete: str | UnsetType = UNSET
    parts: str | UnsetType = UNSET
    direct: str | UnsetType = UNSET


class ListedUploadDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An upload in a list; its own address tells more, also which parts have arrived of one that is not complete."""

    upload_id: str
    state: Literal["pending", "complete"]
    filename: str
    size: Annotated[Size | None, Meta(description="bytes, of a pending one as the client declared it")]
    media: MediaDocument | UnsetType = UNSET  # of one that is complete
    created_at: datetime
    expires_at: datetime
    links: ListedLinks


class JobsDocument(msgspec.Struct, frozen=True):
    """A page of jobs, newest first."""

    jobs: list[JobDocument]
    next: Next


class UploadsDocument(msgspec.Struct, frozen=True):
    """A page of uploads, newest first."""

    uploads: list[ListedUploadDocument]
    next: Next


def jobs_document(page: Page[View]) -> JobsDocument:
    """Describe a page of jobs to their client."""
    return JobsDocument([job_document(view) for view in page.found], page.next)


def uploads_document(page: Page[Upload | PendingUpload]) -> UploadsDocument:
    """Describe a page of uploads to their client."""
    return UploadsDocument([_listed(upload) for upload in page.found], page.next)


def _listed(upload: Upload | PendingUpload) -> ListedUploadDocument:
    return ListedUploadDocument(
        upload_id=upload.upload_id,
        state="complete" if isinstance(upload, Upload) else "pending",
        filename=upload.filename,
        size=upload.size if isinstance(upload, Upload) else upload.declared_size,
        media=media_document(upload.source, upload.size) if isinstance(upload, Upload) else UNSET,
        created_at=moment(upload.created_at),
        expires_at=moment(upload.expires_at),
        links=_links(upload),
    )


def _links(upload: Upload | PendingUpload) -> ListedLinks:
    if isinstance(upload, Upload):
        known = upload_links(upload.upload_id)
        return ListedLinks(self=known.self, jobs=known.jobs)
    open_links = pending_links(upload)
    return ListedLinks(
        self=open_links.self, complete=open_links.complete, parts=open_links.parts, direct=open_links.direct
    )
