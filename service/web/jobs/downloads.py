"""
The finished file: a redirect to a presigned URL, that URL by itself, or streamed through the service.

A script on a page cannot follow the redirect: what is redirected from one site to another comes, as browsers have it,
from nobody, and nobody is allowed nothing. It takes the URL by itself, and lets the browser download it.

Through the service, the first bytes are fetched before the answer begins, so that an object that is gone or changed
is a problem document and not a broken 200. What breaks later closes the connection, and the announced length tells
the client.
"""

from collections.abc import AsyncGenerator, AsyncIterator
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

from service.core.errors import (
    Expired,
    InvalidRequest,
    NotFound,
    NotReady,
    ObjectChanged,
    ObjectGone,
    RangeUnsatisfiable,
    RepriseError,
)
from service.core.job import Job, Output
from service.core.media.formats import OUTPUT_FORMATS
from service.core.naming import content_disposition
from service.ports.objects import ObjectStore
from service.telemetry import emit, events
from service.web.config import WebConfig
from service.web.dependencies import Config, Deps, WebDependencies
from service.web.http.openapi import WithoutBody
from service.web.http.problems import documented
from service.web.jobs.ranges import Span, parse_range
from service.web.lookup import HttpRequest, JobId, find_job, tenant_of


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


class Downloads(Controller):
    """`/v1/jobs/{job_id}/download`."""

    path = "/jobs/{job_id:str}/download"
    tags = ("jobs",)

    @get(
        operation_id="downloadJob",
        operation_class=DownloadOperation,
        summary="The converted file",
        responses=documented(
            NotFound, Expired, NotReady, InvalidRequest, RangeUnsatisfiable, ObjectGone, ObjectChanged
        ),
    )
    async def download(
        self,
        request: HttpRequest,
        deps: Deps,
        config: Config,
        job_id: JobId,
        via: ViaParameter = Via.URL,
        byte_range: RangeHeader = None,
    ) -> Response[None] | Response[DownloadLink] | Stream:
        """The output of a job that succeeded: where it is, or itself."""
        way = way_of(via)
        job, output = finished(await find_job(deps, tenant_of(request), job_id))
        if way is Via.URL:
            return await redirected(deps, config, job, output)
        if way is Via.LINK:
            return Response(DownloadLink(await address(deps, config, job, output, way), config.download_url_seconds))
        headers = headers_of(job, output)
        if any_of(request.headers.get("if-none-match"), output.etag):
            return Response(None, status_code=304, headers=headers)
        if request.headers.get("if-range", quoted(output.etag)) != quoted(output.etag):
            byte_range = None  # of a file that is another by now
        span = parse_range(byte_range, output.size)
        part = span or Span(0, output.size)
        headers["Content-Length"] = str(part.length)
        if span is not None:
            headers["Content-Range"] = span.content_range(output.size)
        file = await opened(deps.objects, job.job_id, output, part)
        emit(events.DOWNLOAD_STARTED, job_id=job.job_id, key=output.key, via=way, start=part.start, stop=part.stop)
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
        responses=documented(NotFound, Expired, NotReady),
    )
    async def inspect(self, request: HttpRequest, deps: Deps, job_id: JobId) -> Response[None]:
        """The headers of the file itself, never a redirect: a presigned URL is good for GET alone."""
        job, output = finished(await find_job(deps, tenant_of(request), job_id))
        headers = headers_of(job, output)
        if any_of(request.headers.get("if-none-match"), output.etag):
            return Response(None, status_code=304, headers=headers)
        size_and_type = {"Content-Length": str(output.size), "Content-Type": content_type_of(job)}
        return Response(None, headers=headers | size_and_type)


def way_of(via: str) -> Via:
    """The way that a client wants. Raises `InvalidRequest`, which names those that there are."""
    try:
        return Via(via)
    except ValueError:
        wrong = {"field": "via", "in": "query", "message": f"must be {' or '.join(Via)}"}
        raise InvalidRequest(f"{wrong['field']}: {wrong['message']}", allowed=list(Via), errors=[wrong]) from None


async def redirected(deps: WebDependencies, config: WebConfig, job: Job, output: Output) -> Response[None]:
    """To the object store."""
    return Response(None, status_code=307, headers={"Location": await address(deps, config, job, output, Via.URL)})


async def address(deps: WebDependencies, config: WebConfig, job: Job, output: Output, way: Via) -> str:
    """In the object store, after a look whether it is there: a problem document from us is better than XML from S3."""
    if (await deps.objects.head(output.key)).etag != output.etag:
        raise ObjectChanged
    url = await deps.objects.download_url(
        output.key, filename=job.filename, content_type=content_type_of(job), seconds=config.download_url_seconds
    )
    emit(events.DOWNLOAD_STARTED, job_id=job.job_id, key=output.key, via=way)
    return url


def headers_of(job: Job, output: Output) -> dict[str, str]:
    """What is true of the file, whichever part of it is asked for."""
    return {
        "ETag": quoted(output.etag),
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": content_disposition(job.filename),
    }


def content_type_of(job: Job) -> str:
    """By the format, not by the name."""
    return OUTPUT_FORMATS[job.target.format].content_type


def finished(job: Job) -> tuple[Job, Output]:
    """A job that succeeded, and its output. Raises `NotReady`, with the job's own code if it failed."""
    if job.output is not None:
        return job, job.output
    if job.failure is not None:
        raise NotReady(f"The job failed: {job.failure.detail}", state=job.state, job_error=job.failure.code)
    raise NotReady(f"The job is {job.state}; there is no output.", state=job.state)


def quoted(etag: str) -> str:
    """A strong entity tag as it stands in a header."""
    return f'"{etag}"'


def any_of(header: str | None, etag: str) -> bool:
    """Whether an ``If-None-Match`` names this file; weakly written tags count (RFC 9110, 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for tag in (header or "").split(",")]
    return "*" in tags or quoted(etag) in tags


class OpenFile:
    """A part of an object, its first piece already here."""

    def __init__(self, job_id: str, first: bytes, rest: AsyncIterator[bytes]) -> None:
        self._job_id = job_id
        self._first = first
        self._rest = rest

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """All of it. Raises what the store raises, after saying so."""
        sent = 0
        try:
            yield self._first
            sent += len(self._first)
            async for chunk in self._rest:
                yield chunk
                sent += len(chunk)
        except RepriseError as error:
            emit(events.DOWNLOAD_BROKEN, job_id=self._job_id, reason=error.detail)
            raise
        finally:
            emit(events.DOWNLOAD_ENDED, job_id=self._job_id, size=sent)

    async def close(self) -> None:
        """Let go of the store's connection, also when the client left early."""
        if isinstance(self._rest, AsyncGenerator):
            await self._rest.aclose()


async def opened(objects: ObjectStore, job_id: str, output: Output, part: Span) -> OpenFile:
    """Begin to read. Raises `ObjectGone`, `ObjectChanged` and other `StoreError` while they can still be answered."""
    rest = aiter(objects.read(output.key, etag=output.etag, start=part.start, stop=part.stop))
    return OpenFile(job_id, await anext(rest, b""), rest)
