"""
What clients upload to S3 themselves: in parts, begun and joined here, or in one piece, by a form that is signed here.

What has to be allowed, beyond `store`: s3:ListMultipartUploadParts on the objects. What is signed is signed with
the service's own credentials, for a short time: a part for one key, one transfer, one number and, where it is known,
one length; a form for one key, one type and a range of sizes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from botocore.exceptions import ClientError

from service.adapters.aws.clients import code_of, translate_errors
from service.adapters.s3.answers import part_was_replaced, upload_has_ended
from service.adapters.s3.bucket import Bucket
from service.core.errors import ObjectChanged, ObjectGone
from service.core.upload import Part
from service.ports.objects import Form, Stored
from service.telemetry import emit, events

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

P = ParamSpec("P")
T = TypeVar("T")

# Always this one, whatever the client says: a browser that opens the object must not run what it finds.
TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class ClientUploads:
    """The verbs of `ports` for such uploads. `public` signs for the address that clients reach."""

    bucket: Bucket
    public: "S3Client"

    async def begin(self, key: str) -> str:
        """Begin an upload in parts; return the name that S3 gave it."""
        return (await self.bucket.aws.run(self.bucket.multipart.begin, key, TYPE)).upload_id

    async def url(self, key: str, transfer: str, number: int, *, seconds: int, size: int | None) -> str:
        """
        Return a presigned PUT of one part. With `size` the signature covers Content-Length, so S3 takes no other.

        It sends S3 no request, but may have to fetch the credentials of a role first, so it runs on a thread.
        """
        return await self.bucket.aws.run_unguarded(
            translate_errors,
            self.public.generate_presigned_url,
            "upload_part",
            Params={
                "Bucket": self.bucket.name,
                "Key": key,
                "UploadId": transfer,
                "PartNumber": number,
                **({} if size is None else {"ContentLength": size}),
            },
            ExpiresIn=seconds,
        )

    async def form(self, key: str, *, least: int, most: int, seconds: int) -> Form:
        """
        Return a POST policy for an object of `least` to `most` bytes: a presigned PUT knows one length, and no range.

        S3 answers the POST with 201 and an ETag.
        """
        fixed = {"Content-Type": TYPE, "success_action_status": "201"}
        bounds: list[Any] = [["content-length-range", least, most], *({name: fixed[name]} for name in fixed)]
        answer = await self.bucket.aws.run_unguarded(
            translate_errors,
            self.public.generate_presigned_post,
            self.bucket.name,
            key,
            Fields=dict(fixed),
            Conditions=bounds,
            ExpiresIn=seconds,
        )
        return Form(answer["url"], answer["fields"])

    async def put(self, key: str, transfer: str, number: int, body: bytes) -> Part:
        """Store a part that a client sent through the service. Raises `ObjectGone` if the transfer is not open."""
        bucket = self.bucket
        part = await bucket.aws.run(_while_open(bucket.multipart.send), key, transfer, number, body)
        emit(events.S3_PART_STORED, bucket=bucket.name, key=key, part=number, size=part.size)
        return part

    async def arrived(self, key: str, transfer: str) -> Sequence[Part]:
        """Return all parts that have arrived, by number. Raises `ObjectGone` if the transfer is not open."""
        return await self.bucket.aws.run(_while_open(self.bucket.multipart.list_parts), key, transfer)

    async def join(self, key: str, transfer: str, parts: Sequence[Part]) -> Stored:
        """
        Complete the transfer. Raises `ObjectGone` or `ObjectChanged`.

        A lost answer is no failure, and a client may repeat the whole call: no other process writes this key, so the
        object is the proof.
        """
        stored = await self.bucket.aws.run(_while_open(self.bucket.multipart.complete), key, transfer, parts)
        emit(events.S3_COMPLETED, bucket=self.bucket.name, key=key, parts=len(parts), size=stored.size)
        return stored


def _while_open(call: Callable[P, T]) -> Callable[P, T]:
    """Wrap a call so that it raises `ObjectGone` for a transfer that has ended, `ObjectChanged` for replaced parts."""

    def call_while_open(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except ClientError as error:
            if upload_has_ended(error):
                raise ObjectGone("no such transfer") from error
            if part_was_replaced(error):
                raise ObjectChanged(code_of(error)) from error
            raise

    return call_while_open
