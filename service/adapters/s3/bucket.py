"""One bucket: its clients and threads, and the requests about whole objects."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.adapters.aws.clients import Aws
from service.adapters.aws.errors import rule_of
from service.adapters.s3.answers import bare
from service.adapters.s3.completion import Completer
from service.adapters.s3.multipart import MultipartUploads
from service.core.errors import StoreError
from service.ports.objects import Stored, Unfinished

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

MAX_KEYS = 1000  # in one DeleteObjects


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where the bytes are, and the threads that talk to it. Every method raises `StoreError`."""

    aws: Aws
    client: "S3Client"
    completer: Completer
    name: str

    @property
    def multipart(self) -> MultipartUploads:
        """The requests of multipart uploads in this bucket."""
        return MultipartUploads(self.client, self.completer, self.name)

    async def head(self, key: str) -> Stored:
        """Return size and ETag. Raises `ObjectGone`."""
        answer = await self.aws.run(self.client.head_object, Bucket=self.name, Key=key)
        return Stored(key, answer["ContentLength"], bare(answer["ETag"]))

    async def keys(self, prefix: str) -> list[str]:
        """Return the keys of all objects under `prefix`."""

        def walk() -> list[str]:
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
            return [item["Key"] for page in pages for item in page.get("Contents", [])]

        return await self.aws.run(walk)

    async def survey(self, prefix: str, *, after: str, limit: int) -> list[Stored]:
        """Return a page of objects by key; see `ports.objects`."""
        before_all = after or prefix[:-1]  # an empty StartAfter is not something that S3 promises to understand
        answer = await self.aws.run(
            self.client.list_objects_v2, Bucket=self.name, Prefix=prefix, StartAfter=before_all, MaxKeys=limit
        )
        return [Stored(item["Key"], item["Size"], bare(item["ETag"])) for item in answer.get("Contents", [])]

    async def open_uploads(self, prefix: str) -> list[Unfinished]:
        """Return all multipart uploads under `prefix` that were begun and neither completed nor aborted."""
        return await self.aws.run(self.multipart.list_open, prefix)

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects, in batches; no error for those that do not exist."""
        for first in range(0, len(keys), MAX_KEYS):
            batch = keys[first : first + MAX_KEYS]
            answer = await self.aws.run(
                self.client.delete_objects,
                Bucket=self.name,
                Delete={"Objects": [{"Key": key} for key in batch], "Quiet": True},
            )
            if errors := answer.get("Errors"):
                raise _refusal(errors[0].get("Code", ""), len(errors))

    async def abort(self, key: str, upload_id: str) -> None:
        """End a multipart upload and drop its parts; no error if it ended already."""
        await self.aws.run(self.multipart.abort, key, upload_id)


def _refusal(code: str, how_many: int) -> StoreError:
    """DeleteObjects answers 200 and hides what went wrong in the body."""
    what = f"DeleteObjects: {code} for {how_many} keys"
    return rule_of(code, 500 if code == "InternalError" else 400).error(what)
