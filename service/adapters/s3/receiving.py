"""
An upload through the service: a stream of unknown length becomes an S3 object, in constant memory.

Two parts are held at most: one is being filled from the stream while the one before it is being sent. What fits into a
single part is put as it is, without a multipart upload.

Nothing is left behind unless the object was returned. A thread that talks to S3 cannot be cancelled, so every request
with an effect runs as a task of its own: a cancelled upload waits until its request has ended, and only then takes back
what that did. The clean-up is not part of the cancelled task; it goes on by itself if S3 takes longer than
`CLEANUP_TIMEOUT`.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from typing import Any, TypeVar, cast

from service.adapters.s3.answers import bare
from service.adapters.s3.bucket import Bucket
from service.core.errors import EmptyUpload, StoreError, UploadTooLarge
from service.core.upload import MAX_PARTS, Part
from service.ports.objects import NotStored, Stored
from service.telemetry import emit, events

T = TypeVar("T")

PART = 8 * 1024 * 1024  # bytes
CLEANUP_TIMEOUT = 10.0  # seconds for which a cancelled or failed request waits for its clean-up


class Receiver:
    """Stores streams, and owns the clean-up tasks of those that failed."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._cleanups: set[asyncio.Task[None]] = set()  # the event loop itself keeps only weak references

    async def receive(self, key: str, chunks: AsyncIterator[bytes], *, content_type: str, limit: int) -> Stored:
        """
        Store `chunks` (of any size) under `key`, which no other process writes.

        Raises `UploadTooLarge` as soon as more than `limit` bytes came, `EmptyUpload`, `StoreError`, and whatever
        `chunks` raises.
        """
        limit = min(limit, PART * MAX_PARTS)
        size = 0
        transfer = _Transfer(self._bucket, key, content_type)
        try:
            async for chunk in chunks:
                size += len(chunk)
                if size > limit:
                    raise UploadTooLarge(f"The upload is larger than {limit} bytes.", limit=limit)
                await transfer.add(chunk)
            if not size:
                raise EmptyUpload
            return await transfer.finish(size)
        except BaseException:
            cleanup = asyncio.create_task(transfer.clean_up())
            self._cleanups.add(cleanup)
            cleanup.add_done_callback(self._cleanups.discard)
            # A second cancellation, or an S3 that takes too long, ends this waiting; the clean-up goes on.
            await asyncio.wait({cleanup}, timeout=CLEANUP_TIMEOUT)
            raise

    async def wait_for_cleanups(self) -> None:
        """Wait, at most `CLEANUP_TIMEOUT` seconds, for the clean-ups that are still going on."""
        if self._cleanups:
            await asyncio.wait(set(self._cleanups), timeout=CLEANUP_TIMEOUT)


class _Transfer:
    """One upload: the part being filled, the request under way, and what a clean-up has to take back."""

    def __init__(self, bucket: Bucket, key: str, content_type: str) -> None:
        self._bucket, self._key, self._content_type = bucket, key, content_type
        self._filling = bytearray()
        self._request: asyncio.Task[Any] | None = None
        self._upload_id: str | None = None
        self._in_parts = False  # CreateMultipartUpload was sent; it may or may not have had its effect
        self._maybe_stored = False  # there may be an object
        self._parts: list[Part] = []

    async def add(self, chunk: bytes) -> None:
        """Take bytes in; wait while a full part cannot be sent yet."""
        rest = memoryview(chunk)
        while rest:
            # A full part leaves only when there is more: an object of exactly one part needs no multipart upload.
            if len(self._filling) == PART:
                await self._send()
            taken = rest[: PART - len(self._filling)]
            self._filling += taken
            rest = rest[len(taken) :]

    async def finish(self, size: int) -> Stored:
        """Make the object exist."""
        if not self._in_parts:
            self._maybe_stored = True
            return await self._shielded(self._put(size))
        await self._send()
        await self._wait_for_part()
        self._maybe_stored = True
        return await self._shielded(self._complete())

    async def clean_up(self) -> None:
        """Take back what was done, as far as S3 lets us; what is left then, the bucket's lifecycle rules remove."""
        if self._request is not None:
            await asyncio.wait({self._request})
            if not self._request.cancelled():
                self._request.exception()  # marks it as seen: the task that would have read it was cancelled
        bucket = self._bucket
        if self._upload_id is not None:
            with suppress(StoreError):
                await bucket.abort(self._key, self._upload_id)
        elif self._in_parts:  # creating it failed, perhaps after the effect
            with suppress(StoreError):
                for one in await bucket.open_uploads(self._key):
                    await bucket.abort(one.key, one.transfer)
        if self._maybe_stored:
            with suppress(StoreError):
                await bucket.delete([self._key])

    async def _shielded(self, request: Coroutine[Any, Any, T]) -> T:
        """Make a request and wait for its answer, without ever cancelling it."""
        self._request = task = asyncio.create_task(request)
        return await asyncio.shield(task)

    async def _wait_for_part(self) -> None:
        """Wait for the part that is being sent."""
        if self._request is not None:
            await asyncio.shield(self._request)

    async def _send(self) -> None:
        body, self._filling = self._filling, bytearray()
        await self._wait_for_part()  # one part in flight: this is what slows a fast client down
        self._in_parts = True
        self._request = asyncio.create_task(self._upload(body))

    async def _upload(self, body: bytearray) -> None:
        bucket, number = self._bucket, len(self._parts) + 1
        if self._upload_id is None:
            begun = await bucket.aws.run(bucket.multipart.begin, self._key, self._content_type)
            self._upload_id = begun.upload_id
        self._parts.append(await bucket.aws.run(bucket.multipart.send, self._key, self._upload_id, number, body))
        # botocore leaves its requests behind as cyclic garbage; the bytes need not wait for the collector.
        with suppress(BufferError):
            body.clear()

    async def _put(self, size: int) -> Stored:
        bucket = self._bucket
        answer = await bucket.aws.run(
            bucket.client.put_object,
            Bucket=bucket.name,
            Key=self._key,
            Body=cast("bytes", self._filling),
            ContentType=self._content_type,
        )
        return Stored(self._key, size, bare(answer["ETag"]))

    async def _complete(self) -> Stored:
        bucket = self._bucket
        try:
            return await bucket.aws.run(bucket.multipart.complete, self._key, self._upload_id or "", self._parts)
        except NotStored as error:  # no record names it yet, so nothing can have removed it
            emit(events.S3_NOT_WHOLE, key=error.key, size=error.size, found=None)
            raise
