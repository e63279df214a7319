"""A converted file: its tail is in S3 already, its head still here; no reader can see it before it is published."""

import os
import threading
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, cast

from service.adapters.aws.clients import Aws
from service.adapters.ffmpeg.output.window import Window
from service.adapters.s3.answers import bare
from service.adapters.s3.output_upload import OutputUpload
from service.adapters.s3.part_body import Buffers, PartBody
from service.core.errors import Definite, StoreError
from service.ports.objects import Stored
from service.telemetry import emit, events

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client


class WindowDraft:
    """`ports.Draft` over a window (which it owns from now on) and the multipart upload of its tail."""

    def __init__(
        self, aws: Aws, s3: "S3Client", window: Window, upload: OutputUpload, facts: Mapping[str, object]
    ) -> None:
        self._aws = aws
        self._s3 = s3
        self._window = window
        self._upload = upload
        self._facts = facts
        self._size = window.size()
        self._lock = threading.Lock()  # a publication that was cancelled goes on in its thread; discarding waits for it
        self._stored: Stored | None = None
        self._maybe_stored = False  # the object may exist
        self._closed = False

    @property
    def facts(self) -> Mapping[str, object]:
        return self._facts

    async def publish(self) -> Stored:
        return await self._aws.run_unguarded(self._publish)

    async def discard(self) -> None:
        await self._aws.run_unguarded(self.discard_now)

    def discard_now(self) -> None:
        """Discard on this thread."""
        with self._lock:
            to = self._upload.destination
            self._upload.abandon()
            if self._maybe_stored:
                try:
                    self._aws.call_waiting_out_circuit(self._s3.delete_object, Bucket=to.bucket, Key=to.key)
                except StoreError as error:
                    emit(events.S3_LEFT_BEHIND, key=to.key, reason=error.detail)
            self._stored = None
            self._close_window()

    def _publish(self) -> Stored:
        with self._lock:
            if self._stored is None:
                if self._closed:
                    raise Definite("the draft was discarded")
                buffers = Buffers(1, self._window.part_size)
                with buffers.borrow() as buffer, self._window.head(buffer) as data, PartBody(data) as head:
                    self._stored = self._store(head)
                buffers.close()
                self._close_window()
            return self._stored

    def _store(self, head: PartBody) -> Stored:
        self._maybe_stored = True
        if self._size <= self._window.part_size:
            return self._put(head)
        # Skip part 1 once S3 has it: CompleteMultipartUpload may have succeeded, and then the upload id is invalid.
        if not self._upload.has(1):
            self._upload.send(1, head)
        return self._upload.complete()

    def _put(self, body: PartBody) -> Stored:
        to = self._upload.destination
        answer = self._aws.call_waiting_out_circuit(
            self._s3.put_object, Bucket=to.bucket, Key=to.key, Body=cast("IO[bytes]", body), ContentType=to.content_type
        )
        emit(events.S3_COMPLETED, bucket=to.bucket, key=to.key, parts=1, size=len(body))
        return Stored(to.key, len(body), bare(answer["ETag"]))

    def _close_window(self) -> None:
        if not self._closed:
            self._closed = True
            os.close(self._window.fd)
