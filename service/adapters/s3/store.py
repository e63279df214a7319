"""
`ports.ObjectStore` on S3.

What has to be allowed: s3:PutObject, s3:GetObject, s3:DeleteObject, s3:AbortMultipartUpload on the objects;
s3:ListBucket and s3:ListBucketMultipartUploads on the bucket; and what `s3_parts` says. Keys hold ids that nobody can
guess, and each is written by one writer only.
"""

from collections.abc import AsyncIterator, Sequence

from service.adapters.aws.clients import Aws, translating
from service.adapters.s3.bucket import Bucket
from service.adapters.s3.client_uploads import S3Parts
from service.adapters.s3.completion import Completer
from service.adapters.s3.reading import mended
from service.adapters.s3.receiving import Receiver
from service.core.naming import content_disposition
from service.core.upload import Part
from service.ports.objects import Form, Stored, Unfinished
from service.ports.time import Clock
from service.telemetry import emit, events


class S3Objects:
    """The bytes, in the bucket that the settings name. `aclose` it before its `Aws`."""

    def __init__(self, aws: Aws, clock: Clock) -> None:
        client, once = aws.s3(), aws.s3(repeats=False)
        self._bucket = Bucket(aws, client, Completer(once, client), aws.settings.bucket)
        self._receiver = Receiver(self._bucket)
        self._public = aws.s3(public=True)
        self._parts = S3Parts(self._bucket, self._public)
        self._clock = clock

    async def receive(self, key: str, chunks: AsyncIterator[bytes], *, content_type: str, limit: int) -> Stored:
        return await self._receiver.receive(key, chunks, content_type=content_type, limit=limit)

    async def head(self, key: str) -> Stored:
        return await self._bucket.head(key)

    async def peek(self, key: str, *, etag: str, start: int, length: int) -> bytes:
        pieces = mended(self._bucket, self._clock, key, etag=etag, start=start, stop=start + length, clip=True)
        return b"".join([piece async for piece in pieces])

    def read(self, key: str, *, etag: str, start: int, stop: int) -> AsyncIterator[bytes]:
        return mended(self._bucket, self._clock, key, etag=etag, start=start, stop=stop)

    async def delete(self, keys: Sequence[str]) -> None:
        await self._bucket.delete(keys)

    async def delete_prefix(self, prefix: str, *, keep: str | None = None) -> Sequence[str]:
        if not prefix:
            raise ValueError("an empty prefix is the whole bucket")
        # Uploads first: one that is completed in this very moment is then found among the objects.
        uploads = await self._bucket.unfinished(prefix)
        for key, upload_id in uploads:
            await self._bucket.abort(key, upload_id)
        objects = [key for key in await self._bucket.keys(prefix) if key != keep]
        await self._bucket.delete(objects)
        if objects or uploads:
            emit(events.S3_SWEPT, prefix=prefix, objects=len(objects), uploads=len(uploads))
        return sorted({*objects, *(key for key, _ in uploads)})

    async def begin_parts(self, key: str) -> str:
        return await self._parts.begin(key)

    async def part_url(self, key: str, transfer: str, number: int, *, seconds: int) -> str:
        return await self._parts.url(key, transfer, number, seconds=seconds)

    async def upload_form(self, key: str, *, least: int, most: int, seconds: int) -> Form:
        return await self._parts.form(key, least=least, most=most, seconds=seconds)

    async def put_part(self, key: str, transfer: str, number: int, body: bytes) -> Part:
        return await self._parts.put(key, transfer, number, body)

    async def parts(self, key: str, transfer: str) -> Sequence[Part]:
        return await self._parts.arrived(key, transfer)

    async def join_parts(self, key: str, transfer: str, parts: Sequence[Part]) -> Stored:
        return await self._parts.join(key, transfer, parts)

    async def abort_parts(self, key: str, transfer: str) -> None:
        await self._bucket.abort(key, transfer)

    async def open_transfers(self, prefix: str) -> Sequence[Unfinished]:
        return await self._parts.open_transfers(prefix)

    async def survey(self, prefix: str, *, after: str, limit: int) -> Sequence[Stored]:
        return await self._bucket.survey(prefix, after=after, limit=limit)

    async def download_url(self, key: str, *, filename: str, content_type: str, seconds: int) -> str:
        # Signing is arithmetic, but the credentials of a role may have to be fetched first: not on the event loop. It
        # asks S3 nothing, so it neither goes through the circuit nor tells it anything.
        return await self._bucket.aws.aside(
            translating,
            self._public.generate_presigned_url,
            "get_object",
            Params={
                "Bucket": self._bucket.name,
                "Key": key,
                "ResponseContentDisposition": content_disposition(filename),
                "ResponseContentType": content_type,
            },
            ExpiresIn=seconds,
        )

    async def aclose(self) -> None:
        """Wait for clean-ups that are still going on, and let the connections go."""
        await self._receiver.swept()
        self._bucket.completer.once.close()
        self._bucket.client.close()
        self._public.close()
