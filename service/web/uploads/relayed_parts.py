"""
The same upload in parts, for clients that cannot reach S3: each part goes through the service.

A part is held in memory until S3 has it, which is why it is bounded and counts as an upload of its own, and why a
connection that breaks in the middle of one leaves nothing of it: `GET /v1/uploads/{upload_id}` says what arrived, and
the client sends the rest.
"""

from dataclasses import dataclass
from typing import Annotated

from litestar import Controller, post, put
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import PathParameter

from service.core.errors import (
    Busy,
    EmptyUpload,
    Expired,
    InvalidRequest,
    NotFound,
    StoreError,
    UnsupportedMedia,
    UploadIncomplete,
    UploadPending,
    UploadTooLarge,
)
from service.core.upload import LARGEST_RELAYED_PART, MOST_PARTS
from service.web import parts
from service.web.admission import Admit
from service.web.dependencies import Config, Deps
from service.web.http.problems import documented
from service.web.http.schemas import PartDocument, UploadDocument, upload_document
from service.web.lookup import HttpRequest, UploadId, find_any_upload, tenant_of
from service.web.uploads.bodies import arriving, refuse_too_large, too_large

Number = Annotated[
    int,
    PathParameter(description="1 to 10000", schema_extra={"minimum": 1, "maximum": MOST_PARTS}),
]


@dataclass
class PartOperation(Operation):
    """The body is a stream that litestar never sees as a value, so its description is given by hand."""

    def __post_init__(self) -> None:
        binary = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        self.request_body = RequestBody(
            description=f"The bytes of this part, at most {LARGEST_RELAYED_PART}.",
            required=True,
            content={"application/octet-stream": OpenAPIMediaType(schema=binary)},
        )


class Resumable(Controller):
    """`/v1/uploads/{upload_id}/…`."""

    path = "/uploads"
    tags = ("uploads",)

    @put(
        "/{upload_id:str}/parts/{part_number:int}",
        operation_id="putPart",
        summary="Send a part through the service",
        operation_class=PartOperation,
        request_max_body_size=None,  # ours is checked in `bodies`
        responses=documented(
            NotFound, Expired, UploadTooLarge, UploadIncomplete, UnsupportedMedia, EmptyUpload, Busy, StoreError
        ),
    )
    async def send(
        self,
        request: HttpRequest,
        deps: Deps,
        config: Config,
        admission: Admit,
        upload_id: UploadId,
        part_number: Number,
    ) -> PartDocument:
        """Store one part; sending it again replaces it. All parts but the last need 5 MiB, and 16 MiB is the most."""
        pending = await parts.open_upload(deps, tenant_of(request), upload_id)
        if not 1 <= part_number <= MOST_PARTS:
            raise parts.wrong_number(part_number)
        limit = min(LARGEST_RELAYED_PART, config.max_upload_bytes)
        async with admission.upload():
            part = await parts.put(deps, config, pending, part_number, await whole(request, limit))
        return PartDocument(part.number, part.size, part.etag)

    @post(
        "/{upload_id:str}/complete",
        status_code=200,
        operation_id="completeUpload",
        summary="Make one file of all parts that have arrived",
        responses=documented(
            NotFound, Expired, UploadPending, InvalidRequest, EmptyUpload, UnsupportedMedia, UploadTooLarge
        ),
    )
    async def complete(self, request: HttpRequest, deps: Deps, config: Config, upload_id: UploadId) -> UploadDocument:
        """Join, recognise, record. May be repeated until an answer comes: it is always the same upload."""
        found = await find_any_upload(deps, tenant_of(request), upload_id)
        return upload_document(await parts.complete(deps, config, found, None))


async def whole(request: HttpRequest, limit: int) -> bytes:
    """The body of one part. Raises `UploadTooLarge`, `EmptyUpload`, and `UploadIncomplete` if the client is gone."""
    refuse_too_large(request, limit, form=False)
    body = bytearray()
    async for chunk in arriving(request, limit):
        body += chunk
        if len(body) > limit:
            raise too_large(limit)
    if not body:
        raise EmptyUpload("The part has no bytes.")
    return bytes(body)
