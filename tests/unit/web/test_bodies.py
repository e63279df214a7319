"""No body makes a 5xx: whatever is sent to whichever address takes one."""

import asyncio
import json
from collections.abc import Iterator
from functools import cache

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar import Litestar
from litestar.routes import HTTPRoute

from tests.support.bodies import BODIES
from tests.unit.web.asgi import Call
from tests.unit.web.conftest import JOB, UPLOAD, World, client_of

TYPES = ("application/json", "application/octet-stream", "multipart/form-data; boundary=b", "text/plain", "\xff")


def addresses() -> Iterator[tuple[str, str]]:
    """Every method and path that takes a body, ids and keys filled in."""
    for route in World().app.routes:
        if isinstance(route, HTTPRoute):
            for method in route.methods - {"GET", "HEAD", "OPTIONS"}:
                path = route.path_format.replace("{upload_id}", UPLOAD).replace("{job_id}", JOB)
                yield str(method), f"{path.replace('{part_number}', '1')}?key=uploads/{UPLOAD}/input"


ADDRESSES = sorted(addresses())


@cache
def one_app(_: str) -> Litestar:
    """An application with one upload and one job, for all examples of one purpose."""
    world = World()
    world.upload()
    world.succeeded()
    return world.app


async def worst(
    client: httpx.AsyncClient, body: bytes, kinds: tuple[str, ...] = TYPES
) -> list[tuple[str, str, str, int]]:
    """Send a body to every address under every type, and return what was no clean answer."""
    found = []
    for method, path in ADDRESSES:
        for kind in kinds:
            answer = await client.request(
                method, path, content=body, headers=[(b"content-type", kind.encode("latin-1"))]
            )
            if answer.status_code >= 500 or (answer.status_code >= 400 and "code" not in answer.json()):
                found.append((method, path, kind, answer.status_code))
    return found


def test_every_address_that_takes_a_body_is_known() -> None:
    """The addresses below are all there are: one that is added is tried with every body as well."""
    assert len(ADDRESSES) >= 9
    assert ("POST", f"/v1/jobs?key=uploads/{UPLOAD}/input") in ADDRESSES


@pytest.mark.requirement("8.3")
@pytest.mark.parametrize("name", BODIES)
async def test_no_odd_body_makes_a_5xx(name: str) -> None:
    """JSON that is deep, huge, broken or binary gets a refusal of class 4xx at every address that takes a body."""
    async with client_of(one_app("bodies")) as client:
        assert await worst(client, BODIES[name]) == []


NAMES = st.sampled_from(["upload_id", "format", "options", "quality", "size", "parts", "metadata"]) | st.text()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner),
    max_leaves=20,
)


def spelled(value: object) -> bytes:
    """Write a value as JSON, and what JSON cannot say as it comes."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


@settings(max_examples=30, deadline=None)
@given(body=st.binary(max_size=200) | JSON.map(spelled))
def test_no_generated_body_makes_a_5xx(body: bytes) -> None:
    """Bytes and JSON of any shape, also nearly valid ones, make no 5xx at any address."""

    async def send() -> list[tuple[str, str, str, int]]:
        async with client_of(one_app("bodies")) as client:
            return await worst(client, body, TYPES[:1])

    assert asyncio.run(send()) == []


async def test_client_gone_in_a_json_body_is_no_mistake_of_ours(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """A connection that ends in the middle of JSON is the client's affair: nothing is logged as unexpected."""
    for path in ("/v1/jobs", "/v1/s3/multipart", f"/v1/s3/multipart/{UPLOAD}/complete?key=k"):
        call = Call(world.app, "POST", path, {"content-length": "100", "content-type": "application/json"})
        task = asyncio.create_task(call.run())
        await call.send_body(b'{"upload_id', more=True)
        call.disconnect()
        await task
        assert (call.status, call.json()["code"]) == (400, "upload_incomplete")
    assert "service.unexpected" not in capsys.readouterr().out


HEADERS = (
    *("Accept", "Access-Control-Request-Method", "Authorization", "Connection", "Content-Disposition", "Content-Type"),
    *("Cookie", "Expect", "Host", "Idempotency-Key", "If-Match", "If-None-Match", "If-Range", "Last-Event-ID"),
    *("Origin", "Range", "X-API-Key", "X-Forwarded-Host", "X-Request-Id"),
)
VALUES = (
    *(b"\xff\xfe", b"a" * 8000, b'"', b";=," * 500, b"bytes=-9" + b"9" * 400, b"1e999", b"http://[", b"a;b=c==;%00"),
    *(b"multipart/form-data; boundary=" + b"b" * 500, b"filename*=x''%ff"),
)


@pytest.mark.parametrize("name", HEADERS)
async def test_no_odd_header_makes_a_5xx(name: str) -> None:
    """A header of any kind that is binary, long or no such thing is ignored or refused, and never a 5xx."""
    asked = (
        *(("GET", f"/v1/jobs/{JOB}/events"), ("GET", f"/v1/jobs/{JOB}/download?via=proxy")),
        *(("POST", "/v1/uploads"), ("OPTIONS", "/v1/jobs")),
    )
    found = []
    async with client_of(one_app("headers")) as client:
        for value in VALUES:
            for method, path in asked:
                answer = await client.request(method, path, headers=[(name.encode(), value)])
                if answer.status_code >= 500:
                    found.append((value, method, path, answer.status_code))

    assert found == []
