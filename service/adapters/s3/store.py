"""
`ports.objects` on S3: what this folder does to the bucket, and what that takes.

What is in the bucket, in the order in which it appears:

    uploads/{upload_id}/input                   one PutObject up to 8 MiB, a multipart upload above; the client's own
                                                requests where it uploads straight to S3 (presigned parts, signed form)
    results/{job_id}/{attempt}/{filename}       a multipart upload that is begun when ffmpeg has written the second part
                                                and completed after ffmpeg has ended, with its first part sent last; one
                                                PutObject where all of it fits into a part

Keys hold ids that cannot be guessed, and each key is written by one process only. An object exists when it is complete;
a multipart upload that was not completed is invisible to readers. Nothing is overwritten but by the same bytes, and
nothing is deleted before its replacement is there. A process that is killed leaves an unfinished multipart upload or an
object that no record names; the janitor and the bucket's lifecycle rules remove both.

IAM actions. On the objects: s3:PutObject (covers CreateMultipartUpload, UploadPart and CompleteMultipartUpload),
s3:GetObject (also HeadObject), s3:DeleteObject, s3:AbortMultipartUpload, s3:ListMultipartUploadParts. On the bucket:
s3:ListBucket (without it a missing object is a 403), s3:ListBucketMultipartUploads. The checks at start, `checks.py`,
say what they need beside these. `service/permissions.json` is the list that programs read.

Memory: an upload through the service holds two parts of 8 MiB, a conversion one buffer of a part for each upload under
way, a download one chunk of 256 KiB. Disk: nothing in this folder writes to it.
"""

from collections.abc import AsyncIterator, Sequence
from urllib.parse import urlsplit

from service.adapters.aws.clients import Aws, translate_errors
from service.adapters.s3.bucket import Bucket
from service.adapters.s3.client_uploads import ClientUploads
from service.adapters.s3.completion import Completer
from service.adapters.s3.reading import ObjectRange, read_range
from service.adapters.s3.receiving import Receiver
from service.core.filenames import content_disposition
from service.core.upload import Part
from service.ports.objects import Form, Stored, Unfinished
from service.ports.time import Clock
from service.telemetry import emit, events


class S3Objects:
    """The objects in the bucket that the settings name. `aclose` it before its `Aws`."""

    def __init__(self, aws: Aws, clock: Clock) -> None:
        client, once = aws.s3(), aws.s3(repeats=False)
        self._bucket = Bucket(aws, client, Completer(once, client), aws.settings.bucket)
        self._receiver = Receiver(self._bucket)
        self._public = aws.s3(public=True)
        self._client_uploads = ClientUploads(self._bucket, self._public)
        self._clock = clock

    @property
    def origins(self) -> tuple[str, ...]:
        """Where presigned URLs lead, as a browser compares it: the endpoint, and the bucket as a name below it."""
        address = urlsplit(self._public.meta.endpoint_url)
        return f"{address.scheme}://{address.netloc}", f"{address.scheme}://{self._bucket.name}.{address.netloc}"

    async def receive(self, key: str, chunks: AsyncIterator[bytes], *, content_type: str, limit: int) -> Stored:
        return await self._receiver.receive(key, chunks, content_type=content_type, limit=limit)

    async def head(self, key: str) -> Stored:
        return await self._bucket.head(key)

    async def peek(self, key: str, *, etag: str, start: int, length: int) -> bytes:
        wanted = ObjectRange(bucket=self._bucket.name, key=key, etag=etag, start=start, stop=start + length, clip=True)
        return b"".join([piece async for piece in read_range(self._bucket, self._clock, wanted)])

    def read(self, key: str, *, etag: str, start: int, stop: int) -> AsyncIterator[bytes]:
        wanted = ObjectRange(bucket=self._bucket.name, key=key, etag=etag, start=start, stop=stop)
        return read_range(self._bucket, self._clock, wanted)

    async def delete(self, keys: Sequence[str]) -> None:
        await self._bucket.delete(keys)

    async def delete_prefix(self, prefix: str, *, keep: str | None = None) -> Sequence[str]:
        if not prefix:
            raise ValueError("an empty prefix is the whole bucket")
        # Uploads first: one that is completed in this very moment is then found among the objects.
        uploads = await self._bucket.open_uploads(prefix)
        for one in uploads:
            await self._bucket.abort(one.key, one.transfer)
        objects = [key for key in await self._bucket.keys(prefix) if key != keep]
        await self._bucket.delete(objects)
        if objects or uploads:
            emit(events.S3_SWEPT, prefix=prefix, objects=len(objects), uploads=len(uploads))
        return sorted({*objects, *(one.key for one in uploads)})

    async def begin_parts(self, key: str) -> str:
        return await self._client_uploads.begin(key)

    async def part_url(self, key: str, transfer: str, number: int, *, seconds: int, size: int | None = None) -> str:
        return await self._client_uploads.url(key, transfer, number, seconds=seconds, size=size)

    async def upload_form(self, key: str, *, least: int, most: int, seconds: int) -> Form:
        return await self._client_uploads.form(key, least=least, most=most, seconds=seconds)

    async def put_part(self, key: str, transfer: str, number: int, body: bytes) -> Part:
        return await self._client_uploads.put(key, transfer, number, body)

    async def parts(self, key: str, transfer: str) -> Sequence[Part]:
        return await self._client_uploads.arrived(key, transfer)

    async def join_parts(self, key: str, transfer: str, parts: Sequence[Part]) -> Stored:
        return await self._client_uploads.join(key, transfer, parts)

    async def abort_parts(self, key: str, transfer: str) -> None:
        await self._bucket.abort(key, transfer)

    async def open_transfers(self, prefix: str) -> Sequence[Unfinished]:
        return await self._bucket.open_uploads(prefix)

    async def survey(self, prefix: str, *, after: str, limit: int) -> Sequence[Stored]:
        return await self._bucket.survey(prefix, after=after, limit=limit)

    async def download_url(self, key: str, *, filename: str, content_type: str, seconds: int) -> str:
        # Signing may have to fetch the credentials of a role first: not on the event loop. It sends S3 no request, so
        # it neither goes through the circuit nor tells it anything.
        return await self._bucket.aws.run_unguarded(
            translate_errors,
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
        """Wait for clean-ups that are still going on, and close the connections."""
        await self._receiver.wait_for_cleanups()
        self._bucket.completer.once.close()
        self._bucket.client.close()
        self._public.close()
