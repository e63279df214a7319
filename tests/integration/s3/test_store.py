from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from structlog.typing import EventDict

from service.adapters.aws.clients import Aws, AwsSettings
from service.adapters.s3.store import S3Objects
from service.adapters.system.ambient import SystemClock
from service.core.errors import Definite, Indefinite, StoreError
from service.testing.contracts.objects.store import ObjectStore, store
from service.testing.contracts.objects.suite import ObjectStoreContract
from tests.support.fixtures import on_both
from tests.support.s3_fixtures import behind, requests_of, what_is_left

KEY = "uploads/a/input"


@on_both
class TestS3Objects(ObjectStoreContract):
    @pytest.fixture
    def objects(self, s3_objects: S3Objects, request: pytest.FixtureRequest) -> S3Objects:
        if request.node.name == "test_objects_are_surveyed_page_by_page[localstack]":
            # LocalStack compares quoted keys, so that `é` comes before `b`; S3 goes by the bytes of UTF-8. It does
            # us no harm: two keys of ours differ in an id or a number, before the file name begins.
            request.applymarker(pytest.mark.xfail(reason="LocalStack sorts keys as they are quoted", strict=True))
        return s3_objects

    async def leave_unfinished(self, objects: ObjectStore, key: str) -> None:
        client, name = behind(objects)
        upload_id = client.create_multipart_upload(Bucket=name, Key=key)["UploadId"]
        client.upload_part(Bucket=name, Key=key, UploadId=upload_id, PartNumber=1, Body=b"left behind")

    async def unfinished(self, objects: ObjectStore) -> Sequence[str]:
        client, name = behind(objects)
        return [upload["Key"] for upload in client.list_multipart_uploads(Bucket=name).get("Uploads", [])]


async def test_deleting_more_than_a_thousand_objects_goes_in_batches(s3_objects: S3Objects) -> None:
    """DeleteObjects takes a thousand keys at most; more are deleted all the same."""
    seen = requests_of(s3_objects)
    await store(s3_objects, "uploads/last", b"x")

    await s3_objects.delete([f"uploads/{number}" for number in range(2000)] + ["uploads/last"])

    assert seen == ["PutObject", *["DeleteObjects"] * 3]
    assert await what_is_left(s3_objects) == []


@pytest.mark.parametrize(
    ("code", "error"), [("InternalError", Indefinite), ("SlowDown", StoreError), ("AccessDenied", Definite)]
)
async def test_delete_objects_error_inside_a_200_is_raised(
    s3_objects: S3Objects, monkeypatch: pytest.MonkeyPatch, code: str, error: type[StoreError]
) -> None:
    """DeleteObjects answers 200 even if it refused a key; that is an error all the same."""
    client, _ = behind(s3_objects)
    monkeypatch.setattr(client, "delete_objects", lambda **_: {"Errors": [{"Key": KEY, "Code": code}]})

    with pytest.raises(error):
        await s3_objects.delete([KEY])


async def test_deleting_a_prefix_is_logged(s3_objects: S3Objects, logs: list[EventDict]) -> None:
    """What was found and removed is logged; an empty sweep is not."""
    await store(s3_objects, KEY, b"x")
    for _ in range(2):
        await s3_objects.delete_prefix("uploads/a/")

    assert [entry for entry in logs if entry["event"] == "s3.swept"] == [
        {"event": "s3.swept", "log_level": "info", "prefix": "uploads/a/", "objects": 1, "uploads": 0}
    ]


async def test_presigned_download_works_as_signed(s3_objects: S3Objects) -> None:
    """The address delivers the bytes, whole or in ranges, with the name and type that were asked for."""
    await store(s3_objects, "results/a/1/x.mp3", b"0123456789")
    url = await s3_objects.download_url(
        "results/a/1/x.mp3", filename='Grüß"e.mp3', content_type="audio/mpeg", seconds=60
    )

    async with httpx.AsyncClient() as client:
        whole = await client.get(url)
        part = await client.get(url, headers={"Range": "bytes=2-4"})

    assert (whole.status_code, whole.content) == (200, b"0123456789")
    assert whole.headers["Content-Type"] == "audio/mpeg"
    assert "filename*=UTF-8''Gr%C3%BC%C3%9F%22e.mp3" in whole.headers["Content-Disposition"]
    assert (part.status_code, part.content) == (206, b"234")
    query = parse_qs(urlsplit(url).query)
    assert (query["X-Amz-Algorithm"], query["X-Amz-Expires"]) == (["AWS4-HMAC-SHA256"], ["60"])


async def test_presigned_download_is_for_the_public_endpoint(aws: Aws) -> None:
    """With a public endpoint the address names that one, and on AWS itself the bucket's own regional host."""

    async def url(**settings: Any) -> str:
        there = Aws(AwsSettings(table="t", bucket="some-bucket", access_key="a", secret_key="b", **settings))
        s3_objects = S3Objects(there, SystemClock())
        made = await s3_objects.download_url("results/x.mp3", filename="x.mp3", content_type="audio/mpeg", seconds=60)
        await s3_objects.aclose()
        there.close()
        return made.split("?", maxsplit=1)[0]

    public = await url(
        region="us-east-1",
        s3_endpoint=aws.settings.s3_endpoint,
        s3_public_endpoint="http://localhost:4566",
        path_style=True,
    )
    assert public == "http://localhost:4566/some-bucket/results/x.mp3"
    assert await url(region="eu-west-1") == "https://some-bucket.s3.eu-west-1.amazonaws.com/results/x.mp3"
