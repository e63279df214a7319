from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from service.adapters.s3.answers import field, part_was_replaced, upload_has_ended
from service.adapters.s3.completion import Completer
from service.adapters.s3.multipart import Begun, MultipartUploads
from service.core.errors import Indefinite
from service.core.upload import Part


def refusal(code: str, status: int = 400) -> ClientError:
    """What botocore raises when S3 refuses."""
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Operation")


class PagedS3:
    """Answers as told: pages of listings, and whatever an operation is to raise or return."""

    def __init__(
        self, *, pages: Sequence[dict[str, Any]] = (), answer: dict[str, Any] | Exception | None = None
    ) -> None:
        self._pages = pages
        self._answer = answer

    def get_paginator(self, operation: str) -> "PagedS3":
        return self

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        return iter(self._pages)

    def _answered(self, **_: Any) -> dict[str, Any]:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer or {}

    create_multipart_upload = upload_part = abort_multipart_upload = _answered


def uploads(s3: PagedS3) -> MultipartUploads:
    """The uploads of a bucket in this S3."""
    return MultipartUploads(s3, Completer(s3, s3), "b")  # type: ignore[arg-type]


def test_parts_are_listed_over_all_pages_by_number_and_with_bare_etags() -> None:
    """However S3 cuts and orders its pages, the parts come by number, their ETags without quotes."""
    pages = [
        {"Parts": [{"PartNumber": 3, "Size": 1, "ETag": '"c"'}]},
        {},
        {"Parts": [{"PartNumber": 1, "Size": 5, "ETag": '"a"'}]},
    ]

    assert uploads(PagedS3(pages=pages)).list_parts("k", "u") == [Part(1, 5, "a"), Part(3, 1, "c")]


def test_open_uploads_of_another_prefix_are_left_out() -> None:
    """A stand-in that ignores the prefix cannot make us abort the uploads of others."""
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    pages = [{"Uploads": [{"Key": key, "UploadId": "u", "Initiated": begun}]} for key in ("a/1", "b/1", "a/2")]

    assert [one.key for one in uploads(PagedS3(pages=pages)).list_open("a/")] == ["a/1", "a/2"]


@pytest.mark.parametrize("code", ["NoSuchUpload", "404"])
def test_aborting_an_upload_that_has_ended_is_no_error(code: str) -> None:
    """An abort may be repeated: that there is no such upload any more is what it wants."""
    uploads(PagedS3(answer=refusal(code, 404))).abort("k", "u")


def test_aborting_an_upload_that_may_not_be_aborted_is_an_error() -> None:
    """Any other refusal of an abort is passed on."""
    with pytest.raises(ClientError, match="AccessDenied"):
        uploads(PagedS3(answer=refusal("AccessDenied", 403))).abort("k", "u")


@pytest.mark.parametrize(("repetitions", "repeated"), [(0, False), (2, True)])
def test_beginning_tells_whether_botocore_asked_more_than_once(repetitions: int, repeated: bool) -> None:
    """After a repeated request there may be a second upload, which only a listing finds."""
    answer = {"UploadId": "u", "ResponseMetadata": {"RetryAttempts": repetitions}}

    assert uploads(PagedS3(answer=answer)).begin("k", "audio/x") == Begun("u", repeated)


def test_half_an_answer_is_an_indefinite_error() -> None:
    """An answer whose head broke off, so that a field is missing, says nothing about the effect."""
    with pytest.raises(Indefinite, match="UploadId"):
        uploads(PagedS3(answer={})).begin("k", "audio/x")
    with pytest.raises(Indefinite, match="ETag"):
        uploads(PagedS3(answer={})).send("k", "u", 1, b"x")
    assert field({"ETag": "x"}, "ETag") == "x"


def test_refusals_of_uploads_are_told_apart() -> None:
    """Ended uploads, replaced parts and everything else are three different things."""
    codes = ["NoSuchUpload", "404", "InvalidPart", "InvalidPartOrder", "EntityTooSmall", "AccessDenied", "SlowDown"]

    assert [code for code in codes if upload_has_ended(refusal(code))] == codes[:2]
    assert [code for code in codes if part_was_replaced(refusal(code))] == codes[2:5]
    assert not upload_has_ended(OSError("404"))
