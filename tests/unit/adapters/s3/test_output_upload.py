import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from service.adapters.aws.clients import Aws
from service.adapters.s3.completion import Completer
from service.adapters.s3.multipart import MultipartUploads
from service.adapters.s3.output_upload import Destination, OutputUpload
from service.adapters.s3.part_body import PartBody
from service.core.errors import Definite, Indefinite


class MemoryS3:
    """As much of S3's multipart uploads as is needed here, with answers that can get lost."""

    def __init__(self) -> None:
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.objects: dict[str, bytes] = {}
        self.lost: set[str] = set()  # operations whose next answer does not come
        self._numbers = itertools.count(1)

    def create_multipart_upload(self, *, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        upload = f"{Key}:{next(self._numbers)}"
        self.uploads[upload] = {}
        return self._answer("create", {"UploadId": upload, "ResponseMetadata": {}})

    def upload_part(self, *, UploadId: str, PartNumber: int, Body: PartBody, **_: Any) -> dict[str, Any]:  # noqa: N803
        self.uploads[UploadId][PartNumber] = Body.read() or b""
        return self._answer("part", {"ETag": f'"{PartNumber}"'})

    def complete_multipart_upload(
        self, *, Key: str, UploadId: str, MultipartUpload: Any, **_: Any  # noqa: N803
    ) -> dict[str, Any]:  # fmt: skip
        if UploadId not in self.uploads:
            raise no_such_upload()
        parts = self.uploads.pop(UploadId)
        self.objects[Key] = b"".join(parts[part["PartNumber"]] for part in MultipartUpload["Parts"])
        return self._answer("complete", {})

    def abort_multipart_upload(self, *, UploadId: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        if self.uploads.pop(UploadId, None) is None:
            raise no_such_upload()
        return {}

    def get_paginator(self, operation: str) -> "MemoryS3":
        assert operation == "list_multipart_uploads"
        return self

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        """Each upload on a page of its own, whatever its key: not every stand-in of S3 heeds the prefix."""
        for upload in list(self.uploads):
            begun = datetime(2026, 1, 1, tzinfo=UTC)
            yield {"Uploads": [{"Key": upload.split(":")[0], "UploadId": upload, "Initiated": begun}]}

    def head_object(self, *, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "404"}}, "HeadObject")
        return {"ContentLength": len(self.objects[Key]), "ETag": '"x"'}

    def _answer(self, operation: str, answer: dict[str, Any]) -> dict[str, Any]:
        if operation in self.lost:
            self.lost.discard(operation)
            raise ReadTimeoutError(endpoint_url="s3")
        return answer


def no_such_upload() -> ClientError:
    """What S3 says about an upload that was completed or aborted."""
    answer: Any = {"Error": {"Code": "NoSuchUpload"}, "ResponseMetadata": {"HTTPStatusCode": 404}}
    return ClientError(answer, "CompleteMultipartUpload")


def body(data: bytes) -> PartBody:
    """A part with these bytes."""
    return PartBody(memoryview(data))


def output_upload(s3: MemoryS3) -> OutputUpload:
    """An upload to the key `k`."""
    uploads = MultipartUploads(s3, Completer(s3, s3), "b")  # type: ignore[arg-type]
    return OutputUpload(Aws.__new__(Aws), uploads, Destination("b", "k", "audio/x"))


def test_output_upload_is_begun_with_its_first_part() -> None:
    """An upload that never had a part has nothing to abort either."""
    s3 = MemoryS3()
    output_upload(s3).abort()
    assert s3.uploads == {}


def test_output_parts_may_come_in_any_order() -> None:
    """The object is the parts by their numbers, and the head, which has the first, may be the last."""
    s3 = MemoryS3()
    one = output_upload(s3)
    for number, data in ((3, b"c"), (2, b"b"), (1, b"a")):
        one.send(number, body(data))
    stored = one.complete()
    assert (s3.objects["k"], stored.size, stored.etag) == (b"abc", 3, "x")


def test_completing_an_output_twice_gives_the_same_object() -> None:
    """A second completion, or one whose first answer got lost, finds the object and is content."""
    s3 = MemoryS3()
    one = output_upload(s3)
    one.send(1, body(b"a"))
    one.send(2, body(b"b"))
    s3.lost = {"complete"}
    assert one.complete() == one.complete()


@pytest.mark.parametrize("there", [None, b"abc"])
def test_completing_an_output_that_is_not_there_fails(there: bytes | None) -> None:
    """If there is no object, or another one, the error stays an error."""
    s3 = MemoryS3()
    one = output_upload(s3)
    one.send(1, body(b"a"))
    one.send(2, body(b"b"))
    s3.uploads.clear()
    if there is not None:
        s3.objects["k"] = there
    with pytest.raises(Definite, match="NoSuchUpload"):
        one.complete()


def test_aborting_finds_uploads_whose_creation_was_never_answered() -> None:
    """All uploads under the key are ours, also those that we never heard of; those under other keys are not touched."""
    s3 = MemoryS3()
    s3.uploads["k2:9"] = {}
    one = output_upload(s3)
    s3.lost = {"create"}
    with pytest.raises(Indefinite):
        one.send(1, body(b"a"))
    one.send(1, body(b"a"))
    assert len(s3.uploads) == 3
    one.abort()
    one.abort()
    assert list(s3.uploads) == ["k2:9"]
