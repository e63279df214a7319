"""
The multipart upload of a conversion's output: parts in any order, while ffmpeg is still writing the rest.

Blocking, thread-safe, and lazy: S3 hears of the upload when the first part is ready. Calls wait while the circuit is
open, because a conversion would be lost otherwise. Permissions: s3:PutObject, s3:AbortMultipartUpload,
s3:ListBucketMultipartUploads, and those of `completion`.
"""

import threading
from dataclasses import dataclass

from service.adapters.aws.clients import Aws
from service.adapters.s3.multipart import MultipartUploads
from service.adapters.s3.part_body import PartBody
from service.core.errors import StoreError
from service.core.upload import Part
from service.ports.objects import Stored
from service.telemetry import emit, events


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an object goes, and as what."""

    bucket: str
    key: str
    content_type: str


class OutputUpload:
    """One multipart upload to a key that no other process writes. Part numbers count from 1."""

    def __init__(self, aws: Aws, uploads: MultipartUploads, destination: Destination) -> None:
        self.destination = destination
        self._aws = aws
        self._uploads = uploads
        self._lock = threading.Lock()
        self._upload_id: str | None = None
        self._strays = False  # there may be uploads under the key whose creation was never answered
        self._completed = False
        self._parts: dict[int, Part] = {}  # by number

    @property
    def parts(self) -> int:
        """How many parts S3 has acknowledged."""
        return len(self._parts)

    def has(self, number: int) -> bool:
        """Whether S3 has acknowledged this part."""
        return number in self._parts

    @property
    def size(self) -> int:
        """The bytes in the acknowledged parts."""
        return sum(part.size for part in list(self._parts.values()))

    def send(self, number: int, body: PartBody) -> None:
        """Store one part; a part that is sent again replaces the earlier one. Raises `StoreError`."""
        key = self.destination.key
        upload_id = self._begin_once()
        part = self._aws.call_waiting_out_circuit(self._uploads.send, key, upload_id, number, body)
        self._parts[number] = part
        emit(events.S3_PART_STORED, bucket=self.destination.bucket, key=key, part=number, size=part.size)

    def complete(self) -> Stored:
        """Make the object exist. Safe to repeat. Raises `StoreError`."""
        key, parts = self.destination.key, [part for _, part in sorted(self._parts.items())]
        stored = self._aws.call_waiting_out_circuit(self._uploads.complete, key, self._begin_once(), parts)
        self._completed = True
        if self._strays:
            self.abandon()
        emit(events.S3_COMPLETED, bucket=self.destination.bucket, key=key, parts=len(parts), size=stored.size)
        return stored

    def abort(self) -> None:
        """
        Drop all parts; no error if there is no such upload (any more). Raises `StoreError`.

        If the answer to a creation got lost, there may be uploads that we never heard of: all under our key are ours.
        """
        key = self.destination.key
        unwanted = {self._upload_id} if self._upload_id and not self._completed else set()
        if self._strays:
            found = self._aws.call_waiting_out_circuit(self._uploads.list_open, key)
            unwanted |= {one.transfer for one in found if one.key == key}
        for upload_id in unwanted:
            self._aws.call_waiting_out_circuit(self._uploads.abort, key, upload_id)

    def abandon(self) -> None:
        """Abort where a failure can only be logged: the janitor removes what is left."""
        try:
            self.abort()
        except StoreError as error:
            emit(events.S3_LEFT_BEHIND, key=self.destination.key, reason=error.detail)

    def _begin_once(self) -> str:
        with self._lock:
            if self._upload_id is None:
                to, strays, self._strays = self.destination, self._strays, True
                begun = self._aws.call_waiting_out_circuit(self._uploads.begin, to.key, to.content_type)
                self._upload_id = begun.upload_id
                self._strays = strays or begun.repeated
            return self._upload_id
