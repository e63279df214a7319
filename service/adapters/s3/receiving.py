"""
A stream of unknown length becomes an S3 object, in constant memory.

Two parts are held at most: one is being filled from the stream while the one before it is being sent. What fits into a
single part is put as it is, without a multipart upload.

Nothing is left behind unless the object was returned. A thread that talks to S3 cannot be cancelled, so every request
with an effect runs as a task of its own: whoever gives up waits until it has settled, and only then takes back what it
did. That clean-up is no part of the cancelled task; it goes on by itself if S3 takes longer than anybody wants to
wait.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from typing import Any, TypeVar, cast

from service.adapters.s3.bucket import Bucket, bare
from service.core.errors import EmptyUpload, StoreError, UploadTooLarge
from service.core.upload import Part
from service.ports.objects import Stored

T = TypeVar("T")

PART = 8 * 1024 * 1024  # bytes
MOST_PARTS = 10_000
PATIENCE = 10.0  # seconds that a client who went away holds up its request while we clean up


class Receiver:
    """Takes streams in, and looks after the clean-ups of those that failed."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._sweeps: set[asyncio.Task[None]] = set()  # the event loop itself keeps only weak references

    async def receive(self, key: str, chunks: AsyncIterator[bytes], *, content_type: str, limit: int) -> Stored:
        """
        Store `chunks` (of any size) under `key`, which nobody else writes.

        Raises `UploadTooLarge` as soon as more than `limit` bytes came, `EmptyUpload`, `StoreError`, and whatever
        `chunks` raises.
        """
        limit = min(limit, PART * MOST_PARTS)
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
            sweep = asyncio.create_task(transfer.sweep())
            self._sweeps.add(sweep)
            sweep.add_done_callback(self._sweeps.discard)
            # A second cancellation, or an S3 that takes too long, ends this waiting; the clean-up goes on.
            await asyncio.wait({sweep}, timeout=PATIENCE)
            raise

    async def swept(self) -> None:
        """Wait, at most `PATIENCE` seconds, for the clean-ups that are still going on."""
        if self._sweeps:
            await asyncio.wait(set(self._sweeps), timeout=PATIENCE)


class _Transfer:
    """A part being filled, a request being made, and what would have to be taken back."""

    def __init__(self, bucket: Bucket, key: str, content_type: str) -> None:
        self._bucket, self._key, self._content_type = bucket, key, content_type
        self._filling = bytearray()
        self._request: asyncio.Task[Any] | None = None
        self._upload_id: str | None = None
        self._in_parts = False  # a multipart upload was asked for; whether there is one, S3 knows
        self._sealing = False  # from here on there may be an object
        self._parts: list[Part] = []

    async def add(self, chunk: bytes) -> None:
        """Take bytes in; waits while a full part cannot leave yet."""
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
            self._sealing = True
            return await self._settled(self._put(size))
        await self._send()
        await self._settle()
        self._sealing = True
        return await self._settled(self._complete())

    async def sweep(self) -> None:
        """Take back what was done, as far as S3 lets us; what is left then, the bucket's lifecycle rules remove."""
        if self._request is not None:
            await asyncio.wait({self._request})
            if not self._request.cancelled():
                self._request.exception()  # its reader is gone; this marks it as seen
        bucket = self._bucket
        if self._upload_id is not None:
            with suppress(StoreError):
                await bucket.abort(self._key, self._upload_id)
        elif self._in_parts:  # creating it failed, perhaps after the effect
            with suppress(StoreError):
                for key, upload_id in await bucket.unfinished(self._key):
                    await bucket.abort(key, upload_id)
        if self._sealing:
            with suppress(StoreError):
                await bucket.delete([self._key])

    async def _settled(self, request: Coroutine[Any, Any, T]) -> T:
        """Make a request and wait for its answer, without ever cancelling it."""
        self._request = task = asyncio.create_task(request)
        return await asyncio.shield(task)

    async def _settle(self) -> None:
        """Wait for the part that is on its way."""
        if self._request is not None:
            await asyncio.shield(self._request)

    async def _send(self) -> None:
        body, self._filling = self._filling, bytearray()
        await self._settle()  # one part in flight: this is what holds a fast client back
        self._in_parts = True
        self._request = asyncio.create_task(self._upload(body))

    async def _upload(self, body: bytearray) -> None:
        bucket, number, size = self._bucket, len(self._parts) + 1, len(body)
        if self._upload_id is None:
            opened = await bucket.aws.run(
                bucket.client.create_multipart_upload,
                Bucket=bucket.name,
                Key=self._key,
                ContentType=self._content_type,
            )
            self._upload_id = opened["UploadId"]
        sent = await bucket.aws.run(
            bucket.client.upload_part,
            Bucket=bucket.name,
            Key=self._key,
            UploadId=self._upload_id,
            PartNumber=number,
            Body=cast("bytes", body),  # botocore takes either, and would copy the other
        )
        self._parts.append(Part(number, size, bare(sent["ETag"])))
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
        return await bucket.aws.run(
            bucket.completer.complete, bucket.name, self._key, self._upload_id or "", self._parts
        )
