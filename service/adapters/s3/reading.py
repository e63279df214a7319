"""
A byte range of an S3 object, read to its end although connections break.

A connection that breaks is replaced by a new GetObject at the offset, with `If-Match`, so that the bytes are those of
one and the same object. Either every byte of the range arrives, in order, or there is an exception: a broken stream
never looks like the end of the file.

The rule (where to read on, what is retried, when to give up) is `RangeReader`. It has two faces: `read_range`, async,
for downloads, and `ObjectStream`, blocking, for the input of ffmpeg. Permission: s3:GetObject.
"""

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from urllib3.exceptions import HTTPError

from service.adapters.aws.clients import Aws, code_of
from service.adapters.s3.answers import field, quoted
from service.adapters.s3.bucket import Bucket
from service.core.backoff import S3_READ, Backoff
from service.core.errors import Indefinite, ObjectChanged, StoreError, Unavailable
from service.ports.time import Clock
from service.telemetry import emit, events

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from types_boto3_s3.client import S3Client

RETRIED = (Indefinite, Unavailable)  # anything else will not pass: the object is gone or another one, access is denied
FOREIGN = (OSError, HTTPError, ValueError, AttributeError)  # what botocore's StreamingBody lets through from below


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRetry:
    """How patiently an object is read. `chunk` is the bytes of one read."""

    chunk: int = 256 * 1024
    max_breaks: int = 5  # in a row, without a single byte in between; the next one is the end
    backoff: Backoff = S3_READ


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRange:
    """
    Bytes start … stop-1 of an object.

    `etag` without quotes. `clip`: a range may reach beyond the end of the object.
    """

    bucket: str
    key: str
    etag: str
    start: int
    stop: int
    clip: bool = False


class RangeReader:
    """
    The rule of reading on. `read` blocks and belongs on a thread, one call at a time; the rest never blocks.

    After each `read` call `advance` with its bytes; after a `RETRIED` error wait for `pause_after` seconds and read on.
    """

    def __init__(self, s3: "S3Client", wanted: ObjectRange, retry: ReadRetry) -> None:
        self.at = wanted.start  # the next byte
        self.stop = wanted.stop
        self.mended = 0  # how often reading went on after a break
        self._s3, self._wanted, self._retry = s3, wanted, retry
        self._connection = _Connection()
        self._breaks = 0  # in a row
        self._broken: StoreError | None = None

    @property
    def complete(self) -> bool:
        """Whether every byte of the range was read."""
        return self.at >= self.stop

    def read(self) -> bytes:
        """
        Return the next bytes, at most a chunk; empty only if the range was clipped to nothing.

        Raises `Indefinite` on a break, `ObjectGone`, `ObjectChanged`, and what botocore raises, for `Aws` to translate.
        """
        # After a break, ask for less at once: on a line that drops every connection early, small steps still get
        # somewhere, while a large read that breaks is lost as a whole.
        size = max(1, self._retry.chunk >> 2 * self._breaks)
        return self._connection.use(lambda connection: self._read(connection, size))

    def advance(self, chunk: bytes) -> None:
        """Note what `read` has returned. Not part of `read`, whose thread does not know for which request it works."""
        if self._broken is not None:
            self.mended += 1
            emit(events.S3_MENDED, key=self._wanted.key, offset=self.at, reason=self._broken.detail)
        self._broken, self._breaks = None, 0
        self.at += len(chunk)

    def pause_after(self, error: StoreError) -> float:
        """Drop the connection; return the seconds to wait before reading on. Raises `error` if that has no sense."""
        self._connection.abandon()
        self._connection = _Connection()
        self._broken = error
        self._breaks += 1
        if self._breaks > self._retry.max_breaks:
            raise error
        return self._retry.backoff.delay(self._breaks)

    def abandon(self) -> None:
        """Close the connection, now or as soon as the read that is under way comes back."""
        self._connection.abandon()

    def _read(self, connection: "_Connection", size: int) -> bytes:
        if connection.body is None:
            connection.body = self._open()
        if connection.body is None:
            return b""
        try:
            chunk: bytes = connection.body.read(min(size, self.stop - self.at))
        except FOREIGN as error:
            raise Indefinite(f"GetObject: {type(error).__name__}") from error
        if not chunk:
            raise Indefinite("GetObject: ended early")
        return chunk

    def _open(self) -> "StreamingBody | None":
        wanted = self._wanted
        try:
            answer = self._s3.get_object(
                Bucket=wanted.bucket,
                Key=wanted.key,
                IfMatch=quoted(wanted.etag),
                Range=f"bytes={self.at}-{self.stop - 1}",
            )
        except ClientError as error:
            if wanted.clip and code_of(error) == "InvalidRange":
                self.stop = self.at
                return None
            raise
        body = answer["Body"]
        try:
            end = self.at + int(field(answer, "ContentLength"))
            if end != self.stop and not (wanted.clip and end < self.stop):
                raise ObjectChanged(f"{wanted.key}: bytes {self.at} to {end} were offered, not those to {self.stop}")
        except StoreError:
            body.close()
            raise
        self.stop = end
        return body


class _Connection:
    """
    The body of one GetObject, and its end.

    A consumer may go away while a thread waits for S3. Closing a body under a reader would wait for the reader, so the
    one of the two that comes last closes it.
    """

    def __init__(self) -> None:
        self.body: StreamingBody | None = None
        self._busy = threading.Lock()
        self._abandoned = False

    def use(self, read: Callable[["_Connection"], bytes]) -> bytes:
        """Read under the lock that keeps `abandon` from waiting for us."""
        try:
            with self._busy:
                return read(self)
        finally:
            if self._abandoned:
                self.abandon()

    def abandon(self) -> None:
        """Close the body, now or after the read that is under way."""
        self._abandoned = True
        if self._busy.acquire(blocking=False):
            try:
                if self.body is not None:
                    self.body.close()
            finally:
                self._busy.release()


# ── the two faces ────────────────────────────────────────────────────────────────────────────────────────────────


async def read_range(
    bucket: Bucket,
    clock: Clock,
    wanted: ObjectRange,
    retry: ReadRetry = ReadRetry(),  # frozen
) -> AsyncIterator[bytes]:
    """
    Yield the bytes in chunks.

    Raises `ObjectGone`, `ObjectChanged`, and `StoreError` when reading on does not help.
    """
    reader = RangeReader(bucket.client, wanted, retry)
    try:
        while not reader.complete:
            try:
                chunk = await bucket.aws.run(reader.read)
            except RETRIED as error:
                await clock.sleep(reader.pause_after(error))
                continue
            reader.advance(chunk)
            if chunk:
                yield chunk
    finally:
        reader.abandon()


class ObjectStream:
    """
    The bytes of one object, once, from the first to the last.

    Iterating raises `ObjectGone`, `ObjectChanged`, and `StoreError` when reading on does not help. Setting `stop` ends
    it early and without an exception, at the next chunk.
    """

    def __init__(self, aws: Aws, s3: "S3Client", wanted: ObjectRange, retry: ReadRetry) -> None:
        self.size = wanted.stop  # bytes of the object
        self.stop = threading.Event()
        self.waiting = False  # for S3, at this moment
        self._aws = aws
        self._reader = RangeReader(s3, wanted, retry)

    @property
    def offset(self) -> int:
        """Bytes handed out so far."""
        return self._reader.at

    @property
    def mended(self) -> int:
        """How often reading went on after a break."""
        return self._reader.mended

    @property
    def complete(self) -> bool:
        """Whether every byte was handed out."""
        return self.offset == self.size

    def __iter__(self) -> Iterator[bytes]:
        try:
            while not self.complete and not self.stop.is_set():
                self.waiting = True
                try:
                    chunk = self._aws.call_guarded(self._reader.read)
                except RETRIED as error:
                    self.stop.wait(self._reader.pause_after(error))
                    continue
                self.waiting = False
                if self.stop.is_set():  # meanwhile; what was read is not handed out, and does not count
                    return
                self._reader.advance(chunk)
                yield chunk
        finally:
            self.waiting = False
            self._reader.abandon()
