"""Uploads in parts: straight to the store, and through the service."""

from typing import Any

import httpx
import pytest

from service.application.config import ServiceConfig
from service.core.errors import Indefinite, StoreError
from service.core.naming import input_key
from service.ports.objects import NotStored
from service.telemetry import events, subscribe
from service.telemetry.events import Event
from service.testing.factories import a_pending_upload
from tests.unit.web.conftest import UPLOAD, World, client_of, wav
from tests.unit.web.uploads.in_parts import CUT, LONG, TEXT, arrive, begun, complete, nothing_left, there

# ── straight to the store ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("1.1", "6.1")
async def test_a_multipart_upload_in_the_shapes_of_uppys_companion(world: World, api: httpx.AsyncClient) -> None:
    """Begin, sign, list, complete in the shapes of Uppy's Companion give an upload that a job can be created from."""
    upload = await begun(api)
    assert upload["key"] == input_key(upload["upload_id"])
    path, query = there(upload)
    assert (await api.get(path, params=query)).json() == []
    for number, data in ((2, LONG[CUT:]), (1, LONG[:CUT])):
        signed = (await api.get(f"{path}/{number}", params=query)).json()
        assert signed["expires"] == 900
        assert f"partNumber={number}" in signed["url"]
        await arrive(world, upload, number, data)
    listed = (await api.get(path, params=query)).json()
    assert [(part["PartNumber"], part["Size"], part["ETag"][0]) for part in listed] == [
        (1, CUT, '"'),
        (2, len(LONG) - CUT, '"'),
    ]
    completed = await complete(api, upload)
    assert completed.status_code == 200
    assert completed.json()["location"] == f"/v1/uploads/{upload['upload_id']}"
    assert (completed.json()["size"], completed.json()["format"]) == (len(LONG), "wav")
    assert world.objects.objects[upload["key"]].data == LONG
    assert not world.objects.unfinished
    shown = (await api.get(completed.json()["location"])).json()
    assert (shown["state"], shown["filename"], shown["size"]) == ("complete", "Lied.wav", len(LONG))
    job = await api.post("/v1/jobs", json={"upload_id": upload["upload_id"], "format": "mp3"})
    assert job.status_code == 202
    assert world.jobs.jobs[job.json()["job_id"]].input_etag == world.objects.objects[upload["key"]].etag


async def test_many_parts_are_signed_at_once(api: httpx.AsyncClient) -> None:
    """A batch answers a URL for each number."""
    path, query = there(await begun(api), "/batch", partNumbers="1,3")
    urls = (await api.get(path, params=query)).json()["presignedUrls"]
    assert {number: f"partNumber={number}" in url for number, url in urls.items()} == {"1": True, "3": True}


@pytest.mark.parametrize("numbers", ["", "1,x", "1,,2", "٣", "1;2", ",".join(["1"] * 1001)])
async def test_a_batch_that_is_no_list_of_part_numbers_is_422(api: httpx.AsyncClient, numbers: str) -> None:
    """What is no list of part numbers is a 422."""
    path, query = there(await begun(api), "/batch", partNumbers=numbers)
    assert (await api.get(path, params=query)).status_code == 422


@pytest.mark.parametrize("number", ["0", "10001", "-1", "x", "99999999999999999999"])
async def test_impossible_numbers_are_not_signed(api: httpx.AsyncClient, number: str) -> None:
    """Part numbers go from 1 to 10000; there is nothing at any other."""
    path, query = there(await begun(api), f"/{number}")
    assert (await api.get(path, params=query)).status_code == 404


@pytest.mark.parametrize("call", ["list", "sign", "batch", "complete", "abort"])
async def test_a_foreign_key_is_refused(world: World, api: httpx.AsyncClient, call: str) -> None:
    """A client that names a key other than that of its upload gets nothing signed, listed, completed or removed."""
    mine, other = await begun(api), await begun(api)
    await arrive(world, other, 1, wav())
    path, query = f"/v1/s3/multipart/{mine['uploadId']}", {"key": other["key"]}
    body = {"parts": [{"PartNumber": 1, "ETag": "x"}]}
    answer = await ask(api, call, path, query, body)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert len(world.objects.unfinished) == 2


async def test_a_missing_key_parameter_is_named(api: httpx.AsyncClient) -> None:
    """A call that does not name its key is told which parameter is missing."""
    upload = await begun(api)
    answer = await api.get(f"/v1/s3/multipart/{upload['uploadId']}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"] == [{"field": "key", "in": "query", "message": "is required"}]
    assert "multipart" not in answer.json()["detail"]


async def ask(
    api: httpx.AsyncClient, call: str, path: str, query: dict[str, str], body: dict[str, Any]
) -> httpx.Response:
    """One of the calls that name a key."""
    match call:
        case "list":
            return await api.get(path, params=query)
        case "sign":
            return await api.get(f"{path}/1", params=query)
        case "batch":
            return await api.get(f"{path}/batch", params={**query, "partNumbers": "1"})
        case "complete":
            return await api.post(f"{path}/complete", params=query, json=body)
    return await api.delete(path, params=query)


@pytest.mark.parametrize("call", ["list", "sign", "batch", "complete", "abort"])
async def test_an_upload_of_another_tenant_does_not_exist(world: World, api: httpx.AsyncClient, call: str) -> None:
    """With the right id and the right key, somebody else's upload answers exactly like one that is not there."""
    foreign = a_pending_upload(upload_id=UPLOAD, tenant="somebody")
    world.jobs.pending[UPLOAD] = foreign
    world.objects.unfinished[foreign.transfer] = foreign.key
    body = {"parts": [{"PartNumber": 1, "ETag": "x"}]}
    headers = {"x-request-id": "12345678"}
    api.headers.update(headers)
    found = await ask(api, call, f"/v1/s3/multipart/{UPLOAD}", {"key": foreign.key}, body)
    del world.jobs.pending[UPLOAD]
    unknown = await ask(api, call, f"/v1/s3/multipart/{UPLOAD}", {"key": foreign.key}, body)
    assert found.status_code == 404
    assert (found.status_code, found.json()) == (unknown.status_code, unknown.json())
    assert world.objects.unfinished == {foreign.transfer: foreign.key}


async def test_an_aborted_upload_leaves_nothing(world: World, api: httpx.AsyncClient) -> None:
    """An upload that is given up is gone with all its parts; so is one that is deleted by its id."""
    upload = await begun(api)
    await arrive(world, upload, 1, LONG[:CUT])
    path, query = there(upload)
    answer = await api.delete(path, params=query)
    assert (answer.status_code, answer.json()) == (200, {})
    assert nothing_left(world)
    assert (await api.delete(path, params=query)).status_code == 404
    upload = await begun(api)
    assert (await api.delete(f"/v1/uploads/{upload['upload_id']}")).status_code == 204
    assert nothing_left(world)


# ── what is refused ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("6.9")
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"size": 1001}, 413),
        ({"metadata": {"size": "1001"}}, 413),
        ({"type": "image/png"}, 415),
        ({"size": -1}, 422),
        ({"metadata": {"size": "many"}}, 422),
        ({"metadata": {"size": True}}, 422),
        ({"filename": None}, 422),
    ],
)
async def test_too_large_or_no_audio_is_refused_at_creation(fields: dict[str, object], status: int) -> None:
    """What is too large by its own word, or certainly no audio, is refused before a byte was sent."""
    world = World(config=ServiceConfig(max_upload_bytes=1000))
    async with client_of(world.app) as api:
        body = {"filename": "a.wav", "type": "audio/wav", **fields}
        assert (await api.post("/v1/s3/multipart", json=body)).status_code == status
    assert nothing_left(world)


@pytest.mark.requirement("6.9")
@pytest.mark.parametrize(("data", "status"), [(TEXT, 415), (b"#EXTM3U\nhttp://127.0.0.1/\n", 415), (b"", 422)])
async def test_bytes_are_checked_at_completion(world: World, api: httpx.AsyncClient, data: bytes, status: int) -> None:
    """What was announced as audio and is none is refused when its bytes are there, and nothing of it is kept."""
    upload = await begun(api)
    await arrive(world, upload, 1, data)
    assert (await complete(api, upload)).status_code == status
    assert nothing_left(world)


async def test_size_is_checked_at_completion() -> None:
    """More bytes than the limit, which nobody announced, are refused before they become an object, and removed."""
    world = World(config=ServiceConfig(max_upload_bytes=1000))
    async with client_of(world.app) as api:
        upload = await begun(api)
        await arrive(world, upload, 1, wav(1))
        asked: list[str] = []

        async def noted(verb: str, key: str, moment: str) -> None:
            asked.append(verb)

        world.objects.trouble = noted
        answer = await complete(api, upload)
    assert (answer.status_code, answer.json()["code"], answer.json()["limit"]) == (413, "upload_too_large", 1000)
    assert "join_parts" not in asked
    assert nothing_left(world)


@pytest.mark.requirement("6.1")
async def test_completing_too_early_names_the_missing_parts(world: World, api: httpx.AsyncClient) -> None:
    """Completing too early keeps all that arrived and names what did not; the rest can be sent and it goes through."""
    upload = await begun(api, size=len(LONG))
    assert (await complete(api, upload)).json()["missing"] == [1]
    await arrive(world, upload, 1, LONG[:CUT])
    early = await complete(api, upload)
    assert (early.status_code, early.json()["code"], early.json()["received"]) == (409, "upload_pending", CUT)
    shown = (await api.get(f"/v1/uploads/{upload['upload_id']}")).json()
    assert (shown["state"], shown["received"], shown["size"]) == ("pending", CUT, len(LONG))
    assert [part["number"] for part in shown["parts"]] == [1]
    await arrive(world, upload, 2, LONG[CUT:])
    assert (await complete(api, upload)).status_code == 200


async def test_no_job_of_half_an_upload(world: World, api: httpx.AsyncClient) -> None:
    """A job cannot be created before its upload is complete."""
    upload = await begun(api)
    answer = await api.post("/v1/jobs", json={"upload_id": upload["upload_id"], "format": "mp3"})
    assert (answer.status_code, answer.json()["code"]) == (409, "upload_pending")
    assert not world.jobs.jobs


async def test_an_upload_past_its_time_is_gone_for_every_call(world: World, api: httpx.AsyncClient) -> None:
    """An upload that was not completed in time is gone, for every call."""
    upload = await begun(api)
    await arrive(world, upload, 1, wav())
    await world.clock.advance(world.config.pending_seconds)
    path, query = there(upload)
    assert (await api.get(path, params=query)).status_code == 410
    assert (await api.get(f"{path}/1", params=query)).status_code == 410


# ── lost answers ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_completion_may_be_repeated(world: World, api: httpx.AsyncClient) -> None:
    """The answer of a completion can be asked for again, through any container, and is the same."""
    upload = await begun(api)
    await arrive(world, upload, 1, wav())
    path, query = there(upload, "/complete")
    sent = {"parts": [{"PartNumber": 1, "ETag": (await api.get(path[:-9], params=query)).json()[0]["ETag"]}]}
    first = await api.post(path, params=query, json=sent)
    async with client_of(World(jobs=world.jobs, objects=world.objects).app) as other:
        again = await other.post(path, params=query, json=sent)
        plain = await other.post(f"/v1/uploads/{upload['upload_id']}/complete")
    assert first.status_code == again.status_code == plain.status_code == 200
    assert first.json() == again.json()
    assert plain.json()["upload_id"] == upload["upload_id"]


@pytest.mark.parametrize("verb", ["join_parts", "head", "peek"])
async def test_completion_that_was_cut_short_is_taken_up(world: World, api: httpx.AsyncClient, verb: str) -> None:
    """Whatever breaks in the middle of a completion, the next one ends it; joined bytes are not lost."""
    upload = await begun(api)
    await arrive(world, upload, 1, wav())
    path, query = there(upload, "/complete")
    sent = {"parts": [{"PartNumber": 1, "ETag": (await api.get(path[:-9], params=query)).json()[0]["ETag"]}]}
    broken: list[str] = []

    async def trouble(asked: str, key: str, moment: str) -> None:
        if asked == verb and moment == ("after" if verb == "join_parts" else "before") and not broken:
            broken.append(asked)
            raise Indefinite

    world.objects.trouble = trouble
    if verb == "head":
        pending = world.jobs.pending[upload["upload_id"]]
        there_now = await world.objects.parts(pending.key, pending.transfer)
        await world.objects.join_parts(pending.key, pending.transfer, there_now)  # by one who was killed right after
    assert (await api.post(path, params=query, json=sent)).status_code == 503
    assert (await api.post(path, params=query, json=sent)).status_code == 200
    assert world.jobs.uploads[upload["upload_id"]].size == len(wav())


@pytest.mark.parametrize("left", [0, -1])
async def test_an_object_that_is_not_whole_is_no_upload(world: World, api: httpx.AsyncClient, left: int) -> None:
    """Who finds the parts joined already, by one who was killed before its look, does not accept what lacks bytes."""
    upload = await begun(api, metadata={"size": len(wav())})
    await arrive(world, upload, 1, wav())
    pending = world.jobs.pending[upload["upload_id"]]
    assert pending.declared_size == len(wav())
    arrived = await world.objects.parts(pending.key, pending.transfer)
    await world.objects.join_parts(pending.key, pending.transfer, arrived)
    world.objects.put(pending.key, wav()[:left])

    refused = await complete(api, upload)

    assert (refused.status_code, refused.json()["code"]) == (410, "object_gone")
    assert world.jobs.uploads == {}


async def test_an_upload_aborted_during_its_completion_stays_aborted(world: World, api: httpx.AsyncClient) -> None:
    """Of an abort and a completion at the same time, the abort wins, and no object is left without a record."""
    upload = await begun(api)
    await arrive(world, upload, 1, wav())

    async def trouble(verb: str, key: str, moment: str) -> None:
        if (verb, moment) == ("join_parts", "after"):
            await world.jobs.delete_upload(upload["upload_id"])

    world.objects.trouble = trouble
    assert (await complete(api, upload)).status_code == 404
    assert nothing_left(world)


@pytest.mark.parametrize("aborted", [True, False])
async def test_object_that_an_abort_swept_away_is_no_alarm(world: World, api: httpx.AsyncClient, aborted: bool) -> None:
    """Parts that were joined and are gone were aborted in the same moment; if they were not, it is an alarm."""
    upload, said = await begun(api), list[Event]()
    await arrive(world, upload, 1, wav())

    async def trouble(verb: str, key: str, moment: str) -> None:
        if (verb, moment) == ("join_parts", "after"):
            if aborted:
                await world.jobs.delete_upload(upload["upload_id"])
            raise NotStored(key, 5)

    world.objects.trouble = trouble
    with subscribe(lambda event, _: said.append(event)):
        assert (await complete(api, upload)).status_code == (404 if aborted else 503)
    assert (events.S3_NOT_WHOLE in said) == (not aborted)


async def test_creation_without_a_record_leaves_no_transfer(
    world: World, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the record cannot be written, the transfer is taken back."""

    async def broken(_: object) -> None:
        raise StoreError

    monkeypatch.setattr(world.jobs, "begin_upload", broken)
    assert (await api.post("/v1/s3/multipart", json={"filename": "a.wav", "type": ""})).status_code == 503
    assert nothing_left(world)
