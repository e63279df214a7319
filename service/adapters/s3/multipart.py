"""
An S3 object that is sent in parts, in any order, and becomes visible only when it is complete.

Blocking, thread-safe, and lazy: S3 hears of the upload when the first part is ready. Completing may be repeated: if an
answer got lost on the way, the object itself tells whether it came about. Permissions: s3:PutObject,
s3:AbortMultipartUpload, s3:ListBucketMultipartUploads, and those of `completion`.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, cast

from service.adapters.aws.clients import Aws
from service.adapters.s3.completion import Completer
from service.adapters.s3.part_body import PartBody
from service.core.errors import Definite, Indefinite, StoreError
from service.core.upload import Part
from service.ports.objects import Stored
from service.telemetry import emit, events

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an object goes, and as what."""

    bucket: str
    key: str
    content_type: str


class Multipart:
    """One multipart upload. Part numbers count from 1."""

    def __init__(self, aws: Aws, s3: "S3Client", destination: Destination, completer: Completer) -> None:
        self.destination = destination
        self._completer = completer
        self._aws = aws
        self._s3 = s3
        self._lock = threading.Lock()
        self._upload_id: str | None = None
        self._strays = False  # there may be uploads whose creation was never answered
        self._completed = False
        self._parts: dict[int, tuple[str, int]] = {}  # number → (etag, size)

    @property
    def parts(self) -> int:
        """How many parts S3 has acknowledged."""
        return len(self._parts)

    def has(self, number: int) -> bool:
        """Whether S3 has acknowledged this part."""
        return number in self._parts

    @property
    def size(self) -> int:
        """The bytes in them."""
        return sum(size for _, size in list(self._parts.values()))

    def send(self, number: int, body: PartBody) -> None:
        """Store one part; a part that is sent again replaces the earlier one. Raises `StoreError`."""
        to = self.destination
        answer = self._aws.patiently(
            self._s3.upload_part,
            Bucket=to.bucket,
            Key=to.key,
            UploadId=self._begun(),
            PartNumber=number,
            # A file, and no bytes-like object: that would go out in a single call to sendall(), and all of it would
            # have to pass within the *connect* time-out, under which urllib3 sends.
            Body=cast("IO[bytes]", body),
        )
        self._parts[number] = (_said(answer, "ETag"), len(body))
        emit(events.S3_PART_STORED, key=to.key, part=number, size=len(body))

    def complete(self) -> Stored:
        """Make the object exist. Safe to repeat. Raises `StoreError`."""
        to = self.destination
        parts = [Part(number, size, etag.strip('"')) for number, (etag, size) in sorted(self._parts.items())]
        stored = self._aws.patiently(self._completer.complete, to.bucket, to.key, self._begun(), parts)
        self._completed = True
        if self._strays:
            self.abandon()
        emit(events.S3_COMPLETED, key=to.key, parts=len(parts), size=stored.size)
        return stored

    def abort(self) -> None:
        """
        Forget all parts; no error if there is no such upload (any more). Raises `StoreError`.

        If the answer to its creation got lost, there may be uploads that we never heard of: all under our key are ours.
        """
        to = self.destination
        unwanted = {self._upload_id} if self._upload_id and not self._completed else set()
        if self._strays:
            answer = self._aws.patiently(self._s3.list_multipart_uploads, Bucket=to.bucket, Prefix=to.key)
            unwanted |= {one["UploadId"] for one in answer.get("Uploads", []) if one["Key"] == to.key}
        for upload_id in unwanted:
            try:
                self._aws.patiently(self._s3.abort_multipart_upload, Bucket=to.bucket, Key=to.key, UploadId=upload_id)
            except Definite as error:
                if not _no_such_upload(error):
                    raise

    def abandon(self) -> None:
        """The same for one who can do nothing about it any more: what could not be forgotten is only logged."""
        try:
            self.abort()
        except StoreError as error:
            emit(events.S3_LEFT_BEHIND, key=self.destination.key, reason=error.detail)

    def _begun(self) -> str:
        with self._lock:
            if self._upload_id is None:
                to, strays, self._strays = self.destination, self._strays, True
                answer = self._aws.patiently(
                    self._s3.create_multipart_upload, Bucket=to.bucket, Key=to.key, ContentType=to.content_type
                )
                self._upload_id = _said(answer, "UploadId")
                self._strays = strays or answer["ResponseMetadata"].get("RetryAttempts", 0) > 0
            return self._upload_id


def _said(answer: Mapping[str, Any], name: str) -> str:
    """A field that an answer always has, unless the connection broke in the middle of its head."""
    if name not in answer:
        raise Indefinite(f"half an answer, without {name}")
    return str(answer[name])


def _no_such_upload(error: Definite) -> bool:
    return error.detail.endswith((": NoSuchUpload", ": 404"))
