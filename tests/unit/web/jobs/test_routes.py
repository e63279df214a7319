"""Jobs: submitted, looked at, cancelled, forgotten."""

import asyncio
from dataclasses import replace

import httpx
import pytest

from service.application.config import ServiceConfig
from service.core.errors import Unavailable
from service.core.jobs.job import Job, Output
from service.core.jobs.lease import State
from service.core.naming import output_key, result_prefix
from service.testing.clock import NOON
from service.web.app import create_app
from tests.unit.web.conftest import JOB, UPLOAD, World, client_of

ORDER = {"upload_id": UPLOAD, "format": "mp3"}


# ── submitting ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("1.2", "4.2", "4.6")
async def test_a_submitted_job_is_202_with_its_location(world: World, api: httpx.AsyncClient) -> None:
    """A job is accepted as a record of its own that refers to the upload; 202 says where it is and when to look."""
    upload = world.upload(filename="Lied.wav")
    answer = await api.post("/v1/jobs", json={**ORDER, "options": {"bitrate_kbps": 192}})
    assert answer.status_code == 202, answer.text
    document = answer.json()
    job_id = document["job_id"]
    assert document == {
        "job_id": job_id,
        "state": "queued",
        "percent": 0.0,
        "attempt": 0,
        "resumed": False,
        "upload_id": UPLOAD,
        "filename": "Lied.mp3",
        "format": "mp3",
        "options": {"bitrate_kbps": 192},
        "media": {"format": "wav"},
        "path": None,
        "cancel_requested": False,
        "created_at": "2027-01-15T08:00:00Z",
        "started_at": None,
        "finished_at": None,
        "expires_at": "2027-01-16T08:00:00Z",
        "links": {
            "self": f"/v1/jobs/{job_id}",
            "progress": f"/v1/jobs/{job_id}/progress",
            "events": f"/v1/jobs/{job_id}/events",
            "cancel": f"/v1/jobs/{job_id}/cancel",
        },
    }
    assert answer.headers["location"] == f"/v1/jobs/{job_id}"
    assert answer.headers["retry-after"] == "1"
    job = world.jobs.jobs[job_id]
    assert (job.input_key, job.input_etag, job.input_size) == (upload.key, upload.etag, upload.size)
    assert (job.state, job.lease.due_at, job.source) == (State.QUEUED, NOON, upload.source)
    assert await world.wakeups.wait(0)
    async with client_of(World(jobs=world.jobs).app) as other:
        assert (await other.get(f"/v1/jobs/{job_id}")).json() == document


@pytest.mark.parametrize(
    ("body", "code", "named"),
    [
        ({"upload_id": UPLOAD}, "invalid_request", "format"),
        ({**ORDER, "colour": "red"}, "invalid_request", "colour"),
        ({**ORDER, "upload_id": 1}, "invalid_request", "upload_id"),
        ({**ORDER, "options": []}, "invalid_request", "options"),
        ({**ORDER, "options": None}, "invalid_request", "options"),
        ([], "invalid_request", "object"),
        (None, "invalid_request", "object"),
        ({**ORDER, "format": "exe"}, "unknown_format", "flac"),
        ({**ORDER, "options": {"bitrate": 192}}, "invalid_option", "bitrate"),
        ({**ORDER, "options": {"bitrate_kbps": 193}}, "invalid_option", "192"),
        ({**ORDER, "options": {"bitrate_kbps": "192"}}, "invalid_option", "bitrate_kbps"),
    ],
)
async def test_an_invalid_job_request_is_422_and_says_what_is_allowed(
    world: World, api: httpx.AsyncClient, body: object, code: str, named: str
) -> None:
    """A request that is not acceptable is refused with 422, naming what is wrong or what is allowed."""
    world.upload()
    answer = await api.post("/v1/jobs", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert named in answer.text
    assert not world.jobs.jobs


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["upload_id", "format"]),
        ({"upload_id": 5, "format": 7, "options": []}, ["upload_id", "format", "options"]),
        ({**ORDER, "x": 1, "y": 2}, ["x", "y"]),
        ({"format": 1, "x": 1}, ["upload_id", "format", "x"]),
        (
            {**ORDER, "options": {"qualty": 1, "bitrate_kbps": "x", "start_seconds": -1}},
            ["options.qualty", "options.bitrate_kbps", "options.start_seconds"],
        ),
        ({**ORDER, "options": {"sample_rate": 1, "channels": 99}}, ["options.sample_rate", "options.channels"]),
        (
            {**ORDER, "options": {"sample_rate": 1, "start_seconds": 3, "end_seconds": 2}},
            ["options.sample_rate", "options.end_seconds"],
        ),
    ],
)
async def test_every_wrong_field_is_listed_under_its_own_name(
    world: World, api: httpx.AsyncClient, body: object, fields: list[str]
) -> None:
    """A client that sends several mistakes is told all of them at once, each under the name of its field."""
    world.upload()
    answer = await api.post("/v1/jobs", json=body)

    assert answer.status_code == 422
    assert [entry["field"] for entry in answer.json()["errors"]] == fields
    assert all(entry["message"] in answer.json()["detail"] for entry in answer.json()["errors"])
    assert {entry["in"] for entry in answer.json()["errors"]} == {"body"}


@pytest.mark.parametrize("body", [b"{", b"", b"\xff", b"upload_id=1", b'{"upload_id": NaN}'])
async def test_a_job_request_that_is_no_json_is_400(world: World, api: httpx.AsyncClient, body: bytes) -> None:
    """A body that is no JSON is refused as that, and no body as a missing one."""
    answer = await api.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
    expected = (400, "malformed_json") if body else (422, "invalid_request")
    assert (answer.status_code, answer.json()["code"]) == expected


async def test_a_job_of_an_unknown_upload_is_404_of_an_expired_one_410(world: World, api: httpx.AsyncClient) -> None:
    """An upload that is not there (for this caller) is 404, one whose time is over 410."""
    for upload_id in (UPLOAD, "short", "", "../../x"):
        answer = await api.post("/v1/jobs", json={**ORDER, "upload_id": upload_id})
        assert answer.status_code == 404
    world.upload(tenant="somebody")
    assert (await api.post("/v1/jobs", json=ORDER)).status_code == 404
    world.upload(expires_at=NOON)
    assert (await api.post("/v1/jobs", json=ORDER)).status_code == 410


async def test_an_idempotency_key_stands_for_one_request(world: World, api: httpx.AsyncClient) -> None:
    """The same key with the same request gives the same job; with another request it is refused."""
    world.upload()
    key = {"Idempotency-Key": "a key: 1"}
    first = await api.post("/v1/jobs", json=ORDER, headers=key)
    again = await api.post("/v1/jobs", json=dict(reversed(ORDER.items())), headers=key)
    assert again.status_code == 202
    assert again.json()["job_id"] == first.json()["job_id"]
    assert len(world.jobs.jobs) == 1
    other = await api.post("/v1/jobs", json={**ORDER, "format": "wav"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (await api.post("/v1/jobs", json=ORDER)).json()["job_id"] != first.json()["job_id"]


async def test_idempotency_of_an_older_job(world: World, api: httpx.AsyncClient) -> None:
    """A key sent again later gives the job as it is by then."""
    world.upload()
    key = {"Idempotency-Key": "k"}
    job_id = (await api.post("/v1/jobs", json=ORDER, headers=key)).json()["job_id"]
    await world.jobs.claim(job_id, "w", NOON)
    assert (await api.post("/v1/jobs", json=ORDER, headers=key)).json()["state"] == "running"


async def test_a_replay_needs_no_upload(world: World, api: httpx.AsyncClient) -> None:
    """Who repeats a request after its upload was deleted gets the job that it became; a new request gets a 404."""
    world.upload()
    key = {"Idempotency-Key": "k"}
    job_id = (await api.post("/v1/jobs", json=ORDER, headers=key)).json()["job_id"]
    world.jobs.uploads.clear()

    again = await api.post("/v1/jobs", json=ORDER, headers=key)

    assert (again.status_code, again.json()["job_id"]) == (202, job_id)
    assert (await api.post("/v1/jobs", json=ORDER)).status_code == 404
    other = await api.post("/v1/jobs", json={**ORDER, "format": "wav"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("key", ["", "x" * 256, "schlüssel", "a\tb"])
async def test_an_idempotency_key_that_is_too_long_or_not_ascii_is_refused(
    world: World, api: httpx.AsyncClient, key: str
) -> None:
    """A key that is too long or not printable ASCII is refused."""
    world.upload()
    answer = await api.post("/v1/jobs", json=ORDER, headers=[(b"idempotency-key", key.encode())])
    assert answer.status_code == 422
    assert "Idempotency-Key" in answer.json()["detail"]
    assert not world.jobs.jobs


async def test_a_job_request_that_is_too_large_is_refused_unread(api: httpx.AsyncClient) -> None:
    """A body far larger than any request is refused unread."""
    answer = await api.post("/v1/jobs", content=b" " * 300_000, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


# ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_each_state_of_a_job_shows_what_there_is_to_know(world: World, api: httpx.AsyncClient) -> None:
    """Each state shows what there is to know in it, and only that."""
    world.running(percent=42.0, path="streaming", attempt=2)
    running = (await api.get(f"/v1/jobs/{JOB}")).json()
    assert (running["state"], running["path"], running["resumed"]) == ("running", "streaming", True)
    assert "download" not in running["links"]

    world.succeeded()
    answer = await api.get(f"/v1/jobs/{JOB}")
    done = answer.json()
    assert (done["state"], done["percent"], done["size"]) == ("succeeded", 100.0, 10)
    assert done["links"]["download"] == f"/v1/jobs/{JOB}/download"
    assert "cancel" not in done["links"]
    assert "error" not in done
    assert "retry-after" not in answer.headers

    world.failed()
    failed = (await api.get(f"/v1/jobs/{JOB}")).json()
    assert failed["error"] == {"code": "bad_media", "detail": "No audio stream.", "diagnostics": {"exit_code": 183}}
    assert "size" not in failed


async def test_an_unknown_job_is_404_and_an_expired_one_410(world: World, api: httpx.AsyncClient) -> None:
    """An unknown job, one that is no id, and somebody else's are 404 everywhere; one whose time is over is 410."""
    paths = ("", "/progress", "/events", "/download", "/download?via=proxy")
    for path in paths:
        assert (await api.get(f"/v1/jobs/{JOB}{path}")).status_code == 404
        assert (await api.get(f"/v1/jobs/short{path}")).status_code == 404
    world.succeeded(tenant="somebody")
    for path in paths:
        assert (await api.get(f"/v1/jobs/{JOB}{path}")).status_code == 404
    assert (await api.post(f"/v1/jobs/{JOB}/cancel")).status_code == 404
    world.succeeded(expires_at=NOON)
    for path in paths:
        answer = await api.get(f"/v1/jobs/{JOB}{path}")
        assert (answer.status_code, answer.json()["code"]) == (410, "expired")


async def test_wait_until_it_has_ended(world: World, api: httpx.AsyncClient) -> None:
    """With ?wait= the answer comes when the job has ended, not before."""
    job = world.running()
    waiting = asyncio.create_task(api.get(f"/v1/jobs/{JOB}?wait=60"))
    await world.clock.until_asleep()
    await world.clock.advance(20)
    assert not waiting.done()
    await world.jobs.succeed(job.holding, Output(key="k", size=1, etag="e"), NOON)
    await world.clock.advance(0.5)
    assert (await waiting).json()["state"] == "succeeded"


async def test_a_finished_job_tells_how_it_was_made(world: World, api: httpx.AsyncClient) -> None:
    """Track, warnings and the arguments of ffmpeg are in the document; of an older record, nothing is made up."""
    report = {
        "ffmpeg": {"version": "9", "arguments": ["-i", "INPUT", "OUTPUT"]},
        "track": {"number": 2, "codec": "aac", "language": "eng", "default": True, "of a newer release": 1},
        "warnings": [{"code": "cover_dropped", "detail": "A cover was left out."}],
    }
    job = world.running()
    assert "warnings" not in (await api.get(f"/v1/jobs/{JOB}")).json()
    await world.jobs.succeed(job.holding, Output(key="k", size=1, etag="e", report=report), NOON)

    document = (await api.get(f"/v1/jobs/{JOB}")).json()

    assert document["ffmpeg"] == report["ffmpeg"]
    assert document["track"] == {"number": 2, "codec": "aac", "language": "eng", "default": True}
    assert document["warnings"] == report["warnings"]


@pytest.mark.parametrize(("wait", "seconds"), [("2", 2), ("1000000", 100), ("inf", 100)])
async def test_wait_is_bounded(world: World, api: httpx.AsyncClient, wait: str, seconds: int) -> None:
    """A wait ends when its time is over, and never lasts longer than the service allows."""
    world.running()
    waiting = asyncio.create_task(api.get(f"/v1/jobs/{JOB}?wait={wait}"))
    await world.clock.until_asleep()
    await world.clock.advance(seconds - 0.1)
    assert not waiting.done()
    await world.clock.advance(0.1)
    assert (await waiting).json()["state"] == "running"


@pytest.mark.parametrize("wait", ["-1", "abc", "nan", ""])
async def test_a_wait_that_is_no_number_of_seconds_is_refused(world: World, api: httpx.AsyncClient, wait: str) -> None:
    """A wait that is no number of seconds is refused, by name."""
    world.running()
    answer = await api.get(f"/v1/jobs/{JOB}?wait={wait}")
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == "wait"


async def test_wait_for_a_deleted_job(world: World, api: httpx.AsyncClient) -> None:
    """A job that is deleted while somebody waits for it is 404 at once."""
    world.running()
    waiting = asyncio.create_task(api.get(f"/v1/jobs/{JOB}?wait=60"))
    await world.clock.until_asleep()
    world.jobs.jobs.clear()
    await world.clock.advance(1)
    assert (await waiting).status_code == 404


# ── cancelling ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_cancelling_ends_a_queued_job_and_asks_a_running_one(world: World, api: httpx.AsyncClient) -> None:
    """A queued job ends at once, a running one is asked to, and asking twice changes nothing."""
    world.job()
    for _ in range(2):
        answer = await api.post(f"/v1/jobs/{JOB}/cancel")
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    world.running()
    for _ in range(2):
        answer = await api.post(f"/v1/jobs/{JOB}/cancel")
        assert (answer.json()["state"], answer.json()["cancel_requested"]) == ("running", True)
        assert answer.headers["retry-after"] == "1"


async def test_cancelling_leaves_an_ended_job_as_it_is(world: World, api: httpx.AsyncClient) -> None:
    """A job that has ended stays as it is."""
    before = world.succeeded()
    assert (await api.post(f"/v1/jobs/{JOB}/cancel")).json()["state"] == "succeeded"
    assert world.jobs.jobs[JOB] == before


# ── forgetting ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["job", "succeeded", "failed"])
async def test_deleting_a_job_removes_its_record_output_and_progress(
    world: World, api: httpx.AsyncClient, kind: str
) -> None:
    """A job that is not running is forgotten with its output and its progress; doing it again is fine."""
    getattr(world, kind)()
    world.objects.put(output_key(JOB, 7, "left by a loser.mp3"), b"x")
    world.hint(50.0)
    for _ in range(2):
        assert (await api.delete(f"/v1/jobs/{JOB}")).status_code == 204
    assert not world.jobs.jobs
    assert not [key for key in world.objects.objects if key.startswith(result_prefix(JOB))]
    assert not world.board.hints
    assert (await api.get(f"/v1/jobs/{JOB}")).status_code == 404
    assert (await api.delete("/v1/jobs/short")).status_code == 404


async def test_deleting_a_running_job_asks_it_to_stop(world: World, api: httpx.AsyncClient) -> None:
    """A running job is asked to stop, and is there until it has."""
    job = world.running()
    answer = await api.delete(f"/v1/jobs/{JOB}")
    assert (answer.status_code, answer.headers["retry-after"]) == (202, "1")
    assert world.jobs.jobs[JOB].cancel_requested
    await world.jobs.stop(job.holding, NOON)
    assert (await api.delete(f"/v1/jobs/{JOB}")).status_code == 204
    assert not world.jobs.jobs


async def test_the_slower_of_two_deletions_of_a_job_succeeds(
    world: World, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two deletions at once the slower one finds the job ended and gone, and says what it always says."""
    running = world.running()
    cancel = world.jobs.cancel

    async def overtaken(job_id: str, now: float) -> Job:
        world.jobs.jobs[job_id] = running.stopped(now)
        await world.jobs.delete(job_id)
        return await cancel(job_id, now)

    monkeypatch.setattr(world.jobs, "cancel", overtaken)

    assert (await api.delete(f"/v1/jobs/{JOB}")).status_code == 204
    assert not world.jobs.jobs


async def test_deleting_another_tenants_job_changes_nothing(world: World, api: httpx.AsyncClient) -> None:
    """Somebody else's job looks deleted, and is not."""
    world.succeeded(tenant="somebody")
    assert (await api.delete(f"/v1/jobs/{JOB}")).status_code == 204
    assert JOB in world.jobs.jobs
    assert world.objects.objects


async def test_a_deletion_that_breaks_midway_can_be_repeated(world: World, api: httpx.AsyncClient) -> None:
    """When the bytes cannot be removed, no job promises them any more; a repeated call leaves them to the janitor."""
    world.succeeded()

    async def away(verb: str, key: str, moment: str) -> None:
        raise Unavailable

    trouble, world.objects.trouble = world.objects.trouble, away
    assert (await api.delete(f"/v1/jobs/{JOB}")).status_code == 503
    assert (await api.get(f"/v1/jobs/{JOB}")).status_code == 404
    assert (await api.delete(f"/v1/jobs/{JOB}")).status_code == 204
    world.objects.trouble = trouble
    assert world.objects.objects


async def test_deletion_does_the_same_work_for_an_unknown_job_and_a_foreign_one(
    world: World, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a job is of another tenant or is not there, its record is looked at once, so that time tells nothing."""
    world.succeeded(tenant="somebody")
    asked: list[str] = []
    get = world.jobs.get

    async def counted(job_id: str) -> Job | None:
        asked.append(job_id)
        return await get(job_id)

    async def forbidden(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(world.jobs, "get", counted)
    monkeypatch.setattr(world.jobs, "delete", forbidden)
    monkeypatch.setattr(world.board, "forget", forbidden)
    monkeypatch.setattr(world.objects, "delete_prefix", forbidden)
    for job_id in (JOB, "unknownunknownunknown"):
        assert (await api.delete(f"/v1/jobs/{job_id}")).status_code == 204

    assert asked == [JOB, "unknownunknownunknown"]


async def test_expiry_is_configured() -> None:
    """Jobs and uploads live as long as the configuration says."""
    world = World()
    world.upload()
    async with client_of(create_app(replace(world.context, config=ServiceConfig(ttl_seconds=60)))) as api:
        job = (await api.post("/v1/jobs", json=ORDER)).json()
    assert job["expires_at"] == "2027-01-15T08:01:00Z"
