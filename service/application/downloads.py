"""
The finished file: a presigned URL of the object store, or its bytes through the service.

Through the service, the first bytes are fetched before the answer begins, so that an object that is gone or changed
is an error that can still be answered. What breaks later breaks the stream.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from service.application.context import ServiceContext
from service.core.errors import NotReady, ObjectChanged, RepriseError
from service.core.jobs.job import Job, Output
from service.core.media.formats import OUTPUT_FORMATS
from service.telemetry import emit, events


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes start … stop-1 of an object."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """Return how many bytes these are."""
        return self.stop - self.start


def finished(job: Job) -> Output:
    """Return the output of a job that succeeded. Raises `NotReady`, with the job's own code if it failed."""
    if job.output is not None:
        return job.output
    if job.failure is not None:
        raise NotReady(f"The job failed: {job.failure.detail}", state=job.state, job_error=job.failure.code)
    raise NotReady(f"The job is {job.state}; there is no output.", state=job.state)


def content_type_of(job: Job) -> str:
    """Return the media type of the output, by its format and not by its name."""
    return OUTPUT_FORMATS[job.target.format].content_type


async def download_url(context: ServiceContext, job: Job, *, via: str) -> str:
    """
    Sign a URL to GET the output at, after a look whether it is there; `via` is how it is handed out, for the log.

    Raises `NotReady`, `ObjectGone`, `ObjectChanged`, `StoreError`: better words than the XML that S3 would answer.
    """
    output = finished(job)
    if (await context.objects.head(output.key)).etag != output.etag:
        raise ObjectChanged
    url = await context.objects.download_url(
        output.key,
        filename=job.filename,
        content_type=content_type_of(job),
        seconds=context.config.download_url_seconds,
    )
    emit(events.DOWNLOAD_STARTED, job_id=job.job_id, key=output.key, via=via)
    return url


class OpenDownload:
    """A part of an output, its first piece already here."""

    def __init__(self, job_id: str, first: bytes, rest: AsyncIterator[bytes]) -> None:
        self._job_id = job_id
        self._first = first
        self._rest = rest

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield all of it. Raises what the store raises, after logging it."""
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


async def open_download(context: ServiceContext, job: Job, part: Span, *, via: str) -> OpenDownload:
    """
    Begin to read a part of the output; `via` as for `download_url`.

    Raises `NotReady`, and `ObjectGone`, `ObjectChanged` and other `StoreError` while they can still be answered.
    """
    output = finished(job)
    rest = aiter(context.objects.read(output.key, etag=output.etag, start=part.start, stop=part.stop))
    opened = OpenDownload(job.job_id, await anext(rest, b""), rest)
    emit(events.DOWNLOAD_STARTED, job_id=job.job_id, key=output.key, via=via, start=part.start, stop=part.stop)
    return opened
