"""
The same upload in parts, for clients that cannot reach S3: each part goes through the service.

A part is held in memory until S3 has it, which is why it is bounded and counts as an upload of its own, and why a
connection that breaks in the middle of one leaves nothing of it: `GET /v1/uploads/{upload_id}` says what arrived, and
the client sends the rest.
"""

from dataclasses import dataclass

from litestar import Controller, post, put
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType

from service.application.completion import complete_upload
from service.application.lookup import find_upload
from service.application.uploads import open_upload, put_part
from service.core.errors import EmptyUpload
from service.core.upload import MAX_RELAYED_PART_SIZE, check_part_number, largest_part
from service.web.http.parameters import AdmissionDep, CallerDep, HttpRequest, PartNumber, UploadId
from service.web.http.responses import COMPLETE, READ, RECEIVE, documented
from service.web.http.schemas import PartDocument, UploadDocument, upload_document
from service.web.uploads.bodies import arriving, refuse_too_large, too_large


@dataclass
class PartOperation(Operation):
    """The body is a stream that litestar never sees as a value, so its description is given by hand."""

    def __post_init__(self) -> None:
        binary = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        self.request_body = RequestBody(
            description=f"The bytes of this part, at most {MAX_RELAYED_PART_SIZE}.",
            required=True,
            content={"application/octet-stream": OpenAPIMediaType(schema=binary)},
        )


class RelayedPartsController(Controller):
    """`/v1/uploads/{upload_id}/…`."""

    path = "/uploads"
    tags = ("uploads",)

    @put(
        "/{upload_id:str}/parts/{part_number:int}",
        operation_id="putPart",
        summary="Send a part through the service",
        operation_class=PartOperation,
        request_max_body_size=None,  # ours is checked in `bodies`
        responses=documented(*READ, *RECEIVE),
    )
    async def send(
        self,
        request: HttpRequest,
        caller: CallerDep,
        admission: AdmissionDep,
        upload_id: UploadId,
        part_number: PartNumber,
    ) -> PartDocument:
        """Store one part; sending it again replaces it. All parts but the last need 5 MiB, and 16 MiB is the most."""
        pending = await open_upload(caller, upload_id)
        check_part_number(pending, part_number)
        most = largest_part(pending, part_number)
        limit = min(MAX_RELAYED_PART_SIZE, caller.context.config.max_upload_bytes, most)
        async with admission.upload_slot(caller.tenant):
            part = await put_part(caller.context, pending, part_number, await whole(request, limit))
        return PartDocument(part.number, part.size, part.etag)

    @post(
        "/{upload_id:str}/complete",
        status_code=200,
        operation_id="completeUpload",
        summary="Make one file of all parts that have arrived",
        responses=documented(*COMPLETE),
    )
    async def complete(self, caller: CallerDep, upload_id: UploadId) -> UploadDocument:
        """Join, recognise, record. May be repeated until an answer comes: it is always the same upload."""
        found = await find_upload(caller, upload_id)
        return upload_document(await complete_upload(caller.context, found, None))


async def whole(request: HttpRequest, limit: int) -> bytes:
    """Read the body of a part. Raises `UploadTooLarge`, `EmptyUpload`, and `UploadIncomplete` if the client is gone."""
    refuse_too_large(request, limit, form=False)
    body = bytearray()
    async for chunk in arriving(request, limit):
        body += chunk
        if len(body) > limit:
            raise too_large(limit)
    if not body:
        raise EmptyUpload("The part has no bytes.")
    return bytes(body)
