"""
The requests of a multipart upload: begin, send a part, list the parts, complete, abort, list what is open.

Three flows use them, and each says itself what a failure means for it: `receiving` takes in a stream of unknown length,
`client_uploads` serves clients that send parts themselves, `output_upload` stores what ffmpeg has written.

Blocking. Raises what botocore raises, for `Aws` to translate; `answers` tells the refusals apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, NamedTuple, cast

from botocore.exceptions import ClientError

from service.adapters.s3.answers import bare, field, upload_has_ended
from service.adapters.s3.completion import Completer
from service.adapters.s3.part_body import PartBody
from service.core.upload import Part
from service.ports.objects import Stored, Unfinished

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client


class Begun(NamedTuple):
    """
    A new upload.

    `repeated`: S3 was asked more than once, so it may have begun another one that nothing refers to.
    """

    upload_id: str
    repeated: bool


@dataclass(frozen=True, slots=True)
class MultipartUploads:
    """The multipart uploads of one bucket. Thread-safe; the upload id is S3's name for an upload."""

    client: "S3Client"
    completer: Completer
    bucket: str

    def begin(self, key: str, content_type: str) -> Begun:
        """Begin an upload. If the answer gets lost there is one all the same: `list_open` finds it."""
        answer = self.client.create_multipart_upload(Bucket=self.bucket, Key=key, ContentType=content_type)
        repetitions = answer.get("ResponseMetadata", {}).get("RetryAttempts", 0)
        return Begun(field(answer, "UploadId"), repeated=repetitions > 0)

    def send(self, key: str, upload_id: str, number: int, body: bytes | bytearray | PartBody) -> Part:
        """
        Store one part (numbers count from 1); one that is sent again replaces the earlier one.

        Large parts should be a `PartBody`: a bytes-like object goes out in a single call to sendall(), and all of it
        has to pass within the *connect* time-out, under which urllib3 sends.
        """
        size = len(body)
        answer = self.client.upload_part(
            Bucket=self.bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=cast("IO[bytes]", body)
        )
        return Part(number, size, bare(field(answer, "ETag")))

    def list_parts(self, key: str, upload_id: str) -> list[Part]:
        """Return the parts that have arrived, by number."""
        pages = self.client.get_paginator("list_parts").paginate(Bucket=self.bucket, Key=key, UploadId=upload_id)
        found = [
            Part(item["PartNumber"], item["Size"], bare(item["ETag"]))
            for page in pages
            for item in page.get("Parts", [])
        ]
        return sorted(found, key=lambda part: part.number)

    def complete(self, key: str, upload_id: str, parts: Sequence[Part]) -> Stored:
        """Make the object exist, see `Completer.complete`. Safe to repeat."""
        return self.completer.complete(self.bucket, key, upload_id, parts)

    def abort(self, key: str, upload_id: str) -> None:
        """End an upload and drop its parts; no error if it has ended already."""
        try:
            self.client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id)
        except ClientError as error:
            if not upload_has_ended(error):
                raise

    def list_open(self, prefix: str) -> list[Unfinished]:
        """Return all uploads under `prefix` that were begun and neither completed nor aborted."""
        pages = self.client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=prefix)
        found: list[dict[str, Any]] = [
            cast("dict[str, Any]", item) for page in pages for item in page.get("Uploads", [])
        ]
        # Not every stand-in of S3 heeds the prefix, and aborting the upload of another key would lose its bytes.
        return [
            Unfinished(item["Key"], item["UploadId"], item["Initiated"].timestamp())
            for item in found
            if item["Key"].startswith(prefix)
        ]
