"""Uploads in one piece, straight to the store, where nobody tells the service that they have come."""

import asyncio
from typing import Any

import httpx
import pytest

from service.application.config import ServiceConfig
from service.core.errors import Indefinite, StoreError
from service.core.naming import input_key
from service.core.upload import MAX_SINGLE_PUT_SIZE
from service.testing.factories import a_pending_upload
from tests.unit.web.conftest import UPLOAD, World, client_of, wav

TEXT = b"To be, or not to be, that is the question. " * 100
SONG = wav(1)


async def begun(api: httpx.AsyncClient, **query: str | int) -> dict[str, Any]:
    """A fresh upload, as Uppy begins it."""
    asked: dict[str, str | int] = {"filename": "Lied.wav", "type": "audio/wav", "metadata[name]": "Lied.wav", **query}
    answer = await api.get("/v1/s3/params", params=asked)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def job_of(api: httpx.AsyncClient, upload: dict[str, Any]) -> httpx.Response:
    """Ask for a conversion."""
    return await api.post("/v1/jobs", json={"upload_id": upload["upload_id"], "format": "mp3"})


def nothing_left(world: World) -> bool:
    """Neither bytes nor a record."""
    return not (world.objects.objects or world.jobs.uploads or world.jobs.pending)


@pytest.mark.requirement("1.1", "6.1")
async def test_the_first_job_completes_an_s3_form_upload(world: World, api: httpx.AsyncClient) -> None:
    """A file that came by the form is recognised and recorded by the job that wants it, like any other upload."""
    upload = await begun(api)
    assert (upload["method"], upload["fields"]["key"]) == ("POST", input_key(upload["upload_id"]))
    assert upload["key"] == upload["fields"]["key"]
    early = await job_of(api, upload)
    assert (early.status_code, early.json()["code"]) == (409, "upload_pending")
    world.objects.put(upload["key"], SONG)
    job = await job_of(api, upload)
    assert job.status_code == 202
    stored = world.objects.objects[upload["key"]]
    accepted = world.jobs.jobs[job.json()["job_id"]]
    assert (accepted.input_key, accepted.input_etag) == (upload["key"], stored.etag)
    shown = (await api.get(upload["links"]["self"])).json()
    assert (shown["state"], shown["filename"], shown["size"], shown["format"]) == (
        "complete",
        "Lied.wav",
        len(SONG),
        "wav",
    )


@pytest.mark.parametrize("call", ["look", "complete", "complete as Uppy"])
async def test_looking_at_an_s3_form_upload_completes_it(world: World, api: httpx.AsyncClient, call: str) -> None:
    """Who asks for the upload, or completes it, gets the complete one as soon as its bytes are there."""
    upload = await begun(api)
    pending = (await api.get(upload["links"]["self"])).json()
    assert (pending["state"], pending["received"], pending["parts"]) == ("pending", 0, [])
    assert set(pending["links"]) == {"self", "complete"}
    etag = world.objects.put(upload["key"], SONG).etag
    match call:
        case "look":
            answer = await api.get(upload["links"]["self"])
        case "complete":
            answer = await api.post(upload["links"]["complete"])
        case _:
            path, body = f"/v1/s3/multipart/{upload['upload_id']}", {"parts": [{"PartNumber": 1, "ETag": etag}]}
            answer = await api.post(f"{path}/complete", params={"key": upload["key"]}, json=body)
    assert (answer.status_code, answer.json()["size"]) == (200, len(SONG))
    assert world.jobs.uploads[upload["upload_id"]].etag == etag


@pytest.mark.requirement("6.9")
@pytest.mark.parametrize(("data", "status"), [(TEXT, 415), (b"#EXTM3U\nhttp://127.0.0.1/\n", 415), (b"", 422)])
@pytest.mark.parametrize("call", ["job", "look"])
async def test_an_s3_form_upload_that_is_no_audio_is_removed(
    world: World, api: httpx.AsyncClient, data: bytes, status: int, call: str
) -> None:
    """What is no audio is refused by the first call that looks, whichever it is, and nothing of it is kept."""
    upload = await begun(api)
    world.objects.put(upload["key"], data)
    answer = await (job_of(api, upload) if call == "job" else api.get(upload["links"]["self"]))
    assert answer.status_code == status
    assert nothing_left(world)
    assert not world.jobs.jobs
    assert (await api.get(upload["links"]["self"])).status_code == 404


async def test_an_s3_form_upload_over_the_limit_is_removed() -> None:
    """More bytes than the limit are refused and removed even where a store lets them in."""
    world = World(config=ServiceConfig(max_upload_bytes=1000))
    async with client_of(world.app) as api:
        upload = await begun(api)
        world.objects.put(upload["key"], SONG)
        answer = await job_of(api, upload)
    assert (answer.status_code, answer.json()["code"]) == (413, "upload_too_large")
    assert nothing_left(world)


async def test_an_s3_form_upload_shorter_than_announced_makes_no_job(world: World, api: httpx.AsyncClient) -> None:
    """A file that is shorter than its client said makes no job; its right version still can."""
    upload = await begun(api, size=len(SONG) + 1)
    world.objects.put(upload["key"], SONG)
    assert (await job_of(api, upload)).status_code == 409
    world.objects.put(upload["key"], SONG + b"\0")
    assert (await job_of(api, upload)).status_code == 202


async def test_an_s3_form_upload_larger_than_announced_is_removed_at_once(world: World, api: httpx.AsyncClient) -> None:
    """Bytes beyond the announced size are not kept until the upload expires, and make no job."""
    upload = await begun(api, size=len(SONG) - 1)
    world.objects.put(upload["key"], SONG)
    answer = await job_of(api, upload)
    assert (answer.status_code, answer.json()["code"]) == (422, "larger_than_declared")
    assert nothing_left(world)


@pytest.mark.parametrize(
    ("query", "policy"),
    [
        ({}, f"1 to {MAX_SINGLE_PUT_SIZE}"),
        ({"size": 1000}, "1000 to 1000"),
        ({"metadata[size]": "1000"}, "1000 to 1000"),
    ],
)
async def test_an_s3_form_allows_the_announced_size_alone(query: dict[str, str | int], policy: str) -> None:
    """A form is good for the announced size alone, else for what one upload may have and S3 takes at once."""
    async with client_of(World(config=ServiceConfig(max_upload_bytes=2 * MAX_SINGLE_PUT_SIZE)).app) as api:
        upload = await begun(api, **query)
    assert upload["fields"]["policy"] == f"{policy} bytes within 900 s"
    assert upload["expires"] == 900


@pytest.mark.requirement("6.9")
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"filename": "a.wav", "size": 1001}, 413),
        ({"filename": "a.wav", "metadata[size]": "1001"}, 413),
        ({"filename": "a.wav", "metadata[size]": "many"}, 422),
        ({"filename": "a.wav", "size": 0}, 422),
        ({"filename": "a.wav", "size": -1}, 422),
        ({"filename": "a.png", "type": "image/png"}, 415),
        ({"type": "audio/wav"}, 422),
    ],
)
async def test_refused_before_a_byte_was_sent(query: dict[str, str | int], status: int) -> None:
    """What is too large or empty by its own word, certainly no audio or nameless gets no form."""
    world = World(config=ServiceConfig(max_upload_bytes=1000))
    async with client_of(world.app) as api:
        assert (await api.get("/v1/s3/params", params=query)).status_code == status
    assert nothing_left(world)


async def test_an_s3_form_upload_takes_no_parts(api: httpx.AsyncClient) -> None:
    """An upload that comes in one piece has no parts to sign, list or send."""
    upload = await begun(api)
    path, query = f"/v1/s3/multipart/{upload['upload_id']}", {"key": upload["key"]}
    assert (await api.get(path, params=query)).status_code == 404
    assert (await api.get(f"{path}/1", params=query)).status_code == 404
    assert (await api.put(f"/v1/uploads/{upload['upload_id']}/parts/1", content=b"x")).status_code == 404


async def test_an_s3_form_upload_belongs_to_its_tenant(world: World, api: httpx.AsyncClient) -> None:
    """Somebody else's upload is neither shown nor completed by who knows its id."""
    foreign = a_pending_upload(upload_id=UPLOAD, tenant="somebody", transfer="")
    world.jobs.pending[UPLOAD] = foreign
    world.objects.put(foreign.key, SONG)
    assert (await job_of(api, {"upload_id": UPLOAD})).status_code == 404
    assert (await api.get(f"/v1/uploads/{UPLOAD}")).status_code == 404
    assert (await api.delete(f"/v1/uploads/{UPLOAD}")).status_code == 204
    assert world.jobs.pending == {UPLOAD: foreign}
    assert foreign.key in world.objects.objects


async def test_an_s3_form_upload_can_be_deleted_before_it_is_complete(world: World, api: httpx.AsyncClient) -> None:
    """Deleting removes the bytes and the record, and a completion that is late finds nothing."""
    upload = await begun(api)
    world.objects.put(upload["key"], SONG)
    assert (await api.delete(upload["links"]["self"])).status_code == 204
    assert nothing_left(world)
    assert (await job_of(api, upload)).status_code == 404


async def test_two_jobs_at_once_complete_an_s3_form_upload_once(world: World, api: httpx.AsyncClient) -> None:
    """Two jobs at the same moment complete the upload once, and read the same bytes."""
    upload = await begun(api)
    world.objects.put(upload["key"], SONG)
    answers = await asyncio.gather(job_of(api, upload), job_of(api, upload))
    assert [answer.status_code for answer in answers] == [202, 202]
    assert len({job.input_etag for job in world.jobs.jobs.values()}) == 1


@pytest.mark.parametrize("verb", ["head", "peek"])
async def test_a_completion_of_an_s3_form_upload_that_broke_is_taken_up(
    world: World, api: httpx.AsyncClient, verb: str
) -> None:
    """Whatever breaks while it is recognised, the bytes stay and the next call goes through."""
    upload = await begun(api)
    world.objects.put(upload["key"], SONG)
    broken: list[str] = []

    async def trouble(asked: str, key: str, moment: str) -> None:
        if asked == verb and not broken:
            broken.append(asked)
            raise Indefinite

    world.objects.trouble = trouble
    assert (await job_of(api, upload)).status_code == 503
    assert (await job_of(api, upload)).status_code == 202


async def test_no_s3_form_is_handed_out_without_a_record(
    world: World, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A form is handed out only when the record of its upload is written."""

    async def broken(_: object) -> None:
        raise StoreError

    monkeypatch.setattr(world.jobs, "begin_upload", broken)
    assert (await api.get("/v1/s3/params", params={"filename": "a.wav"})).status_code == 503


# ── how many may be open ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("6.14")
async def test_open_uploads_are_limited() -> None:
    """Beyond its limit a tenant begins no upload, in parts or in one piece: 429; each that ends makes room."""
    world = World(config=ServiceConfig(max_open_uploads=2))
    new = {"filename": "a.wav", "type": "audio/wav"}
    async with client_of(world.app) as api:
        single = await begun(api)
        multipart = (await api.post("/v1/s3/multipart", json=new)).json()
        for refused in (await api.get("/v1/s3/params", params=new), await api.post("/v1/s3/multipart", json=new)):
            assert refused.status_code == 429
            problem = refused.json()
            assert (refused.status_code, problem["code"], problem["limit"]) == (429, "too_many_open_uploads", 2)
            assert int(refused.headers["Retry-After"]) == problem["retry_after"]
        assert len(world.objects.unfinished) == 1

        world.objects.put(single["key"], SONG)
        assert (await job_of(api, single)).status_code == 202
        assert (await api.post("/v1/s3/multipart", json=new)).status_code == 200
        assert (await api.post("/v1/s3/multipart", json=new)).status_code == 429
        await api.delete(f"/v1/uploads/{multipart['upload_id']}")
        assert (await api.get("/v1/s3/params", params=new)).status_code == 200


async def test_what_can_receive_no_byte_is_not_open() -> None:
    """A form that was never sent stops counting when its time is over, parts when their upload is dropped."""
    world = World(config=ServiceConfig(max_open_uploads=1))
    async with client_of(world.app) as api:
        await begun(api)
        assert (await api.get("/v1/s3/params", params={"filename": "a.wav"})).status_code == 429
        await world.clock.advance(world.config.part_url_seconds)
        assert (await api.post("/v1/s3/multipart", json={"filename": "a.wav"})).status_code == 200
        await world.clock.advance(world.config.part_url_seconds)
        assert (await api.post("/v1/s3/multipart", json={"filename": "a.wav"})).status_code == 429
        await world.clock.advance(world.config.pending_seconds)
        assert (await api.post("/v1/s3/multipart", json={"filename": "a.wav"})).status_code == 200


async def test_open_uploads_of_others_do_not_count(world: World) -> None:
    """What one tenant has open takes nobody else's room."""
    world = World(config=ServiceConfig(max_open_uploads=1))
    world.jobs.pending[UPLOAD] = a_pending_upload(upload_id=UPLOAD, tenant="somebody", closes_at=world.clock.wall() + 1)
    async with client_of(world.app) as api:
        await begun(api)
