"""
An S3 object as one unbroken stream.

A connection that breaks is taken up at the offset, of the very same object (If-Match). What a consumer may rely on:
either every byte of the object arrives, in order, or there is an exception; a broken stream never looks like the end of
the file.

Blocking. Permission: s3:GetObject.
"""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import HTTPClientError

from service.adapters.aws.clients import Aws
from service.adapters.ffmpeg.config import FfmpegConfig
from service.core.errors import Indefinite, ObjectChanged, ObjectGone, StoreError
from service.telemetry import emit, events

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

LONGEST_BACKOFF = 5.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """The object to read. `etag` without quotes; `size` in bytes."""

    bucket: str
    key: str
    etag: str
    size: int


class ObjectStream:
    """
    The bytes of one object, once, from the first to the last.

    Iterating raises `ObjectGone`, `ObjectChanged`, or another `StoreError` if the stream breaks too often without a
    byte in between. Setting `stop` ends it early and without an exception, at the next chunk.
    """

    def __init__(self, aws: Aws, s3: "S3Client", original: Original, config: FfmpegConfig) -> None:
        self.original = original
        self.stop = threading.Event()
        self.offset = 0  # bytes handed out so far
        self.waiting = False  # for S3, at this moment
        self.mended = 0  # how often the stream was taken up again
        self._aws = aws
        self._s3 = s3
        self._config = config

    @property
    def complete(self) -> bool:
        """Whether every byte was handed out."""
        return self.offset == self.original.size

    def __iter__(self) -> Iterator[bytes]:
        breaks = 0
        while not self._over():
            before = self.offset
            reason: StoreError = Indefinite("the stream ended early")
            try:
                yield from self._read_on()
            except (ObjectGone, ObjectChanged):
                raise
            except StoreError as error:
                reason = error
            if self._over():
                return
            breaks = 1 if self.offset > before else breaks + 1
            if breaks >= self._config.feed_attempts:
                raise reason
            self._mend(reason, breaks)

    def _over(self) -> bool:
        return self.complete or self.stop.is_set()

    def _read_on(self) -> Iterator[bytes]:
        self.waiting = True
        try:
            with contextlib.closing(self._open()) as body:
                while not self.stop.is_set():
                    self.waiting = True
                    wanted = min(self._config.feed_bytes, self.original.size - self.offset)
                    data = self._aws.translated(_read, body, wanted)
                    self.waiting = False
                    self.offset += len(data)
                    if data:
                        yield data
                    if self.complete or not data:
                        return
        finally:
            self.waiting = False

    def _open(self) -> Any:
        at, left = self.original, self.original.size - self.offset
        ranged: dict[str, Any] = {"Range": f"bytes={self.offset}-"} if self.offset else {}
        answer = self._aws.translated(
            self._s3.get_object, Bucket=at.bucket, Key=at.key, IfMatch=f'"{at.etag}"', **ranged
        )
        if (length := answer.get("ContentLength")) != left:
            answer["Body"].close()
            if length is None:
                raise Indefinite("half an answer")
            raise ObjectChanged(f"{at.key}: {length} bytes from {self.offset} on, not {left}")
        return answer["Body"]

    def _mend(self, reason: StoreError, breaks: int) -> None:
        self.mended += 1
        emit(events.S3_MENDED, key=self.original.key, offset=self.offset, reason=reason.detail)
        self.waiting = True
        self.stop.wait(min(LONGEST_BACKOFF, self._config.feed_backoff * 2 ** (breaks - 1)))
        self.waiting = False


def _read(body: Any, size: int) -> bytes:
    """Read from a body that botocore opened; what leaks through it from below becomes an error of botocore."""
    try:
        data: bytes = body.read(size)
    except (OSError, ValueError, AttributeError) as error:
        raise HTTPClientError(error=error) from error
    return data
