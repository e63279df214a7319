"""
Uploads through the service: a raw body or a form, streamed into the object store and recognised on the way.

An upload exists when its record is written; until then nobody knows its id, and whatever goes wrong takes the bytes
away again. Uploads know nothing of jobs: a job in progress is not asked when its input is deleted.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from litestar import Controller, Response, delete, get, post
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import QueryParameter

from service.core.errors import (
    Busy,
    ClientError,
    EmptyUpload,
    Expired,
    InvalidRequest,
    NotFound,
    RepriseError,
    StoreError,
    UnsupportedMedia,
    UploadIncomplete,
    UploadPending,
    UploadTooLarge,
)
from service.core.naming import input_key, safe_filename
from service.core.upload import IN_ONE_PIECE, Upload
from service.telemetry import emit, events
from service.web import parts
from service.web.admission import Admit
from service.web.config import WebConfig
from service.web.dependencies import Config, Deps, WebDependencies
from service.web.http.problems import documented
from service.web.http.schemas import (
    PendingUploadDocument,
    UploadDocument,
    pending_document,
    upload_document,
    upload_path,
)
from service.web.inspection import Inspection
from service.web.lookup import HttpRequest, UploadId, checked_id, find_any_upload, tenant_of
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


class Uploads(Controller):
    """`/v1/uploads`."""

    path = "/uploads"
    tags = ("uploads",)

    @post(
        operation_id="createUpload",
        summary="Upload a file",
        operation_class=UploadOperation,
        request_max_body_size=None,  # ours is checked in `bodies`: it is configured, and a form may be a little larger
        responses=documented(
            InvalidRequest,
            EmptyUpload,
            UnsupportedMedia,
            UploadTooLarge,
            UploadIncomplete,
            ClientError,
            Busy,
            StoreError,
        ),
    )
    async def create(
        self, request: HttpRequest, deps: Deps, config: Config, admission: Admit, filename: Filename = None
    ) -> Response[UploadDocument]:
        """Stream a file in. It is recognised by its bytes, never by its name, and kept until `expires_at`."""
        with parts.refusals_said():
            async with admission.upload():
                upload = await receive(request, deps, config, filename)
        emit(
            events.UPLOAD_STORED,
            upload_id=upload.upload_id,
            filename=upload.filename,
            size=upload.size,
            format=upload.source.container,
            key=upload.key,
        )
        return Response(upload_document(upload), headers={"Location": upload_path(upload.upload_id)})

    @get(
        "/{upload_id:str}",
        operation_id="getUpload",
        summary="An upload",
        responses=documented(NotFound, Expired, UnsupportedMedia, UploadTooLarge),
    )
    async def read(
        self, request: HttpRequest, deps: Deps, config: Config, upload_id: UploadId
    ) -> UploadDocument | PendingUploadDocument:
        """
        What an upload is and how long it is kept; of one that comes in parts, what has arrived of it.

        One that came in one piece is recognised now if nobody has asked before; what is no audio is removed then.
        """
        found = await find_any_upload(deps, tenant_of(request), upload_id)
        if isinstance(found, Upload):
            return upload_document(found)
        if found.transfer != IN_ONE_PIECE:
            return pending_document(found, await parts.arrived(deps, found))
        try:
            return upload_document(await parts.complete(deps, config, found, None))
        except UploadPending:
            return pending_document(found, ())

    @delete("/{upload_id:str}", operation_id="deleteUpload", summary="Delete an upload", responses=documented(NotFound))
    async def remove(self, request: HttpRequest, deps: Deps, upload_id: UploadId) -> None:
        """Remove the bytes and the record. Safe to repeat; jobs that have read the upload are not affected."""
        await forget(deps, tenant_of(request), upload_id)


async def receive(request: HttpRequest, deps: WebDependencies, config: WebConfig, filename: str | None) -> Upload:
    """Take in one upload. Raises what is wrong with it, `StoreError`, and leaves nothing behind then."""
    media_type, parameters = request.content_type
    refuse_too_large(request, config.max_upload_bytes, form=media_type == FORM)
    body = arriving(request, config.max_upload_bytes)
    chunks: AsyncIterator[bytes] = body
    named = filename_in(request.headers.get("content-disposition"))
    if media_type == FORM:
        if not parameters.get("boundary"):
            raise ClientError("The Content-Type of the form names no boundary.")
        file = await open_file(body, parameters["boundary"])
        chunks, named = file.chunks, file.filename

    announced = request.content_length or config.max_upload_bytes
    return await store(deps, config, tenant_of(request), chunks, announced=announced, filename=filename or named)


async def store(
    deps: WebDependencies,
    config: WebConfig,
    tenant: str,
    chunks: AsyncIterator[bytes],
    *,
    announced: int,
    filename: str | None,
) -> Upload:
    """Store and record the bytes of a file, of which `announced` are expected at most. Raises as `receive` does."""
    upload_id = deps.ids.new()
    key = input_key(upload_id)
    inspection = Inspection(announced)
    stored = await deps.objects.receive(
        key, inspection.watch(chunks), content_type="application/octet-stream", limit=config.max_upload_bytes
    )
    now = deps.clock.wall()
    try:
        if inspection.source is None or stored.size != inspection.size:
            raise UploadIncomplete
        upload = Upload(
            upload_id=upload_id,
            tenant=tenant,
            filename=safe_filename(filename),
            key=key,
            size=stored.size,
            etag=stored.etag,
            source=inspection.source,
            created_at=now,
            expires_at=now + config.ttl_seconds,
        )
        await deps.uploads.put_upload(upload)
    except RepriseError:
        with contextlib.suppress(StoreError):  # best effort; the lifecycle rule of the bucket takes what stays
            await deps.objects.delete([key])
        raise
    return upload


async def forget(deps: WebDependencies, tenant: str, upload_id: str) -> None:
    """Remove an upload, if it is this tenant's. Raises `NotFound` for what cannot be an id."""
    upload = await deps.uploads.look_up_upload(checked_id(upload_id))
    if upload is None:
        # An earlier call may have stopped half-way.
        await deps.objects.delete([input_key(upload_id)])
    elif upload.tenant == tenant:
        await parts.discard(deps, upload)
