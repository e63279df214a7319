"""
The finished file: a redirect to a presigned URL, that URL by itself, or streamed through the service.

A script on a page cannot follow the redirect: browsers send `Origin: null` on a redirect from one site to another,
which the bucket's CORS rule refuses. It takes the URL by itself, and lets the browser download it.

Through the service, what breaks after the first bytes closes the connection, and the announced length tells the client.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import msgspec
from litestar import Controller, Response, get, head
from litestar.background_tasks import BackgroundTask
from litestar.openapi.spec import OpenAPIHeader, OpenAPIMediaType, OpenAPIResponse, Operation, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import HeaderParameter, QueryParameter
from litestar.response import Stream

from service.application.downloads import Span, content_type_of, download_url, finished, open_download
from service.application.lookup import find_job
from service.core.errors import (
    InvalidRequest,
    NotReady,
    ObjectChanged,
    ObjectGone,
    PreconditionFailed,
    RangeUnsatisfiable,
)
from service.core.filenames import content_disposition
from service.core.jobs.job import Job, Output
from service.web.http.openapi import WithoutBody
from service.web.http.parameters import CallerDep, HttpRequest, JobId
from service.web.http.responses import READ, documented
from service.web.jobs.ranges import content_range, parse_range


class Via(StrEnum):
    """Where the bytes come from."""

    URL = "url"
    PROXY = "proxy"
    LINK = "link"


# As text, because msgspec says of an enum only that a value is none of it, and not which ones there are.
ViaParameter = Annotated[
    str,
    QueryParameter(
        description="`url`: a redirect to the object store (default); `proxy`: through this service; `link`: the "
        "address in the object store as a document, for scripts of web pages.",
        schema_extra={"enum": [str(way) for way in Via]},
    ),
]
RangeHeader = Annotated[str | None, HeaderParameter(name="Range", description="One range of bytes (`via=proxy`).")]


class DownloadLink(msgspec.Struct, frozen=True):
    """Where the file is."""

    url: str
    expires: int


@dataclass
class DownloadOperation(Operation):
    """A file, whole or in part, is no model of litestar's, so these answers are described by hand."""

    def __post_init__(self) -> None:
        link = Schema(
            type=OpenAPIType.OBJECT,
            properties={
                "url": Schema(type=OpenAPIType.STRING),
                "expires": Schema(type=OpenAPIType.INTEGER, description="seconds that the URL works"),
            },
            required=["url", "expires"],
        )
        file = {"audio/*": OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY))}
        text = Schema(type=OpenAPIType.STRING)
        self.responses = {
            **(self.responses or {}),
            "200": OpenAPIResponse(
                description="The file (`via=proxy`), or where it is (`via=link`).",
                content={**file, "application/json": OpenAPIMediaType(schema=link)},
                headers={"ETag": OpenAPIHeader(schema=text), "Accept-Ranges": OpenAPIHeader(schema=text)},
            ),
            "206": OpenAPIResponse(
                description="The part that was asked for.",
                content=file,
                headers={"Content-Range": OpenAPIHeader(schema=text)},
            ),
            "304": OpenAPIResponse(description="`If-None-Match` names the file as it is."),
            "307": OpenAPIResponse(
                description="The file is at `Location`, for a limited time.",
                headers={"Location": OpenAPIHeader(schema=text)},
            ),
        }


class DownloadController(Controller):
    """`/v1/jobs/{job_id}/download`."""

    path = "/jobs/{job_id:str}/download"
    tags = ("jobs",)

    @get(
        operation_id="downloadJob",
        operation_class=DownloadOperation,
        summary="The converted file",
        responses=documented(
            *READ, NotReady, InvalidRequest, PreconditionFailed, RangeUnsatisfiable, ObjectGone, ObjectChanged
        ),
    )
    async def download(
        self,
        request: HttpRequest,
        caller: CallerDep,
        job_id: JobId,
        via: ViaParameter = Via.URL,
        byte_range: RangeHeader = None,
    ) -> Response[None] | Response[DownloadLink] | Stream:
        """The output of a job that succeeded: where it is, or itself."""
        way, context = way_of(via), caller.context
        job = await find_job(caller, job_id)
        if way is Via.URL:
            return Response(None, status_code=307, headers={"Location": await download_url(context, job, via=way)})
        if way is Via.LINK:
            url = await download_url(context, job, via=way)
            return Response(DownloadLink(url, context.config.download_url_seconds))
        output = finished(job)
        headers = headers_of(job, output)
        refuse_unmatched(request, output)
        if any_of(request.headers.get("if-none-match"), output.etag):
            return Response(None, status_code=304, headers=headers)
        if request.headers.get("if-range", quoted(output.etag)) != quoted(output.etag):
            byte_range = None  # of a file that is another by now
        span = parse_range(byte_range, output.size)
        part = span or Span(0, output.size)
        headers["Content-Length"] = str(part.length)
        if span is not None:
            headers["Content-Range"] = content_range(span, output.size)
        file = await open_download(context, job, part, via=way)
        return Stream(
            file.chunks(),
            status_code=200 if span is None else 206,
            media_type=content_type_of(job),
            headers=headers,
            background=BackgroundTask(file.close),
        )

    @head(
        operation_id="inspectDownload",
        operation_class=WithoutBody,
        summary="Size, type and name of the converted file",
        responses=documented(*READ, NotReady, PreconditionFailed),
    )
    async def inspect(self, request: HttpRequest, caller: CallerDep, job_id: JobId) -> Response[None]:
        """The headers of the file itself, never a redirect: a presigned URL is good for GET alone."""
        job = await find_job(caller, job_id)
        output = finished(job)
        headers = headers_of(job, output)
        refuse_unmatched(request, output)
        if any_of(request.headers.get("if-none-match"), output.etag):
            return Response(None, status_code=304, headers=headers)
        size_and_type = {"Content-Length": str(output.size), "Content-Type": content_type_of(job)}
        return Response(None, headers=headers | size_and_type)


def way_of(via: str) -> Via:
    """Return the way that a client wants. Raises `InvalidRequest`, which names those that there are."""
    try:
        return Via(via)
    except ValueError:
        wrong = {"field": "via", "in": "query", "message": f"must be {' or '.join(Via)}"}
        raise InvalidRequest(f"{wrong['field']}: {wrong['message']}", allowed=list(Via), errors=[wrong]) from None


def headers_of(job: Job, output: Output) -> dict[str, str]:
    """Return the headers of the file, whichever part of it is asked for."""
    return {
        "ETag": quoted(output.etag),
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": content_disposition(job.filename),
    }


def quoted(etag: str) -> str:
    """Write a strong entity tag as it stands in a header."""
    return f'"{etag}"'


def refuse_unmatched(request: HttpRequest, output: Output) -> None:
    """Raise `PreconditionFailed` unless ``If-Match`` names this file; weak tags never match (RFC 9110, 13.1.1)."""
    wanted = request.headers.get("if-match")
    if wanted is None:
        return
    if not {"*", quoted(output.etag)} & {tag.strip() for tag in wanted.split(",")}:
        raise PreconditionFailed(etag=output.etag)


def any_of(header: str | None, etag: str) -> bool:
    """Tell whether an ``If-None-Match`` names this file; weakly written tags count (RFC 9110, 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for tag in (header or "").split(",")]
    return "*" in tags or quoted(etag) in tags
