"""Uploads in parts over a real S3 interface: parts put straight to presigned URLs, and a connection that is cut."""

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn

from service.adapters.aws.clients import Aws
from service.adapters.dynamodb.store import DynamoJobs
from service.adapters.s3.provision import create_bucket
from service.adapters.s3.store import S3Objects
from service.adapters.system.ambient import SystemClock, SystemIds
from service.application.config import ServiceConfig
from service.application.context import ServiceContext
from service.core.upload import MIN_PART_SIZE
from service.testing.memory_hints import MemoryBoard, MemoryWakeups
from service.testing.sniffer import DirectSniffer
from service.web.app import create_app
from tests.support.fixtures import on_both
from tests.support.s3_fixtures import behind, what_is_left
from tests.unit.web.conftest import wav

pytestmark = on_both

ORIGIN, FOREIGN = "https://audio.example", "https://evil.example"
LIMIT = 16 * 1024 * 1024
PATIENCE = 20.0
SONG = wav(400)
CUT = MIN_PART_SIZE


@dataclass
class Served:
    """A running server, and the store behind it."""

    port: int
    objects: S3Objects
    http: httpx.AsyncClient


@pytest.fixture
async def served(aws: Aws, s3_objects: S3Objects) -> AsyncIterator[Served]:
    """The application over S3 and DynamoDB, on a port of its own."""
    client, bucket = behind(s3_objects)
    create_bucket(client, bucket, region="us-east-1", origins=[ORIGIN])
    clock, ids = SystemClock(), SystemIds()
    jobs = DynamoJobs(aws, clock, ids)

    async def checks() -> dict[str, str]:
        return {}

    context = ServiceContext(
        config=ServiceConfig(max_upload_bytes=LIMIT),
        jobs=jobs,
        uploads=jobs,
        objects=s3_objects,
        sniffer=DirectSniffer(),
        board=MemoryBoard(),
        wakeups=MemoryWakeups(clock),
        clock=clock,
        ids=ids,
        checks=checks,
    )
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    app = create_app(context)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as http:
        yield Served(port, s3_objects, http)
    server.should_exit = True
    await asyncio.wait_for(task, PATIENCE)
    listener.close()


async def begun(served: Served, **fields: object) -> dict[str, Any]:
    """A fresh upload."""
    answer = await served.http.post("/v1/s3/multipart", json={"filename": "a.wav", "type": "audio/wav", **fields})
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def exposed(answer: httpx.Response) -> str:
    """The headers that a page may read."""
    return answer.headers["access-control-expose-headers"].lower()


async def stored(served: Served, upload: dict[str, Any]) -> bytes:
    """What became of it in S3."""
    head = await served.objects.head(upload["key"])
    chunks = served.objects.read(head.key, etag=head.etag, start=0, stop=head.size)
    return b"".join([chunk async for chunk in chunks])


@pytest.mark.requirement("1.1", "3.2", "6.1")
async def test_a_browser_sends_parts_straight_to_s3(served: Served) -> None:
    """As Uppy does it: parts go to presigned URLs, their ETags come from S3, and the upload is whole and recognised."""
    upload = await begun(served, size=len(SONG))
    path, query = f"/v1/s3/multipart/{upload['uploadId']}", {"key": upload["key"]}
    etags: dict[int, str] = {}
    async with httpx.AsyncClient(headers={"Origin": ORIGIN}) as browser:
        for number, data in ((1, SONG[:CUT]), (2, SONG[CUT:])):
            url = (await served.http.get(f"{path}/{number}", params=query)).json()["url"]
            answer = await browser.put(url, content=data)
            assert answer.status_code == 200
            assert answer.headers["access-control-allow-origin"] == ORIGIN
            assert "etag" in exposed(answer)
            etags[number] = answer.headers["etag"]
    listed = (await served.http.get(path, params=query)).json()
    assert {part["PartNumber"]: part["ETag"] for part in listed} == etags
    sent = {"parts": [{"PartNumber": number, "ETag": etag} for number, etag in etags.items()]}
    completed = await served.http.post(f"{path}/complete", params=query, json=sent)
    assert (completed.status_code, completed.json()["format"]) == (200, "wav")
    assert (await served.http.post(f"{path}/complete", params=query, json=sent)).json() == completed.json()
    assert await stored(served, upload) == SONG
    assert await what_is_left(served.objects) == [upload["key"]]
    job = await served.http.post("/v1/jobs", json={"upload_id": upload["upload_id"], "format": "mp3"})
    assert job.status_code == 202


@pytest.mark.requirement("3.2")
@pytest.mark.parametrize(("origin", "allowed"), [(ORIGIN, True), (FOREIGN, False)])
async def test_s3_lets_only_the_applications_page_put_a_part(served: Served, origin: str, *, allowed: bool) -> None:
    """A browser may ask S3 for permission to PUT a part from the application's own page, and from no other."""
    upload = await begun(served)
    path = f"/v1/s3/multipart/{upload['uploadId']}/1"
    url = (await served.http.get(path, params={"key": upload["key"]})).json()["url"]
    headers = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
    async with httpx.AsyncClient() as browser:
        answer = await browser.options(url, headers=headers)
    assert (answer.headers.get("access-control-allow-origin") == origin) is allowed
    assert (answer.status_code == 200) is allowed


async def test_what_is_no_audio_is_removed_from_s3(served: Served) -> None:
    """A text that came past the service is found out when it is completed, and its object is gone."""
    upload = await begun(served)
    path, query = f"/v1/s3/multipart/{upload['uploadId']}", {"key": upload["key"]}
    url = (await served.http.get(f"{path}/1", params=query)).json()["url"]
    async with httpx.AsyncClient() as browser:
        etag = (await browser.put(url, content=b"To be, or not to be. " * 100)).headers["etag"]
    sent = {"parts": [{"PartNumber": 1, "ETag": etag}]}
    answer = await served.http.post(f"{path}/complete", params=query, json=sent)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media")
    assert await what_is_left(served.objects) == []
    assert (await served.http.get(f"/v1/uploads/{upload['upload_id']}")).status_code == 404


@pytest.mark.parametrize("small", [True, False])
async def test_limits_hold_where_the_service_sees_no_byte(served: Served, *, small: bool) -> None:
    """Parts that nobody saw are measured before they are joined: too large is 413, a part that is too small 422."""
    upload = await begun(served)
    path, query = f"/v1/s3/multipart/{upload['uploadId']}", {"key": upload["key"]}
    parts = []
    async with httpx.AsyncClient(timeout=PATIENCE) as browser:
        for number in (1, 2):
            url = (await served.http.get(f"{path}/{number}", params=query)).json()["url"]
            etag = (await browser.put(url, content=bytes(1000 if small else LIMIT))).headers["etag"]
            parts.append({"PartNumber": number, "ETag": etag})
    answer = await served.http.post(f"{path}/complete", params=query, json={"parts": parts})
    assert answer.status_code == (422 if small else 413)
    if not small:
        assert await what_is_left(served.objects) == []


@pytest.mark.requirement("1.1", "3.2")
async def test_a_browser_sends_a_small_file_straight_to_s3(served: Served) -> None:
    """As Uppy does it: the fields of the form and then the file; the answer shows its ETag, and a job can be made."""
    song = wav(1)
    upload = (await served.http.get("/v1/s3/params", params={"filename": "Lied.wav", "type": "audio/wav"})).json()
    early = await served.http.post("/v1/jobs", json={"upload_id": upload["upload_id"], "format": "mp3"})
    assert early.status_code == 409
    async with httpx.AsyncClient(headers={"Origin": ORIGIN}) as browser:
        preflight = await browser.options(upload["url"], headers={"Access-Control-Request-Method": "POST"})
        assert preflight.status_code == 200
        sent = await browser.post(upload["url"], data=upload["fields"], files={"file": ("blob", song, "text/html")})
    assert (sent.status_code, sent.headers["access-control-allow-origin"]) == (201, ORIGIN)
    assert {"etag", "location"} <= {name.strip() for name in exposed(sent).split(",")}
    job = await served.http.post("/v1/jobs", json={"upload_id": upload["upload_id"], "format": "mp3"})
    assert job.status_code == 202
    shown = (await served.http.get(upload["links"]["self"])).json()
    assert (shown["state"], shown["filename"], shown["size"]) == ("complete", "Lied.wav", len(song))
    assert await stored(served, upload) == song
    client, bucket = behind(served.objects)
    kept = client.head_object(Bucket=bucket, Key=upload["key"])
    assert (kept["ContentType"], kept["ETag"]) == ("application/octet-stream", sent.headers["etag"])


async def test_the_policy_of_a_form_bounds_key_type_size_and_time(served: Served) -> None:
    """The signed policy of a form names the key, the type, the sizes and the end of its time."""
    query = {"filename": "a.wav", "size": "1000"}
    upload = (await served.http.get("/v1/s3/params", params=query)).json()
    policy = json.loads(base64.b64decode(upload["fields"]["policy"]))
    conditions = [next(iter(item.items())) if isinstance(item, dict) else tuple(item) for item in policy["conditions"]]
    assert ("content-length-range", 1000, 1000) in conditions
    assert ("key", upload["key"]) in conditions
    assert ("Content-Type", "application/octet-stream") in conditions
    ends = datetime.fromisoformat(policy["expiration"]).timestamp()
    assert abs(ends - SystemClock().wall() - 900) < 60
    signed = {name for name, *_ in conditions} | {"policy", "x-amz-signature"}
    assert {name.lower() for name in upload["fields"]} <= {name.lower() for name in signed}


async def test_the_url_of_a_part_works_for_its_stated_time(served: Served) -> None:
    """The URL of a part works for the time that its answer says, and is signed by SigV4."""
    upload = await begun(served)
    path = f"/v1/s3/multipart/{upload['uploadId']}/1"
    answer = (await served.http.get(path, params={"key": upload["key"]})).json()
    query = dict(pair.split("=") for pair in urlsplit(answer["url"]).query.split("&"))
    assert query["X-Amz-Expires"] == str(answer["expires"]) == "900"
    assert query["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"


@pytest.mark.requirement("1.9", "6.1")
async def test_a_cut_connection_costs_one_part(served: Served) -> None:
    """A connection that is cut in the middle of a part: the client asks what arrived and sends only the rest."""
    upload = await begun(served, size=len(SONG))
    links = upload["links"]
    assert (await served.http.put(f"{links['parts']}1", content=SONG[:CUT])).status_code == 200
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    head = f"PUT {links['parts']}2 HTTP/1.1\r\nHost: x\r\nContent-Length: {len(SONG) - CUT}\r\n\r\n"
    writer.write(head.encode() + SONG[CUT : CUT + 200_000])
    await writer.drain()
    writer.transport.abort()

    shown = (await served.http.get(links["self"])).json()
    assert (shown["state"], shown["received"], shown["size"]) == ("pending", CUT, len(SONG))
    early = await served.http.post(links["complete"])
    assert (early.status_code, early.json()["code"]) == (409, "upload_pending")
    have = {part["number"] for part in shown["parts"]}
    for number, data in ((1, SONG[:CUT]), (2, SONG[CUT:])):
        if number not in have:
            assert (await served.http.put(f"{links['parts']}{number}", content=data)).status_code == 200
    completed = await served.http.post(links["complete"])
    assert (completed.status_code, completed.json()["size"]) == (200, len(SONG))
    assert await stored(served, upload) == SONG
    assert await what_is_left(served.objects) == [upload["key"]]


async def test_abort_leaves_nothing_in_s3(served: Served) -> None:
    """An upload that is given up takes its parts with it."""
    upload = await begun(served)
    assert (await served.http.put(f"{upload['links']['parts']}1", content=SONG[:CUT])).status_code == 200
    path = f"/v1/s3/multipart/{upload['uploadId']}"
    assert (await served.http.delete(path, params={"key": upload["key"]})).status_code == 200
    assert await what_is_left(served.objects) == []
