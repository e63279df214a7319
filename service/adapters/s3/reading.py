"""
A byte range of an S3 object as a stream that mends itself.

A connection that breaks in the middle is replaced by a new request at the offset, with ``If-Match``, so that the
bytes are those of one and the same object. The stream ends when the promised length has been met, or with an error.
"""

import threading
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from urllib3.exceptions import HTTPError

from service.adapters.aws.clients import code_of
from service.adapters.s3.bucket import Bucket, quoted
from service.core.errors import Definite, Indefinite, StoreError, Unavailable
from service.ports.time import Clock
from service.telemetry import emit, events

if TYPE_CHECKING:
    from botocore.response import StreamingBody

CHUNK = 256 * 1024  # bytes
ATTEMPTS = 5  # breaks in a row without a single byte in between
FIRST_PAUSE = 0.1  # seconds; doubles with each break in a row


async def mended(
    bucket: Bucket, clock: Clock, key: str, *, etag: str, start: int, stop: int, clip: bool = False
) -> AsyncIterator[bytes]:
    """
    Bytes start … stop-1 in chunks of at most 256 KiB.

    With `clip`, a range that reaches beyond the object ends with it; else that is an error. Raises `ObjectGone`,
    `ObjectChanged`, and `StoreError` when mending does not help.
    """
    at, breaks = start, 0
    broken: StoreError | None = None
    stream = _Stream(bucket, key, etag, start, stop, clip=clip)
    try:
        while at < stream.stop:
            try:
                # After a break, ask for less at once: on a line that drops every connection early, small steps still
                # get somewhere, while a large read that breaks is lost as a whole.
                chunk = await bucket.aws.run(stream.read, CHUNK >> 2 * breaks)
            except (Indefinite, Unavailable) as error:
                broken = error
                breaks += 1
                if breaks > ATTEMPTS:
                    raise
                stream.abandon()
                await clock.sleep(FIRST_PAUSE * 2 ** (breaks - 1))
                stream = _Stream(bucket, key, etag, at, stop, clip=clip)
                continue
            if broken:
                emit(events.S3_MENDED, key=key, offset=at, reason=broken.detail)
            broken, breaks = None, 0
            at += len(chunk)
            if chunk:
                yield chunk
    finally:
        stream.abandon()


class _Stream:
    """
    One GetObject, opened by the first read. Reads block and belong on a thread; `abandon` never blocks.

    The two may meet: the consumer goes away while a thread waits for S3. Closing a body under a reader would wait
    for the reader, so whichever of the two comes last closes it.
    """

    def __init__(self, bucket: Bucket, key: str, etag: str, start: int, stop: int, *, clip: bool) -> None:
        self.stop = stop
        self._bucket, self._key, self._etag, self._at, self._clip = bucket, key, etag, start, clip
        self._body: StreamingBody | None = None
        self._busy = threading.Lock()
        self._abandoned = False

    def read(self, size: int) -> bytes:
        """At most `size` bytes; empty only if the range was clipped to nothing. Raises `Indefinite` on a break."""
        try:
            with self._busy:
                return self._read(size)
        except (OSError, HTTPError) as error:  # what botocore lets through as it is
            raise Indefinite(f"GetObject: {type(error).__name__}") from error
        finally:
            if self._abandoned:
                self.abandon()

    def abandon(self) -> None:
        """Let the connection go, now or as soon as the read that is under way comes back."""
        self._abandoned = True
        if self._busy.acquire(blocking=False):
            try:
                if self._body is not None:
                    self._body.close()
            finally:
                self._busy.release()

    def _read(self, size: int) -> bytes:
        if self._body is None:
            self._body = self._open()
        if self._body is None:
            return b""
        chunk: bytes = self._body.read(min(size, self.stop - self._at))
        if not chunk:
            raise Indefinite("GetObject: ended early")
        self._at += len(chunk)
        return chunk

    def _open(self) -> "StreamingBody | None":
        try:
            answer = self._bucket.client.get_object(
                Bucket=self._bucket.name,
                Key=self._key,
                IfMatch=quoted(self._etag),
                Range=f"bytes={self._at}-{self.stop - 1}",
            )
        except ClientError as error:
            if self._clip and code_of(error) == "InvalidRange":
                self.stop = self._at
                return None
            raise
        end = self._at + answer["ContentLength"]
        if end != self.stop and not (self._clip and end < self.stop):
            answer["Body"].close()
            raise Definite(f"GetObject: asked for bytes {self._at} to {self.stop}, offered those to {end}")
        self.stop = end
        return answer["Body"]
