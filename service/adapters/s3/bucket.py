"""One bucket, and the few S3 requests that both the stream in and the housekeeping make."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from service.adapters.aws.clients import Aws, code_of
from service.adapters.aws.errors import rule_of
from service.adapters.s3.completion import Completer
from service.core.errors import StoreError
from service.ports.objects import Stored

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

MOST_KEYS = 1000  # in one DeleteObjects


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where the bytes are, and the threads that talk to it. Every method raises `StoreError`."""

    aws: Aws
    client: "S3Client"
    completer: Completer
    name: str

    async def head(self, key: str) -> Stored:
        """Raises `ObjectGone`."""
        answer = await self.aws.run(self.client.head_object, Bucket=self.name, Key=key)
        return Stored(key, answer["ContentLength"], bare(answer["ETag"]))

    async def keys(self, prefix: str) -> list[str]:
        """The keys of all objects under `prefix`."""

        def walk() -> list[str]:
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
            return [item["Key"] for page in pages for item in page.get("Contents", [])]

        return await self.aws.run(walk)

    async def survey(self, prefix: str, *, after: str, limit: int) -> list[Stored]:
        """A page of objects by key; see `ports.ObjectStore`."""
        before_all = after or prefix[:-1]  # an empty StartAfter is not something that S3 promises to understand
        answer = await self.aws.run(
            self.client.list_objects_v2, Bucket=self.name, Prefix=prefix, StartAfter=before_all, MaxKeys=limit
        )
        return [Stored(item["Key"], item["Size"], bare(item["ETag"])) for item in answer.get("Contents", [])]

    async def unfinished(self, prefix: str) -> list[tuple[str, str]]:
        """Key and upload id of all unfinished multipart uploads under `prefix`."""

        def walk() -> list[tuple[str, str]]:
            pages = self.client.get_paginator("list_multipart_uploads").paginate(Bucket=self.name, Prefix=prefix)
            return [(item["Key"], item["UploadId"]) for page in pages for item in page.get("Uploads", [])]

        # Not every stand-in of S3 heeds the prefix, and aborting a stranger's upload would be unforgivable.
        return [(key, upload_id) for key, upload_id in await self.aws.run(walk) if key.startswith(prefix)]

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects, in batches; no error for those that do not exist."""
        for first in range(0, len(keys), MOST_KEYS):
            batch = keys[first : first + MOST_KEYS]
            answer = await self.aws.run(
                self.client.delete_objects,
                Bucket=self.name,
                Delete={"Objects": [{"Key": key} for key in batch], "Quiet": True},
            )
            if errors := answer.get("Errors"):
                raise _refusal(errors[0].get("Code", ""), len(errors))

    async def abort(self, key: str, upload_id: str) -> None:
        """End a multipart upload and drop its parts; no error if it ended already."""

        def end() -> None:
            try:
                self.client.abort_multipart_upload(Bucket=self.name, Key=key, UploadId=upload_id)
            except ClientError as error:
                if code_of(error) != "NoSuchUpload":
                    raise

        await self.aws.run(end)


def bare(etag: str) -> str:
    """An ETag without its quotes."""
    return etag.strip('"')


def quoted(etag: str) -> str:
    """An ETag as headers want it."""
    return f'"{etag}"'


def _refusal(code: str, how_many: int) -> StoreError:
    """DeleteObjects answers 200 and hides what went wrong in the body."""
    what = f"DeleteObjects: {code} for {how_many} keys"
    return rule_of(code, 500 if code == "InternalError" else 400).error(what)
