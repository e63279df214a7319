"""The finished file."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.core.errors import Indefinite
from service.core.media.formats import OUTPUT_FORMATS
from service.core.media.options import Target
from service.testing.clock import NOON
from service.testing.memory_objects import CHUNK
from tests.unit.web.asgi import Call
from tests.unit.web.conftest import JOB, World, client_of

URL = f"/v1/jobs/{JOB}/download"
PROXY = f"{URL}?via=proxy"


# ── by presigned URL ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("3.4")
async def test_a_download_is_a_redirect_to_the_object(world: World, api: httpx.AsyncClient) -> None:
    """A download is a redirect to the object itself, with its name and type, that no cache keeps."""
    job = world.succeeded(filename="Übung.mp3")
    answer = await api.get(URL)
    assert answer.status_code == 307
    assert answer.headers["cache-control"] == "no-store"
    location = urlsplit(answer.headers["location"])
    query = parse_qs(location.query)
    assert job.output is not None
    assert location.path == f"/results/{JOB}/1/%C3%9Cbung.mp3"
    assert query["type"] == ["audio/mpeg"]
    assert query["seconds"] == ["900"]
    assert "filename*=UTF-8''%C3%9Cbung.mp3" in query["disposition"][0]
    answer.headers["location"].encode("ascii")


@pytest.mark.requirement("3.2", "3.4")
async def test_via_link_answers_the_url_and_its_time(world: World, api: httpx.AsyncClient) -> None:
    """A script, which cannot follow the redirect, is told where it would lead and for how long that works."""
    world.succeeded()
    answer = await api.get(f"{URL}?via=link")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.json() == {"url": (await api.get(URL)).headers["location"], "expires": 900}


@pytest.mark.parametrize("path", [URL, PROXY, f"{URL}?via=link"])
async def test_a_missing_or_changed_output_is_a_problem(world: World, api: httpx.AsyncClient, path: str) -> None:
    """If the object is not there any more, or is another one, the answer is a problem document, not a dead link."""
    world.succeeded()
    key = next(iter(world.objects.objects))
    world.objects.put(key, b"other bytes")
    answer = await api.get(path)
    assert (answer.status_code, answer.json()["code"]) == (409, "object_changed")
    world.objects.objects.clear()
    answer = await api.get(path)
    assert (answer.status_code, answer.json()["code"]) == (410, "object_gone")
    assert key not in answer.text


@pytest.mark.parametrize("path", [URL, PROXY])
async def test_an_unfinished_job_has_no_download_and_says_why(world: World, api: httpx.AsyncClient, path: str) -> None:
    """Before success there is nothing to download; if there never will be, the answer says why."""
    for make in (world.job, world.running):
        make()
        answer = await api.get(path)
        assert (answer.status_code, answer.json()["code"]) == (409, "not_ready")
    world.failed()
    answer = await api.get(path)
    assert (answer.status_code, answer.json()["job_error"]) == (409, "bad_media")
    assert "No audio stream." in answer.json()["detail"]


async def test_an_unknown_via_is_refused_with_the_known_ones(world: World, api: httpx.AsyncClient) -> None:
    """An unknown way is refused, not guessed, and the ways that there are are named."""
    world.succeeded()
    answer = await api.get(f"{URL}?via=pigeon")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"][0] == {"field": "via", "in": "query", "message": "must be url or proxy or link"}
    assert answer.json()["allowed"] == ["url", "proxy", "link"]


# ── through the service ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("3.4", "3.5", "4.2", "6.13")
async def test_the_whole_file_comes_with_length_type_name_and_etag(world: World, api: httpx.AsyncClient) -> None:
    """The whole file comes with length, type, name and a strong entity tag, through any container."""
    job = world.succeeded(data := bytes(range(256)) * 4000)
    assert job.output is not None
    async with client_of(World(jobs=world.jobs, objects=world.objects).app) as other:
        for client in (api, other):
            answer = await client.get(PROXY)
            assert (answer.status_code, answer.content) == (200, data)
            assert answer.headers["content-length"] == str(len(data))
            assert answer.headers["content-type"] == "audio/mpeg"
            assert answer.headers["etag"] == f'"{job.output.etag}"'
            assert answer.headers["accept-ranges"] == "bytes"
            assert answer.headers["content-disposition"].startswith('attachment; filename="song.mp3"')
            assert "transfer-encoding" not in answer.headers


@pytest.mark.parametrize("format", sorted(OUTPUT_FORMATS))
async def test_the_content_type_is_that_of_the_format(world: World, api: httpx.AsyncClient, format: str) -> None:
    """The content type is that of the format, whatever the name says."""
    world.succeeded(target=Target(format=format), filename="x.exe")
    assert (await api.get(PROXY)).headers["content-type"] == OUTPUT_FORMATS[format].content_type


@pytest.mark.parametrize(
    ("asked", "content", "content_range"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=4-", b"456789", "bytes 4-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=9-99", b"9", "bytes 9-9/10"),
    ],
)
async def test_a_range_is_answered_with_exactly_its_bytes(
    world: World, api: httpx.AsyncClient, asked: str, content: bytes, content_range: str
) -> None:
    """A range is answered with exactly these bytes."""
    world.succeeded()
    answer = await api.get(PROXY, headers={"range": asked})
    assert (answer.status_code, answer.content) == (206, content)
    assert answer.headers["content-range"] == content_range
    assert answer.headers["content-length"] == str(len(content))


@given(st.integers(0, 3 * CHUNK), st.integers(0, 3 * CHUNK))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_range_is_that_part_of_the_file(world: World, first: int, last: int) -> None:
    """Any range, over any border of the store's own pieces, is that part of the file."""
    data = bytes(range(251)) * (2 * CHUNK // 251)
    world.succeeded(data)
    async with client_of(world.app) as api:
        answer = await api.get(PROXY, headers={"range": f"bytes={first}-{last}"})
    if first < len(data) and first <= last:
        assert (answer.status_code, answer.content) == (206, data[first : last + 1])
    else:
        assert answer.status_code == 416


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=-0", "bytes=5-4", "bytes=x"])
async def test_a_range_outside_the_file_is_refused_with_its_size(
    world: World, api: httpx.AsyncClient, asked: str
) -> None:
    """A range outside the file is refused, and the size is said."""
    world.succeeded()
    answer = await api.get(PROXY, headers={"range": asked})
    assert (answer.status_code, answer.json()["code"]) == (416, "range_not_satisfiable")
    assert answer.headers["content-range"] == "bytes */10"


async def test_several_ranges_are_answered_with_the_whole_file(world: World, api: httpx.AsyncClient) -> None:
    """Several ranges at once are answered with the whole file."""
    world.succeeded()
    assert (await api.get(PROXY, headers={"range": "bytes=0-1,3-4"})).status_code == 200


@pytest.mark.requirement("6.13")
async def test_if_none_match_and_if_range_are_honoured(world: World, api: httpx.AsyncClient) -> None:
    """A client that has the file is told so; a range of another file becomes the whole new one."""
    job = world.succeeded()
    assert job.output is not None
    etag = f'"{job.output.etag}"'
    for tags in (etag, f'"x", {etag}', f"W/{etag}", "*"):
        answer = await api.get(PROXY, headers={"if-none-match": tags})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    assert (await api.get(PROXY, headers={"if-none-match": '"x"'})).status_code == 200
    part = {"range": "bytes=0-0"}
    assert (await api.get(PROXY, headers={**part, "if-range": etag})).status_code == 206
    for stale in ('"x"', f"W/{etag}", "Fri, 15 Jan 2027 08:00:00 GMT"):
        assert (await api.get(PROXY, headers={**part, "if-range": stale})).status_code == 200


@pytest.mark.requirement("6.13")
async def test_if_match_refuses_another_file(world: World, api: httpx.AsyncClient) -> None:
    """A client that goes on with a download is told if the file is another one by now, for GET and for HEAD."""
    job = world.succeeded()
    assert job.output is not None
    etag = f'"{job.output.etag}"'

    for tags in (etag, f'"x", {etag}', "*"):
        answer = await api.get(PROXY, headers={"if-match": tags, "range": "bytes=1-2"})
        assert answer.status_code == 206
        assert (await api.head(PROXY, headers={"if-match": tags})).status_code == 200
    for tags in ('"x"', f"W/{etag}", ""):
        answer = await api.get(PROXY, headers={"if-match": tags})
        assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
        assert (await api.head(PROXY, headers={"if-match": tags})).status_code == 412


@pytest.mark.parametrize("path", [URL, PROXY])
async def test_head_tells_size_type_and_name_without_a_redirect(
    world: World, api: httpx.AsyncClient, path: str
) -> None:
    """HEAD tells size, type and name of the file itself, without its bytes and without a redirect."""
    world.succeeded()
    answer = await api.head(path, headers={"range": "bytes=0-0"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == "10"
    assert answer.headers["content-type"] == "audio/mpeg"
    etag = answer.headers["etag"]
    assert (await api.head(path, headers={"if-none-match": etag})).status_code == 304
    world.running()
    assert (await api.head(path)).status_code == 409


@pytest.mark.parametrize("name", ["Ünï.mp3", 'a"b\\c.mp3', "日本語.mp3", "a;b=c.mp3", "x\r\nSet-Cookie: a=b.mp3"])
async def test_names_are_safe_in_headers(world: World, api: httpx.AsyncClient, name: str) -> None:
    """Whatever a file is called: its headers are plain ASCII and one line each."""
    world.succeeded(filename=name)
    answer = await api.get(PROXY)
    header = answer.headers["content-disposition"]
    header.encode("ascii")
    assert "\n" not in header
    assert "\r" not in header
    assert "set-cookie" not in answer.headers


@pytest.mark.requirement("3.7")
async def test_nothing_is_read_ahead_of_the_client(world: World) -> None:
    """Nothing is read ahead of what the client takes, apart from the first piece."""
    data = bytes(10 * CHUNK)
    world.succeeded(data)
    reads = 0

    async def counted(verb: str, key: str, moment: str) -> None:
        nonlocal reads
        reads += verb == "read"

    world.objects.trouble = counted
    taken: list[int] = []
    call = Call(world.app, "GET", PROXY)
    gate = asyncio.Semaphore(0)
    send = call._send

    async def slow(message: Mapping[str, Any]) -> None:
        await send(message)
        if message["type"] == "http.response.body" and message.get("body"):
            taken.append(reads)
            await gate.acquire()

    call._send = slow  # type: ignore[method-assign]
    task = asyncio.create_task(call.run())
    for piece in range(1, 11):
        await call.answered(piece * CHUNK)
        assert reads <= piece + 1
        gate.release()
    await call.answered(len(data) + 1)
    assert call.body == data
    call.disconnect()
    await task
    assert taken == sorted(taken)


async def test_a_download_that_breaks_midway_is_too_short(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """A store that breaks in the middle leaves the answer unfinished, which its length tells; it never looks whole."""
    world.succeeded(bytes(3 * CHUNK))
    reads = 0

    async def breaks(verb: str, key: str, moment: str) -> None:
        nonlocal reads
        reads += verb == "read"
        if reads > 2:
            raise Indefinite("connection reset")

    world.objects.trouble = breaks
    call = Call(world.app, "GET", PROXY)
    await call.run()
    assert call.headers["content-length"] == str(3 * CHUNK)
    assert len(call.body) == 2 * CHUNK
    assert not call.complete()
    logged = capsys.readouterr().out
    assert "download.broken" in logged
    assert "service.unexpected" not in logged


@pytest.mark.requirement("6.13")
async def test_a_store_that_breaks_before_the_first_byte_is_a_problem(world: World, api: httpx.AsyncClient) -> None:
    """A store that breaks before the first byte is a problem document with advice."""
    world.succeeded()

    async def breaks(verb: str, key: str, moment: str) -> None:
        raise Indefinite("connection reset")

    world.objects.trouble = breaks
    for path in (URL, PROXY):
        answer = await api.get(path)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert "connection reset" not in answer.text


@pytest.mark.parametrize("waiting_for", ["store", "client"])
async def test_a_client_that_leaves_closes_the_stream_of_the_store(
    world: World, monkeypatch: pytest.MonkeyPatch, waiting_for: str
) -> None:
    """When the client goes away, the store's stream is closed, whichever of the two was being waited for."""
    world.succeeded(bytes(10))
    closed = asyncio.Event()

    async def read(key: str, *, etag: str, start: int, stop: int) -> AsyncIterator[bytes]:
        try:
            yield b"01"
            yield b"23"
            await asyncio.Event().wait()
        finally:
            closed.set()

    monkeypatch.setattr(world.objects, "read", read)
    call = Call(world.app, "GET", PROXY)
    send = call._send

    async def stuck(message: Mapping[str, Any]) -> None:
        await send(message)
        if call.body == b"0123" and waiting_for == "client":
            await asyncio.Event().wait()

    call._send = stuck  # type: ignore[method-assign]
    task = asyncio.create_task(call.run())
    await call.answered(4)
    call.disconnect()
    await task
    assert closed.is_set()


async def test_an_object_replaced_while_read_breaks_the_download(world: World) -> None:
    """An object that is replaced while it is read breaks the download; two files are never mixed."""
    world.succeeded(bytes(2 * CHUNK))
    reads = 0

    async def replaced(verb: str, key: str, moment: str) -> None:
        nonlocal reads
        reads += verb == "read"
        if reads == 2:
            world.objects.put(key, b"\1" * 2 * CHUNK)

    world.objects.trouble = replaced
    call = Call(world.app, "GET", PROXY)
    await call.run()
    assert call.body == bytes(CHUNK)
    assert not call.complete()


async def test_an_expired_job_has_no_download(world: World, api: httpx.AsyncClient) -> None:
    """From the second on at which a job expires, its file is gone."""
    world.succeeded(expires_at=NOON)
    for path in (URL, PROXY):
        assert (await api.get(path)).status_code == 410
