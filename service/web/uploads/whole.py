"""Uploads through the service, a raw body or a form; and what every upload can be asked, however it came."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Literal

from litestar import Controller, Response, delete, get, post
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import QueryParameter

from service.application.completion import current_upload
from service.application.context import Caller
from service.application.listing import list_uploads
from service.application.receiving import delete_upload, receive_upload
from service.application.uploads import log_refusals
from service.core.errors import ClientError, InvalidRequest, NotFound, StoreError
from service.core.listing import USUAL_ON_A_PAGE
from service.core.upload import Upload
from service.web.http.lists import Cursor, Limit, UploadsDocument, uploads_document
from service.web.http.parameters import AdmissionDep, CallerDep, HttpRequest, UploadId
from service.web.http.responses import READ, RECEIVE, UNFIT, documented
from service.web.http.schemas import (
    PendingUploadDocument,
    UploadDocument,
    pending_document,
    upload_document,
    upload_path,
)
from service.web.uploads.bodies import arriving, refuse_too_large
from service.web.uploads.disposition import filename_in
from service.web.uploads.forms import open_file

FORM = "multipart/form-data"

Filename = Annotated[
    str | None,
    QueryParameter(
        description="Name of the file, for people to read. Without it the name is taken from the form's file, or from "
        "Content-Disposition (`filename*` of RFC 8187 included).",
    ),
]
States = Annotated[
    list[Literal["pending", "complete"]] | None, QueryParameter(name="state", description="Only uploads in this state.")
]


@dataclass
class UploadOperation(Operation):
    """The body is a stream that litestar never sees as a value, so its description is given by hand."""

    def __post_init__(self) -> None:
        binary = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        form = Schema(type=OpenAPIType.OBJECT, properties={"file": binary}, required=["file"])
        self.request_body = RequestBody(
            description="The file, as it is or as the one file of a form.",
            required=True,
            content={"application/octet-stream": OpenAPIMediaType(schema=binary), FORM: OpenAPIMediaType(schema=form)},
        )


class UploadController(Controller):
    """`/v1/uploads`."""

    path = "/uploads"
    tags = ("uploads",)

    @post(
        operation_id="createUpload",
        summary="Upload a file",
        operation_class=UploadOperation,
        request_max_body_size=None,  # ours is checked in `bodies`: it is configured, and a form may be a little larger
        responses=documented(InvalidRequest, ClientError, *RECEIVE),
    )
    async def create(
        self, request: HttpRequest, caller: CallerDep, admission: AdmissionDep, filename: Filename = None
    ) -> Response[UploadDocument]:
        """Stream a file in. It is recognised by its bytes, never by its name, and kept until `expires_at`."""
        with log_refusals():
            async with admission.upload_slot(caller.tenant):
                upload = await received(request, caller, filename)
        return Response(upload_document(upload), headers={"Location": upload_path(upload.upload_id)})

    @get(
        operation_id="listUploads",
        summary="Your uploads, newest first",
        responses=documented(InvalidRequest, StoreError),
    )
    async def index(
        self, caller: CallerDep, limit: Limit = USUAL_ON_A_PAGE, cursor: Cursor = None, states: States = None
    ) -> UploadsDocument:
        """
        A page of the uploads that have not expired, complete or not.

        One that came to S3 in one piece counts as pending until it is used or looked at.
        """
        return uploads_document(await list_uploads(caller, states or (), limit, cursor))

    @get("/{upload_id:str}", operation_id="getUpload", summary="An upload", responses=documented(*READ, *UNFIT))
    async def read(self, caller: CallerDep, upload_id: UploadId) -> UploadDocument | PendingUploadDocument:
        """
        What an upload is and how long it is kept; of one that comes in parts, what has arrived of it.

        One that came in one piece is recognised now if nobody has asked before; what is no audio is removed then.
        """
        found = await current_upload(caller, upload_id)
        if isinstance(found, Upload):
            return upload_document(found)
        return pending_document(found.pending, found.parts)

    @delete("/{upload_id:str}", operation_id="deleteUpload", summary="Delete an upload", responses=documented(NotFound))
    async def remove(self, caller: CallerDep, upload_id: UploadId) -> None:
        """Remove the bytes and the record. Safe to repeat; jobs that have read the upload are not affected."""
        await delete_upload(caller, upload_id)


async def received(request: HttpRequest, caller: Caller, filename: str | None) -> Upload:
    """Take in one upload. Raises what is wrong with it and `StoreError`, and leaves nothing behind then."""
    limit = caller.context.config.max_upload_bytes
    media_type, parameters = request.content_type
    refuse_too_large(request, limit, form=media_type == FORM)
    body = arriving(request, limit)
    chunks: AsyncIterator[bytes] = body
    named = filename_in(request.headers.get("content-disposition"))
    if media_type == FORM:
        if not parameters.get("boundary"):
            raise ClientError("The Content-Type of the form names no boundary.")
        file = await open_file(body, parameters["boundary"])
        chunks, named = file.chunks, file.filename

    return await receive_upload(caller, chunks, announced=request.content_length or limit, filename=filename or named)
