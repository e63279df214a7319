"""
CompleteMultipartUpload, the request that makes an object of parts: one at a time, and its success is checked.

S3 may take minutes over it. A second request while the first one is still at work gets in its way: LocalStack was seen
to store nothing at all and to answer 200. So botocore repeats nothing here and waits longer for the answer, and after a
failure the object is looked for (HeadObject) before S3 is asked once more; after a read time-out, when S3 may still be
at work, it is not asked again. Whatever the answer was, an object counts only when it is there with all the bytes that
were sent.

Permissions: s3:PutObject, s3:GetObject (for the look).
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from service.adapters.aws.errors import rule_for
from service.adapters.s3.answers import bare, quoted, upload_has_ended
from service.core.backoff import S3_COMPLETION
from service.core.errors import Indefinite, ObjectGone, Unavailable
from service.core.upload import Part
from service.ports.objects import NotStored, Stored
from service.telemetry import emit, events

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

MAX_REPETITIONS = 3  # with the first request as many as botocore would make


@dataclass(frozen=True, slots=True)
class Completer:
    """`once` repeats nothing by itself (`aws.s3(repeats=False)`); `client` does, and is for what may be repeated."""

    once: "S3Client"
    client: "S3Client"
    wait: Callable[[float], object] = threading.Event().wait

    def complete(self, bucket: str, key: str, upload_id: str, parts: Sequence[Part]) -> Stored:
        """
        Make the object exist, on this thread. An upload that was completed before counts as success.

        No other process may write the key. Raises what botocore raises, for the caller to translate, and `Indefinite`
        if S3 says that it is done, but the object is not whole; removing that is for the caller, which knows whether it
        owns the object. Raises `NotStored` if it is not there: the caller knows whether it was removed on purpose.
        """
        size, attempt = sum(part.size for part in parts), 1
        while (error := self._ask(bucket, key, upload_id, parts, size)) is not None:
            if _may_be_there(error) and (found := self._look(bucket, key)) is not None:
                if found.size != size:
                    emit(events.S3_NOT_WHOLE, key=key, size=size, found=found.size)
                    raise error
                return found
            if attempt > MAX_REPETITIONS or not _worth_another(error):
                raise error
            self.wait(S3_COMPLETION.delay(attempt))
            attempt += 1
            emit(events.AWS_RETRIED, service="s3", operation="CompleteMultipartUpload", attempt=attempt)
        found = self._look(bucket, key)
        if found is None:
            raise NotStored(key, size)
        if found.size != size:
            emit(events.S3_NOT_WHOLE, key=key, size=size, found=found.size)
            raise Indefinite(f"S3 completed {key} with {found.size} instead of {size} bytes")
        return found

    def _ask(
        self, bucket: str, key: str, upload_id: str, parts: Sequence[Part], size: int
    ) -> ClientError | BotoCoreError | None:
        try:
            self.once.complete_multipart_upload(
                Bucket=bucket,
                Key=key,
                UploadId=upload_id,
                MultipartUpload={"Parts": [{"PartNumber": one.number, "ETag": quoted(one.etag)} for one in parts]},
                MpuObjectSize=size,
            )
        except (ClientError, BotoCoreError) as error:
            return error
        return None

    def _look(self, bucket: str, key: str) -> Stored | None:
        try:
            found = self.client.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if rule_for(error).error is ObjectGone:
                return None
            raise
        return Stored(key, found["ContentLength"], bare(found["ETag"]))


def _may_be_there(error: ClientError | BotoCoreError) -> bool:
    """Whether the object can exist although this was the answer."""
    return upload_has_ended(error) or issubclass(rule_for(error).error, Indefinite)


def _worth_another(error: ClientError | BotoCoreError) -> bool:
    return issubclass(rule_for(error).error, Indefinite | Unavailable) and not isinstance(error, ReadTimeoutError)
