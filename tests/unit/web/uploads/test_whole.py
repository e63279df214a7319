"""Uploads through the service."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from service.application.config import ServiceConfig
from service.core.errors import Indefinite, StoreError, Unavailable
from service.core.media.sniff import HEAD_BYTES
from service.core.naming import input_key
from service.core.upload import Upload
from service.testing.clock import NOON
from service.testing.memory_objects import MemoryObjects
from tests.unit.web.asgi import Call
from tests.unit.web.conftest import UPLOAD, World, client_of, wav

TEXT = b"To be, or not to be, that is the question. " * 100


def nothing_left(world: World) -> bool:
    """Neither bytes nor a record."""
    return not world.objects.objects and not world.objects.unfinished and not world.jobs.uploads


async def in_pieces(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    """A body without an announced length."""
    for at in range(0, len(data), size):
        yield data[at : at + size]


# ── what arrives ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("1.1", "4.2", "4.6")
async def test_a_raw_body_becomes_an_upload(world: World, api: httpx.AsyncClient) -> None:
    """A raw body is stored, recognised by its bytes, and answered with a reference that any container understands."""
    answer = await api.post("/v1/uploads", params={"filename": "Übung 1.bin"}, content=in_pieces(wav()))
    assert answer.status_code == 201
    document = answer.json()
    upload_id = document["upload_id"]
    assert document == {
        "upload_id": upload_id,
        "state": "complete",
        "filename": "Übung 1.bin",
        "size": len(wav()),
        "format": "wav",
        "tracks": [{"number": 1, "codec": "pcm", "rate": 8000, "channels": 1}],
        "media": {"format": "wav", "duration_seconds": 0.01, "codec": "pcm", "sample_rate": 8000, "channels": 1},
        "created_at": "2027-01-15T08:00:00Z",
        "expires_at": "2027-01-16T08:00:00Z",
        "links": {"self": f"/v1/uploads/{upload_id}", "jobs": "/v1/jobs"},
    }
    assert answer.headers["location"] == f"/v1/uploads/{upload_id}"
    assert world.objects.objects[input_key(upload_id)].data == wav()
    assert world.jobs.uploads[upload_id].etag == world.objects.objects[input_key(upload_id)].etag
    async with client_of(World(jobs=world.jobs, objects=world.objects).app) as other:
        assert (await other.get(answer.headers["location"])).json() == document


@pytest.mark.requirement("1.1")
async def test_the_file_of_a_form_becomes_an_upload(world: World, api: httpx.AsyncClient) -> None:
    """A form is stored like a raw body, without the fields around its file."""
    answer = await api.post("/v1/uploads", data={"note": "hello"}, files={"file": ("Lied.wav", wav(), "text/plain")})
    assert answer.status_code == 201
    assert answer.json()["filename"] == "Lied.wav"
    assert answer.json()["size"] == len(wav())
    assert [kept.data for kept in world.objects.objects.values()] == [wav()]


@pytest.mark.parametrize("name", ["Ünï cödé.wav", 'a "quoted".wav', "..\\..\\evil.wav", "/etc/passwd", "a\r\nX: y.wav"])
async def test_form_names_are_safe(world: World, api: httpx.AsyncClient, name: str) -> None:
    """A name with umlauts, quotes or a path is kept as far as it is harmless, and is no part of a key."""
    answer = await api.post("/v1/uploads", files={"file": (name, wav())})
    assert answer.status_code == 201, answer.text
    shown = answer.json()["filename"]
    assert (
        shown
        == {
            "Ünï cödé.wav": "Ünï cödé.wav",
            'a "quoted".wav': 'a "quoted".wav',
            "..\\..\\evil.wav": "evil.wav",
            "/etc/passwd": "passwd",
            "a\r\nX: y.wav": "aX: y.wav",
        }[name]
    )
    assert list(world.objects.objects) == [input_key(answer.json()["upload_id"])]


async def test_the_file_name_comes_from_content_disposition(api: httpx.AsyncClient) -> None:
    """Without ?filename= the name comes from Content-Disposition, encoded or not, and is harmless."""
    header = {"content-disposition": "attachment; filename*=UTF-8''..%2F%C3%9Cbung.wav"}
    assert (await api.post("/v1/uploads", content=wav(), headers=header)).json()["filename"] == "Übung.wav"
    both = await api.post("/v1/uploads?filename=b.wav", content=wav(), headers=header)
    assert both.json()["filename"] == "b.wav"


async def test_an_upload_is_taken_whatever_its_content_type(api: httpx.AsyncClient) -> None:
    """What curl --data-binary says about the body (a web form) changes nothing."""
    header = {"content-type": "application/x-www-form-urlencoded"}
    assert (await api.post("/v1/uploads", content=wav(), headers=header)).json()["format"] == "wav"


# ── what is refused ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("6.9")
@pytest.mark.parametrize(
    "data",
    [TEXT, b"#EXTM3U\nhttp://127.0.0.1/x\n", b"ffconcat version 1.0\nfile x\n", b"\x89PNG\r\n\x1a\n" + bytes(100)],
)
async def test_text_playlists_and_pictures_are_refused(world: World, api: httpx.AsyncClient, data: bytes) -> None:
    """Text, playlists and pictures are refused from their bytes, whatever they are called, and leave nothing behind."""
    for kind in ({"content": data}, {"files": {"file": ("song.mp3", data, "audio/mpeg")}}):
        answer = await api.post("/v1/uploads?filename=song.mp3", **kind)
        assert answer.status_code == 415
        assert answer.json()["code"] == "unsupported_media"
        assert "GET /v1/formats" in answer.json()["hint"]
        assert nothing_left(world)


@pytest.mark.requirement("6.9")
async def test_what_is_no_audio_is_refused_when_its_head_has_come(world: World) -> None:
    """What is clearly no audio is refused when its head has come, long before its end."""
    call = Call(world.app, "POST", "/v1/uploads", headers={"content-length": str(2**30)})
    task = asyncio.create_task(call.run())
    for _ in range(HEAD_BYTES // 65536):
        await call.send_body(TEXT[:1024] * 64, more=True)
    await call.answered()
    assert call.status == 415
    call.disconnect()
    await task
    assert nothing_left(world)


async def test_an_upload_without_bytes_is_422(world: World, api: httpx.AsyncClient) -> None:
    """An upload without bytes is refused with 422."""
    for kind in ({"content": b""}, {"files": {"file": ("a.wav", b"")}}):
        answer = await api.post("/v1/uploads", **kind)
        assert (answer.status_code, answer.json()["code"]) == (422, "empty_upload")
        assert nothing_left(world)


async def test_too_large_by_announcement(world: World) -> None:
    """A body announced to be too large is refused before any of it is read."""
    for media_type, announced in (("audio/wav", 5 * 1024**3 + 1), ("multipart/form-data; boundary=x", 6 * 1024**3)):
        call = Call(
            world.app, "POST", "/v1/uploads", headers={"content-length": str(announced), "content-type": media_type}
        )
        task = asyncio.create_task(call.run())
        await call.answered()
        assert (call.status, call.json()["code"]) == (413, "upload_too_large")
        assert call.json()["limit"] == 5 * 1024**3
        assert call.received_before_answer == 0
        assert call.headers["connection"] == "close"
        call.disconnect()
        await task
        assert nothing_left(world)


async def test_too_large_without_announcement() -> None:
    """A body without a length is cut off at the limit, and nothing of it stays."""
    world = World(config=ServiceConfig(max_upload_bytes=100_000))
    async with client_of(world.app) as api:
        for kind in (
            {"content": in_pieces(wav(20))},
            {"content": in_pieces(wav(100), 65536)},
            {"files": {"file": ("a.wav", wav(10))}},
        ):
            answer = await api.post("/v1/uploads", **kind)
            assert (answer.status_code, answer.json()["code"]) == (413, "upload_too_large")
            assert nothing_left(world)


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("multipart/form-data", b"x", 400),
        ("multipart/form-data; boundary=b", b"--b\r\nnonsense\r\n", 400),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--b--\r\n',
            422,
        ),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; filename="a"\r\n\r\nRIFF', 400),
    ],
)
async def test_a_broken_form_leaves_nothing(
    world: World, api: httpx.AsyncClient, content_type: str, body: bytes, status: int
) -> None:
    """A form that is none, has no file or is cut off is refused, and leaves nothing behind."""
    answer = await api.post("/v1/uploads", content=body, headers={"content-type": content_type})
    assert answer.status_code == status, answer.text
    assert nothing_left(world)


@pytest.mark.requirement("1.9")
@pytest.mark.parametrize("form", [False, True])
async def test_a_client_that_leaves_during_an_upload_leaves_nothing(world: World, form: bool) -> None:
    """A client that goes away in the middle leaves nothing behind."""
    head = b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.wav"\r\n\r\n' if form else b""
    media_type = "multipart/form-data; boundary=b" if form else "audio/wav"
    call = Call(world.app, "POST", "/v1/uploads", headers={"content-length": "1000000", "content-type": media_type})
    task = asyncio.create_task(call.run())
    await call.send_body(head + wav(), more=True)
    call.disconnect()
    await task
    assert call.json()["code"] == "upload_incomplete"
    assert nothing_left(world)


@pytest.mark.parametrize("error", [Unavailable("PutItem: Throttling"), Indefinite("PutItem: 500")])
async def test_bytes_whose_record_cannot_be_written_are_removed(
    world: World, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, error: StoreError
) -> None:
    """Bytes whose record cannot be written are taken away again, and the client hears 503 and when to retry."""

    async def refuse(upload: Upload) -> None:
        raise error

    monkeypatch.setattr(world.jobs, "put_upload", refuse)
    answer = await api.post("/v1/uploads", content=wav())
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    assert "PutItem" not in answer.text
    assert nothing_left(world)


async def test_an_upload_without_the_object_store_is_503(world: World) -> None:
    """Without the object store an upload is refused with 503."""

    async def away(verb: str, key: str, moment: str) -> None:
        raise Unavailable("UploadPart: SlowDown")

    world = World(objects=MemoryObjects(away))
    async with client_of(world.app) as api:
        answer = await api.post("/v1/uploads", content=wav())
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


# ── what is there ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_unknown_upload_is_404_and_an_expired_one_410(world: World, api: httpx.AsyncClient) -> None:
    """An unknown id, one that is none, and somebody else's upload are 404; an expired one is 410."""
    for path in ("aaaaaaaaaaaaaaaaaaaa", "short", "UPPERCASEUPPERCASE", "x" * 41, "a%2F..%2F..aaaaaaaaaaa"):
        assert (await api.get(f"/v1/uploads/{path}")).status_code == 404
    world.upload(tenant="somebody")
    assert (await api.get(f"/v1/uploads/{UPLOAD}")).status_code == 404
    world.upload(expires_at=NOON)
    answer = await api.get(f"/v1/uploads/{UPLOAD}")
    assert (answer.status_code, answer.json()["code"]) == (410, "expired")
    world.upload(expires_at=NOON + 0.001)
    assert (await api.get(f"/v1/uploads/{UPLOAD}")).status_code == 200


@pytest.mark.requirement("1.9")
async def test_deleting_an_upload_removes_record_and_bytes(world: World, api: httpx.AsyncClient) -> None:
    """Deleting removes record and bytes, may be repeated, and does not ask about jobs."""
    upload = world.upload()
    job = world.running(upload_id=UPLOAD)
    for _ in range(2):
        answer = await api.delete(f"/v1/uploads/{UPLOAD}")
        assert (answer.status_code, answer.content) == (204, b"")
    assert upload.key not in world.objects.objects
    assert UPLOAD not in world.jobs.uploads
    assert world.jobs.jobs[job.job_id] == job
    assert (await api.delete("/v1/uploads/short")).status_code == 404


async def test_deleting_another_tenants_upload_changes_nothing(world: World, api: httpx.AsyncClient) -> None:
    """Somebody else's upload looks deleted, and is not."""
    upload = world.upload(tenant="somebody")
    assert (await api.delete(f"/v1/uploads/{UPLOAD}")).status_code == 204
    assert upload.key in world.objects.objects
    assert UPLOAD in world.jobs.uploads
