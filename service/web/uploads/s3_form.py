"""
Direct to S3 in one piece: a form that is signed here, and sent by the client straight to the bucket.

This is how Uppy's S3 plug-in sends files of up to 100 MiB, and again the answer is that of its Companion. A form, and
not a presigned PUT, because only a form's signature can say how many bytes it is good for.
"""

from typing import Annotated, Literal

import msgspec
from litestar import Controller, get
from litestar.params import QueryParameter
from msgspec import Meta

from service.application.uploads import begin_form, log_refusals
from service.core.errors import EmptyUpload
from service.web.http.browsers import CREATING
from service.web.http.parameters import CallerDep, HttpRequest
from service.web.http.responses import BEGIN, documented
from service.web.http.schemas import PendingLinks, pending_links
from service.web.uploads.s3_multipart import size_in

Filename = Annotated[str, QueryParameter(description="name of the file, for people to read")]
Type = Annotated[str, QueryParameter(name="type", description="its media type, as far as the client knows")]
Size = Annotated[
    int | None, QueryParameter(ge=0, description="bytes, if known; `metadata[size]` counts as well. S3 takes no other")
]


class UploadParameters(msgspec.Struct, frozen=True, kw_only=True):
    """Where to POST the file, and what has to come before it in the form."""

    method: Literal["POST"] = "POST"
    url: str
    fields: Annotated[dict[str, str], Meta(description="all of them, in any order, and then the file as `file`")]
    headers: dict[str, str]
    expires: Annotated[int, Meta(description="seconds within which the form can be sent")]
    key: str
    upload_id: str
    links: PendingLinks


class S3FormController(Controller):
    """`/v1/s3/params`."""

    path = "/s3"
    tags = ("uploads",)

    @get(
        "/params",
        operation_id="getUploadParameters",
        summary="Begin an upload in one piece",
        opt={CREATING: True},
        responses=documented(*BEGIN, EmptyUpload),
    )
    async def params(
        self,
        request: HttpRequest,
        caller: CallerDep,
        filename: Filename,
        media_type: Type = "",
        size: Size = None,
    ) -> UploadParameters:
        """
        A form for this one file. When S3 has it, create a job, or look at the upload: the first call recognises it.

        Each call begins another upload; one that no file comes for is dropped.
        """
        with log_refusals():
            pending, form = await begin_form(
                caller,
                filename=filename,
                size=size if size is not None else size_in(request.query_params.get("metadata[size]")),
                content_type=media_type,
            )
        return UploadParameters(
            url=form.url,
            fields=dict(form.fields),
            headers={},
            expires=caller.context.config.part_url_seconds,
            key=pending.key,
            upload_id=pending.upload_id,
            links=pending_links(pending),
        )
