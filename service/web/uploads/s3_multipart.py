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
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta

from service.application.completion import complete_upload
from service.application.lookup import find_upload
from service.application.uploads import (
    arrived_parts,
    begin_parts,
    discard_upload,
    log_refusals,
    open_upload,
    part_url,
)
from service.core.errors import InvalidRequest
from service.core.upload import MAX_PARTS, MIN_PART_SIZE, suggested_part_size
from service.web.http.browsers import READS_JSON
from service.web.http.notices import moment
from service.web.http.parameters import CallerDep, PartNumber, UploadId
from service.web.http.responses import BEGIN, COMPLETE, JSON, READ_BY_KEY, documented
from service.web.http.schemas import (
    PendingLinks,
    UploadLinks,
    pending_links,
    upload_links,
    upload_path,
)

MAX_BATCH = 1000  # part numbers in one batch
MAX_COMPLETION_BYTES = 2 * 1024 * 1024  # bytes: 10,000 parts with their ETags

Key = Annotated[str, QueryParameter(description="`key` as the creation answered it")]
PartSize = Annotated[
    int | None,
    QueryParameter(ge=0, description="bytes of this part, where they do not follow from `size` and `part_size`"),
]
Numbers = Annotated[str, QueryParameter(name="partNumbers", description="comma-separated, such as `1,2,3`")]


class NewMultipart(msgspec.Struct, frozen=True, kw_only=True):
    """What a client has to send."""

    filename: Annotated[str, Meta(examples=["Übung 1.wav"])]
    type: Annotated[str | None, Meta(description="its media type, as far as the client knows")] = None
    size: Annotated[int, Meta(ge=0, description="bytes, if known; `metadata.size` counts as well")] | None = None
    part_size: (
        Annotated[
            int,
            Meta(
                ge=MIN_PART_SIZE,
                description="bytes of each part but the last. With it and `size`, each URL is good for as many bytes "
                "as its part has, and for no others.",
            ),
        ]
        | None
    ) = None
    metadata: Annotated[dict[str, Any] | None, Meta(description="accepted and not kept")] = None


class MultipartDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An upload whose parts are awaited."""

    key: str
    uploadId: str  # noqa: N815  # Companion's spelling
    upload_id: str
    part_size: Annotated[int, Meta(description="bytes; what we suggest. All parts but the last need 5 MiB.")]
    expires_at: Annotated[datetime, Meta(description="when an incomplete upload is dropped")]
    links: PendingLinks


class ListedPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part that has arrived, in S3's spelling."""

    PartNumber: Annotated[int, Meta(ge=1, le=MAX_PARTS)]
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


class S3MultipartController(Controller):
    """`/v1/s3/multipart`."""

    path = "/s3/multipart"
    tags = ("uploads",)

    @post(
        status_code=200,
        operation_id="createMultipart",
        summary="Begin an upload in parts",
        opt={READS_JSON: True},
        responses=documented(*BEGIN, *JSON),
    )
    async def create(self, caller: CallerDep, data: JSONBody[NewMultipart]) -> Response[MultipartDocument]:
        """Answer with the names that all further calls need. What is certainly no audio, or too large, is refused."""
        with log_refusals():
            pending = await begin_parts(
                caller,
                filename=data.filename,
                size=declared_size(data),
                content_type=data.type or "",
                part_size=data.part_size,
            )
        document = MultipartDocument(
            key=pending.key,
            uploadId=pending.upload_id,
            upload_id=pending.upload_id,
            part_size=pending.part_size or suggested_part_size(pending.declared_size),
            expires_at=moment(pending.expires_at),
            links=pending_links(pending),
        )
        return Response(document, headers={"Location": upload_path(pending.upload_id)})

    @get(
        "/{upload_id:str}",
        operation_id="listMultipartParts",
        summary="The parts that have arrived",
        responses=documented(*READ_BY_KEY),
    )
    async def arrived(self, caller: CallerDep, upload_id: UploadId, key: Key) -> list[ListedPart]:
        """All of them; what is not in the list has to be sent (again)."""
        pending = await open_upload(caller, upload_id, key)
        return [
            ListedPart(PartNumber=part.number, ETag=f'"{part.etag}"', Size=part.size)
            for part in await arrived_parts(caller.context, pending)
        ]

    @get(
        "/{upload_id:str}/{part_number:int}",
        operation_id="signMultipartPart",
        summary="Where to PUT a part",
        responses=documented(*READ_BY_KEY),
    )
    async def sign(
        self, caller: CallerDep, upload_id: UploadId, part_number: PartNumber, key: Key, size: PartSize = None
    ) -> SignedPart:
        """A presigned URL for this part alone. It works for a short time; ask again for a part that is late."""
        pending, context = await open_upload(caller, upload_id, key), caller.context
        return SignedPart(await part_url(context, pending, part_number, size), context.config.part_url_seconds)

    @get(
        "/{upload_id:str}/batch",
        operation_id="signMultipartParts",
        summary="Where to PUT several parts",
        responses=documented(*READ_BY_KEY),
    )
    async def sign_batch(self, caller: CallerDep, upload_id: UploadId, key: Key, part_numbers: Numbers) -> SignedParts:
        """The same for many parts."""
        pending = await open_upload(caller, upload_id, key)
        urls = {str(number): await part_url(caller.context, pending, number) for number in numbers_in(part_numbers)}
        return SignedParts(urls, caller.context.config.part_url_seconds)

    @post(
        "/{upload_id:str}/complete",
        status_code=200,
        operation_id="completeMultipart",
        summary="Make one file of the parts",
        request_max_body_size=MAX_COMPLETION_BYTES,
        opt={READS_JSON: True},
        responses=documented(*COMPLETE, *JSON),
    )
    async def complete(
        self,
        caller: CallerDep,
        upload_id: UploadId,
        key: Key,
        data: JSONBody[Completion],
    ) -> Completed:
        """Join, recognise, record. May be repeated until an answer comes: it is always the same upload."""
        found = await find_upload(caller, upload_id, key)
        claimed = [(part.PartNumber, part.ETag.strip('"')) for part in data.parts]
        upload = await complete_upload(caller.context, found, claimed)
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
        responses=documented(*READ_BY_KEY),
    )
    async def abort(self, caller: CallerDep, upload_id: UploadId, key: Key) -> dict[str, str]:
        """Drop the upload and all that has arrived of it."""
        found = await find_upload(caller, upload_id, key)
        await discard_upload(caller.context, found)
        return {}


def declared_size(data: NewMultipart) -> int | None:
    """Return the size that the client announces; Uppy can be told to put it into the metadata, where all is text."""
    return data.size if data.size is not None else size_in((data.metadata or {}).get("size"))


def size_in(given: object) -> int | None:
    """Read the size in a client's metadata, None if there is none. Raises `InvalidRequest`."""
    if given is None or given == "":
        return None
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 20:
        return int(given)
    if isinstance(given, int) and not isinstance(given, bool) and given >= 0:
        return given
    raise InvalidRequest("metadata.size: must be a number of bytes.")


def numbers_in(text: str) -> list[int]:
    """Read ``1,2,3``. Raises `InvalidRequest`."""
    words = [word.strip() for word in text.split(",")]
    if len(words) > MAX_BATCH:
        raise InvalidRequest(f"partNumbers: at most {MAX_BATCH} at once.")
    if not all(word.isascii() and word.isdigit() and len(word) <= 5 for word in words):
        raise InvalidRequest("partNumbers: must be comma-separated numbers from 1 to 10000.")
    return [int(word) for word in words]
