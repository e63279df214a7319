"""
Objects that clients send to S3: in parts, begun and joined here, or in one piece, by a form that is signed here.

What has to be allowed, beyond `s3_objects`: s3:ListMultipartUploadParts on the objects. What is signed is signed with
the service's own credentials, for a short time: a part for one key, one transfer and one number; a form for one key,
one type and a range of sizes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from botocore.exceptions import ClientError

from service.adapters.aws.clients import code_of, translating
from service.adapters.s3.bucket import Bucket, bare
from service.core.errors import ObjectChanged, ObjectGone
from service.core.upload import Part
from service.ports.objects import Form, Stored, Unfinished
from service.telemetry import emit, events

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

P = ParamSpec("P")
T = TypeVar("T")

# Ours, and always the same: a browser that opened the object must not run what it finds.
TYPE = "application/octet-stream"
REPLACED = frozenset({"InvalidPart", "InvalidPartOrder", "EntityTooSmall"})


@dataclass(frozen=True, slots=True)
class S3Parts:
    """The part verbs of `ports.ObjectStore`. `public` signs for the address that clients reach."""

    bucket: Bucket
    public: "S3Client"

    async def begin(self, key: str) -> str:
        """See `ports.ObjectStore`."""
        bucket = self.bucket
        answer = await bucket.aws.run(
            bucket.client.create_multipart_upload, Bucket=bucket.name, Key=key, ContentType=TYPE
        )
        return answer["UploadId"]

    async def url(self, key: str, transfer: str, number: int, *, seconds: int) -> str:
        """Signing is arithmetic, but the credentials of a role may have to be fetched first. It asks S3 nothing."""
        return await self.bucket.aws.aside(
            translating,
            self.public.generate_presigned_url,
            "upload_part",
            Params={"Bucket": self.bucket.name, "Key": key, "UploadId": transfer, "PartNumber": number},
            ExpiresIn=seconds,
        )

    async def form(self, key: str, *, least: int, most: int, seconds: int) -> Form:
        """A POST policy, because a presigned PUT cannot limit how much is sent. S3 answers it with 201 and an ETag."""
        fixed = {"Content-Type": TYPE, "success_action_status": "201"}
        bounds: list[Any] = [["content-length-range", least, most], *({name: fixed[name]} for name in fixed)]
        answer = await self.bucket.aws.aside(
            translating,
            self.public.generate_presigned_post,
            self.bucket.name,
            key,
            Fields=dict(fixed),
            Conditions=bounds,
            ExpiresIn=seconds,
        )
        return Form(answer["url"], answer["fields"])

    async def put(self, key: str, transfer: str, number: int, body: bytes) -> Part:
        """Raises `ObjectGone` if the transfer is not open."""
        bucket = self.bucket
        answer = await bucket.aws.run(
            _while_open(bucket.client.upload_part),
            Bucket=bucket.name,
            Key=key,
            UploadId=transfer,
            PartNumber=number,
            Body=body,
        )
        emit(events.S3_PART_STORED, key=key, part=number, size=len(body))
        return Part(number, len(body), bare(answer["ETag"]))

    async def arrived(self, key: str, transfer: str) -> Sequence[Part]:
        """All pages of it. Raises `ObjectGone` if the transfer is not open."""
        bucket = self.bucket

        def walk(**where: Any) -> list[Part]:
            pages = bucket.client.get_paginator("list_parts").paginate(**where)
            return [
                Part(item["PartNumber"], item["Size"], bare(item["ETag"]))
                for page in pages
                for item in page.get("Parts", [])
            ]

        found = await bucket.aws.run(_while_open(walk), Bucket=bucket.name, Key=key, UploadId=transfer)
        return sorted(found, key=lambda part: part.number)

    async def join(self, key: str, transfer: str, parts: Sequence[Part]) -> Stored:
        """
        Complete the transfer.

        An answer that got lost is no reason to give up, and a client may repeat the whole call: nobody else writes this
        key, so the object is the proof.
        """
        bucket = self.bucket
        stored = await bucket.aws.run(_while_open(bucket.completer.complete), bucket.name, key, transfer, parts)
        emit(events.S3_COMPLETED, key=key, parts=len(parts), size=stored.size)
        return stored

    async def open_transfers(self, prefix: str) -> Sequence[Unfinished]:
        """See `ports.ObjectStore`."""
        bucket = self.bucket

        def walk() -> list[Unfinished]:
            pages = bucket.client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket.name, Prefix=prefix)
            return [
                Unfinished(item["Key"], item["UploadId"], item["Initiated"].timestamp())
                for page in pages
                for item in page.get("Uploads", [])
            ]

        # Not every stand-in of S3 heeds the prefix.
        return [one for one in await bucket.aws.run(walk) if one.key.startswith(prefix)]


def _while_open(call: Callable[P, T]) -> Callable[P, T]:
    """The same call; that the transfer has ended, or a part was replaced, is told apart from other refusals."""

    def told_apart(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except ClientError as error:
            if code_of(error) == "NoSuchUpload":
                raise ObjectGone("no such transfer") from error
            if code_of(error) in REPLACED:
                raise ObjectChanged(code_of(error)) from error
            raise

    return told_apart
