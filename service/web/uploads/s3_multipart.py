"""
Direct to S3: the client sends its parts straight to the bucket, with URLs that are signed here one by one.

The requests and answers are those of Uppy's Companion, so that its S3 plug-in works as it is; `docs/api.md` says what
to configure. What we say in addition has names of its own. ``uploadId`` is our id, not that of S3: it is what the
record is found by, and a client has no use for the other one.
"""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, delete, get, post
from litestar.params import JSONBody, PathParameter, QueryParameter
from msgspec import Meta

from service.core.errors import (
    EmptyUpload,
    Expired,
    InvalidRequest,
    NotFound,
    UnsupportedMedia,
    UploadPending,
    UploadsOpen,
    UploadTooLarge,
)
from service.core.upload import MOST_PARTS, PendingUpload, suggested_part_size
from service.web import parts
from service.web.config import WebConfig
from service.web.dependencies import Config, Deps, WebDependencies
from service.web.http.problems import documented
from service.web.http.schemas import (
    PendingLinks,
    UploadLinks,
    moment,
    pending_links,
    upload_links,
    upload_path,
)
from service.web.lookup import HttpRequest, UploadId, find_any_upload, tenant_of

MOST_AT_ONCE = 1000  # part numbers in one batch
LONGEST_LIST = 2 * 1024 * 1024  # bytes: 10,000 parts with their ETags

Key = Annotated[str, QueryParameter(description="`key` as the creation answered it")]
Number = Annotated[
    int,
    PathParameter(description="1 to 10000", schema_extra={"minimum": 1, "maximum": MOST_PARTS}),
]
Numbers = Annotated[str, QueryParameter(name="partNumbers", description="comma-separated, such as `1,2,3`")]


class NewMultipart(msgspec.Struct, frozen=True, kw_only=True):
    """What a client has to send."""

    filename: Annotated[str, Meta(examples=["Übung 1.wav"])]
    type: Annotated[str | None, Meta(description="its media type, as far as the client knows")] = None
    size: Annotated[int, Meta(ge=0, description="bytes, if known; `metadata.size` counts as well")] | None = None
    metadata: Annotated[dict[str, Any] | None, Meta(description="accepted and not kept")] = None


class Multipart(msgspec.Struct, frozen=True, kw_only=True):
    """An upload whose parts are awaited."""

    key: str
    uploadId: str  # noqa: N815  # Companion's spelling
    upload_id: str
    part_size: Annotated[int, Meta(description="bytes; what we suggest. All parts but the last need 5 MiB.")]
    expires_at: Annotated[datetime, Meta(description="when an incomplete upload is dropped")]
    links: PendingLinks


class ListedPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part that has arrived, in S3's spelling."""

    PartNumber: Annotated[int, Meta(ge=1, le=MOST_PARTS)]
    ETag: str
    Size: int | None = None


class SignedPart(msgspec.Struct, frozen=True):
    """Where to PUT one part."""

    url: str
    expires: Annotated[int, Meta(description="seconds that the URL works")]


class SignedParts(msgspec.Struct, frozen=True):
    """Where to PUT several."""

    presignedUrls: dict[str, str]  # noqa: N815  # Companion's spelling
    expires: int


class Completion(msgspec.Struct, frozen=True):
    """The parts that the file is made of."""

    parts: list[ListedPart]


class Completed(msgspec.Struct, frozen=True, kw_only=True):
    """An upload that a job can be created from."""

    location: Annotated[str, Meta(description="path of the upload")]
    key: str
    upload_id: str
    filename: str
    size: int
    format: str
    links: UploadLinks


class Direct(Controller):
    """`/v1/s3/multipart`."""

    path = "/s3/multipart"
    tags = ("uploads",)

    @post(
        status_code=200,
        operation_id="createMultipart",
        summary="Begin an upload in parts",
        responses=documented(InvalidRequest, UnsupportedMedia, UploadTooLarge, UploadsOpen),
    )
    async def create(
        self, request: HttpRequest, deps: Deps, config: Config, data: JSONBody[NewMultipart]
    ) -> Response[Multipart]:
        """Answer with the names that all further calls need. What is certainly no audio, or too large, is refused."""
        with parts.refusals_said():
            pending = await parts.begin(
                deps,
                config,
                tenant_of(request),
                filename=data.filename,
                size=declared_size(data),
                content_type=data.type or "",
            )
        document = Multipart(
            key=pending.key,
            uploadId=pending.upload_id,
            upload_id=pending.upload_id,
            part_size=suggested_part_size(pending.declared_size),
            expires_at=moment(pending.expires_at),
            links=pending_links(pending),
        )
        return Response(document, headers={"Location": upload_path(pending.upload_id)})

    @get(
        "/{upload_id:str}",
        operation_id="listMultipartParts",
        summary="The parts that have arrived",
        responses=documented(NotFound, Expired, InvalidRequest),
    )
    async def arrived(self, request: HttpRequest, deps: Deps, upload_id: UploadId, key: Key) -> list[ListedPart]:
        """All of them; what is not in the list has to be sent (again)."""
        pending = await parts.open_upload(deps, tenant_of(request), upload_id, key)
        return [
            ListedPart(PartNumber=part.number, ETag=f'"{part.etag}"', Size=part.size)
            for part in await parts.arrived(deps, pending)
        ]

    @get(
        "/{upload_id:str}/{part_number:int}",
        operation_id="signMultipartPart",
        summary="Where to PUT a part",
        responses=documented(NotFound, Expired, InvalidRequest),
    )
    async def sign(
        self, request: HttpRequest, deps: Deps, config: Config, upload_id: UploadId, part_number: Number, key: Key
    ) -> SignedPart:
        """A presigned URL for this part alone. It works for a short time; ask again for a part that is late."""
        pending = await parts.open_upload(deps, tenant_of(request), upload_id, key)
        return SignedPart(await signed(deps, config, pending, part_number), config.part_url_seconds)

    @get(
        "/{upload_id:str}/batch",
        operation_id="signMultipartParts",
        summary="Where to PUT several parts",
        responses=documented(NotFound, Expired, InvalidRequest),
    )
    async def sign_batch(
        self, request: HttpRequest, deps: Deps, config: Config, upload_id: UploadId, key: Key, part_numbers: Numbers
    ) -> SignedParts:
        """The same for many parts."""
        pending = await parts.open_upload(deps, tenant_of(request), upload_id, key)
        urls = {str(number): await signed(deps, config, pending, number) for number in numbers_in(part_numbers)}
        return SignedParts(urls, config.part_url_seconds)

    @post(
        "/{upload_id:str}/complete",
        status_code=200,
        operation_id="completeMultipart",
        summary="Make one file of the parts",
        request_max_body_size=LONGEST_LIST,
        responses=documented(
            NotFound, Expired, UploadPending, InvalidRequest, EmptyUpload, UnsupportedMedia, UploadTooLarge
        ),
    )
    async def complete(
        self,
        request: HttpRequest,
        deps: Deps,
        config: Config,
        upload_id: UploadId,
        key: Key,
        data: JSONBody[Completion],
    ) -> Completed:
        """Join, recognise, record. May be repeated until an answer comes: it is always the same upload."""
        found = await find_any_upload(deps, tenant_of(request), upload_id)
        parts.own_key(found, key)
        claimed = [(part.PartNumber, part.ETag.strip('"')) for part in data.parts]
        upload = await parts.complete(deps, config, found, claimed)
        return Completed(
            location=upload_path(upload.upload_id),
            key=upload.key,
            upload_id=upload.upload_id,
            filename=upload.filename,
            size=upload.size,
            format=upload.source.container,
            links=upload_links(upload.upload_id),
        )

    @delete(
        "/{upload_id:str}",
        status_code=200,
        operation_id="abortMultipart",
        summary="Give an upload up",
        responses=documented(NotFound, Expired, InvalidRequest),
    )
    async def abort(self, request: HttpRequest, deps: Deps, upload_id: UploadId, key: Key) -> dict[str, str]:
        """Drop the upload and all that has arrived of it."""
        found = await find_any_upload(deps, tenant_of(request), upload_id)
        parts.own_key(found, key)
        await parts.discard(deps, found)
        return {}


def declared_size(data: NewMultipart) -> int | None:
    """What the client says that it will send; Uppy can be told to put it into the metadata, where all is text."""
    return data.size if data.size is not None else size_in((data.metadata or {}).get("size"))


def size_in(said: object) -> int | None:
    """The size in a client's metadata, None if there is none. Raises `InvalidRequest`."""
    if said is None or said == "":
        return None
    if isinstance(said, str) and said.isascii() and said.isdigit() and len(said) < 20:
        return int(said)
    if isinstance(said, int) and not isinstance(said, bool) and said >= 0:
        return said
    raise InvalidRequest("metadata.size: must be a number of bytes.")


def numbers_in(text: str) -> list[int]:
    """``1,2,3``. Raises `InvalidRequest`."""
    words = [word.strip() for word in text.split(",")]
    if len(words) > MOST_AT_ONCE:
        raise InvalidRequest(f"partNumbers: at most {MOST_AT_ONCE} at once.")
    if not all(word.isascii() and word.isdigit() and len(word) <= 5 for word in words):
        raise InvalidRequest("partNumbers: must be comma-separated numbers from 1 to 10000.")
    return [int(word) for word in words]


async def signed(deps: WebDependencies, config: WebConfig, pending: PendingUpload, number: int) -> str:
    """A presigned URL for one part of this upload. Raises `NotFound` for a number that cannot be."""
    if not 1 <= number <= MOST_PARTS:
        raise parts.wrong_number(number)
    return await deps.objects.part_url(pending.key, pending.transfer, number, seconds=config.part_url_seconds)
