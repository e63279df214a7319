"""
What pages of an allowed origin, and of any other, can do: in a real browser, on LocalStack's S3 and on the service.

LocalStack needs no setting for this: for S3 it has no rule of its own, those of the bucket decide. The bucket without
rules, which even the allowed page cannot use, is here to show it.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page

from service.adapters.aws.clients import Aws, AwsSettings
from service.adapters.s3.provision import create_bucket
from service.adapters.s3.store import S3Objects
from service.adapters.system.ambient import SystemClock
from service.ports.objects import Form
from tests.support.browser import Site, browser_or_skip, chromium, site, visit
from tests.support.cluster import a_cluster
from tests.support.containers import Container, endpoint_of
from tests.support.docker import one_worker

ALLOWED, FOREIGN = "audio", "evil"
BYTES = b"0123456789"
KEY, RESULT = "uploads/browser/input", "results/browser/1/song.mp3"
SCRIPT = b"""
globalThis.ask = async (url, { method = "GET", headers = {}, body = undefined, form = undefined }, shown) => {
  if (form) {
    const data = new FormData();
    for (const [name, value] of Object.entries(form)) data.set(name, value);
    data.set("file", new Blob([body]));
    body = data;
  }
  try {
    const answer = await fetch(url, { method, headers, body });
    const visible = Object.fromEntries(shown.map((name) => [name, answer.headers.get(name)]));
    return { status: answer.status, headers: visible, text: await answer.text() };
  } catch (error) {
    return { error: String(error) };
  }
};
"""


@dataclass(frozen=True, slots=True)
class Signed:
    """Addresses in one bucket, as clients get them."""

    part: str
    form: Form
    download: str


@pytest.fixture
def endpoint(request: pytest.FixtureRequest) -> str:
    """The run's LocalStack, which is not started where there is no browser."""
    browser_or_skip()
    container: Container = request.getfixturevalue("localstack")
    return endpoint_of(container)


@contextmanager
def a_bucket(endpoint: str, name: str, origins: list[str]) -> Iterator[tuple[Aws, Signed]]:
    """A bucket as the service makes it, with one result in it, and addresses as the service signs them."""
    aws = Aws(
        AwsSettings(
            region="us-east-1",
            bucket=name,
            table="none",
            s3_endpoint=endpoint,
            access_key="test",
            secret_key="test",
            path_style=True,
        ),
        threads=1,
    )
    client = aws.s3()
    create_bucket(client, name, region="us-east-1", origins=origins)
    client.put_object(Bucket=name, Key=RESULT, Body=BYTES)

    async def sign() -> Signed:
        objects = S3Objects(aws, SystemClock())
        transfer = await objects.begin_parts(KEY)
        signed = Signed(
            await objects.part_url(KEY, transfer, 1, seconds=300),
            await objects.upload_form(KEY, least=1, most=100, seconds=300),
            await objects.download_url(RESULT, filename="Lied.mp3", content_type="audio/mpeg", seconds=300),
        )
        await objects.aclose()
        return signed

    try:
        yield aws, asyncio.run(sign())
    finally:
        client.close()
        aws.close()


def parts_in(aws: Aws) -> int:
    """How many parts have arrived in the bucket's one transfer."""
    client = aws.s3()
    [transfer] = client.list_multipart_uploads(Bucket=aws.settings.bucket)["Uploads"]
    parts = client.list_parts(Bucket=aws.settings.bucket, Key=KEY, UploadId=transfer["UploadId"]).get("Parts", [])
    client.close()
    return len(parts)


def ask(page: Page, url: str, *shown: str, **how: object) -> dict[str, Any]:
    """What a script of the page gets to see."""
    seen: dict[str, Any] = page.evaluate("([url, how, shown]) => ask(url, how, shown)", [url, how, list(shown)])
    return seen


@contextmanager
def a_page(here: Site, name: str) -> Iterator[Page]:
    """A page of this origin in a browser."""
    with chromium() as browser, visit(browser, here.origin(name)) as page:
        yield page


@one_worker
@pytest.mark.requirement("3.2")
def test_the_allowed_origin_uses_the_bucket(endpoint: str) -> None:
    """Pages of an allowed origin PUT a part, send a form, read the ETag, and download with Range from the bucket."""
    text = BYTES.decode()
    with site(SCRIPT) as here, a_bucket(endpoint, "for-audio", [here.origin(ALLOWED)]) as (aws, signed):
        with a_page(here, ALLOWED) as page:
            part = ask(page, signed.part, "ETag", method="PUT", body=text)
            form = ask(page, signed.form.url, "ETag", "Location", method="POST", body=text, form=signed.form.fields)
            ranged = ask(
                page, signed.download, "Content-Range", "Content-Length", "ETag", "Content-Disposition",
                headers={"Range": "bytes=2-4"},
            )  # fmt: skip
        assert (part["status"], len(part["headers"]["ETag"].strip('"'))) == (200, 32)
        assert parts_in(aws) == 1
        assert (form["status"], form["headers"]["ETag"]) == (201, part["headers"]["ETag"])
        assert form["headers"]["Location"].endswith(KEY)
        assert (ranged["status"], ranged["text"]) == (206, text[2:5])
        assert ranged["headers"]["Content-Range"] == f"bytes 2-4/{len(text)}"
        assert ranged["headers"]["Content-Length"] == "3"
        assert ranged["headers"]["ETag"] == part["headers"]["ETag"]
        assert "Lied.mp3" in ranged["headers"]["Content-Disposition"]


@one_worker
@pytest.mark.requirement("3.2", "3.3")
@pytest.mark.parametrize(("visitor", "rules"), [(FOREIGN, True), (ALLOWED, False)], ids=["foreign", "no-rules"])
def test_no_other_origin_uses_the_bucket(endpoint: str, visitor: str, *, rules: bool) -> None:
    """A page of another origin sends no part and reads nothing, and neither does any page without CORS rules."""
    text = BYTES.decode()
    with site(SCRIPT) as here:
        origins = [here.origin(ALLOWED)] if rules else []
        with a_bucket(endpoint, f"not-for-{visitor}", origins) as (aws, signed), a_page(here, visitor) as page:
            part = ask(page, signed.part, "ETag", method="PUT", body=text)
            form = ask(page, signed.form.url, "ETag", method="POST", body=text, form=signed.form.fields)
            ranged = ask(page, signed.download, "Content-Range", headers={"Range": "bytes=2-4"})
            assert [set(seen) for seen in (part, form, ranged)] == [{"error"}] * 3
            assert parts_in(aws) == 0
            assert httpx.get(signed.download).content == BYTES  # the address itself works


@one_worker
@pytest.mark.requirement("3.2")
def test_s3_form_takes_one_file_of_its_key_size_and_type(endpoint: str) -> None:
    """S3 takes one file of the allowed size and type under its key by a form, and nothing else."""
    with a_bucket(endpoint, "forms", []) as (aws, signed):
        fields = dict(signed.form.fields)
        file = {"file": ("blob", BYTES)}
        long = httpx.post(signed.form.url, data=fields, files={"file": ("blob", bytes(101))})
        typed = httpx.post(signed.form.url, data={**fields, "Content-Type": "text/html"}, files=file)
        moved = httpx.post(signed.form.url, data={**fields, "key": RESULT}, files=file)
        assert [answer.status_code for answer in (long, typed, moved)] == [400, 403, 403]
        client = aws.s3()
        assert [item["Key"] for item in client.list_objects_v2(Bucket="forms")["Contents"]] == [RESULT]
        good = httpx.post(signed.form.url, data=fields, files=file)
        assert good.status_code == 201
        assert client.head_object(Bucket="forms", Key=KEY)["ContentType"] == "application/octet-stream"
        client.close()


@pytest.mark.requirement("3.2")
def test_the_service_lets_in_its_origins_alone(embedded_stack: Mapping[str, str]) -> None:
    """A page of an allowed origin calls the API and reads its headers; of another one it sends and reads nothing."""
    browser_or_skip()
    new = {"method": "POST", "headers": {"Content-Type": "application/json"}, "body": '{"filename": "a.wav"}'}
    with (
        site(SCRIPT) as here,
        a_cluster(embedded_stack, extra={"REPRISE_CORS_ORIGINS": here.origin(ALLOWED)}) as cluster,
    ):
        address = cluster.start().address
        with a_page(here, ALLOWED) as page:
            read = ask(page, f"{address}/v1/status", "X-Request-Id")
            begun = ask(page, f"{address}/v1/s3/multipart", "Location", "Retry-After", **new)
        assert read["status"] == begun["status"] == 200
        assert read["headers"]["X-Request-Id"]
        assert begun["headers"]["Location"].startswith("/v1/uploads/")
        assert len(cluster.left_in_s3()[1]) == 1
        with a_page(here, FOREIGN) as page:
            assert set(ask(page, f"{address}/v1/status")) == {"error"}
            assert set(ask(page, f"{address}/v1/s3/multipart", **new)) == {"error"}
        assert len(cluster.left_in_s3()[1]) == 1
