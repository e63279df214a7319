"""Lists of jobs and of uploads: whose they are, in which order, in pages, by state."""

from hashlib import sha256
from typing import Any

import httpx
import pytest

from service.application.listing import ROUNDS
from service.core.access import parse_keys
from service.core.jobs.lease import State
from service.core.listing import MOST_ON_A_PAGE, cursor_of, place_in, place_of
from service.testing.clock import NOON
from service.testing.factories import a_pending_upload
from service.web.http.config import WebConfig
from tests.unit.web.conftest import World, client_of


def ids(count: int, stem: str = "jobjobjobjobjob") -> list[str]:
    """As many ids that look like ids."""
    return [f"{stem}{n:04}" for n in range(count)]


async def pages(api: httpx.AsyncClient, path: str, what: str, **query: Any) -> list[dict[str, Any]]:
    """All documents of a list, however many pages they come in."""
    found, cursor = list[dict[str, Any]](), dict[str, str]()
    while True:
        answer = await api.get(path, params={**query, **cursor})
        assert answer.status_code == 200, answer.text
        found += answer.json()[what]
        if answer.json()["next"] is None:
            return found
        cursor = {"cursor": answer.json()["next"]}


async def test_jobs_are_listed_newest_first(world: World, api: httpx.AsyncClient) -> None:
    """A client that lost its ids finds its jobs, newest first and whole, in pages of the length that it wants."""
    for n, job_id in enumerate(ids(7)):
        world.job(job_id=job_id, created_at=NOON + n)
    expected = ids(7)[::-1]
    for limit in (1, 3, 7, 100):
        documents = await pages(api, "/v1/jobs", "jobs", limit=limit)
        assert [one["job_id"] for one in documents] == expected
    [newest] = (await api.get("/v1/jobs?limit=1")).json()["jobs"]
    assert newest == (await api.get(f"/v1/jobs/{expected[0]}")).json()
    assert len((await api.get("/v1/jobs?limit=3")).json()["jobs"]) == 3


async def test_lists_are_filtered_by_state(world: World, api: httpx.AsyncClient) -> None:
    """Jobs can be listed in one state or in several, and what has expired or is gone is in no list."""
    queued, running, expired = ids(3)
    world.job(job_id=queued)
    world.running(job_id=running)
    world.job(job_id=expired, created_at=NOON - 10, expires_at=NOON)
    found = {one["job_id"] for one in await pages(api, "/v1/jobs", "jobs")}
    assert found == {queued, running}
    for states, expected in (
        (["queued"], {queued}),
        (["running"], {running}),
        (["queued", "running"], {queued, running}),
    ):
        documents = await pages(api, "/v1/jobs", "jobs", state=states)
        assert {one["job_id"] for one in documents} == expected
    assert await pages(api, "/v1/jobs", "jobs", state="failed") == []


async def test_a_rare_state_is_found_in_bounded_steps(world: World, api: httpx.AsyncClient) -> None:
    """One request looks at a bounded number of jobs; the cursor goes on even where a page found nothing."""
    everyone = ids(ROUNDS * MOST_ON_A_PAGE + 10)
    for n, job_id in enumerate(everyone):
        world.job(job_id=job_id, created_at=NOON + n)
    world.job(job_id=everyone[0], created_at=NOON, state=State.FAILED, attempt=1, finished_at=NOON)
    first = (await api.get("/v1/jobs?state=failed")).json()
    assert first["jobs"] == []
    assert first["next"] is not None
    rest = (await api.get("/v1/jobs", params={"state": "failed", "cursor": first["next"]})).json()
    assert [one["job_id"] for one in rest["jobs"]] == [everyone[0]]
    assert rest["next"] is None


@pytest.mark.requirement("7.1")
async def test_each_tenant_lists_its_own() -> None:
    """A tenant finds its own jobs and uploads alone, also with the cursor of another tenant."""
    keys = ",".join(f"{who}:{sha256(who[:1].encode()).hexdigest()}" for who in ("anna", "bob"))
    world = World(web=WebConfig(api_keys=parse_keys(keys)))
    hers, his = ids(2)
    world.job(job_id=hers, tenant="anna", created_at=NOON + 1)
    world.job(job_id=his, tenant="bob")
    world.upload(upload_id="uploaduploadupload1", tenant="anna")
    above = cursor_of(place_of(NOON + 1, hers) + 1)
    async with client_of(world.app) as api:
        for key, own in ("a", hers), ("b", his):
            headers = {"X-API-Key": key}
            for query in {}, {"cursor": above}:
                answer = await api.get("/v1/jobs", headers=headers, params=query)
                assert [one["job_id"] for one in answer.json()["jobs"]] == [own]
        assert len((await api.get("/v1/uploads", headers={"X-API-Key": "a"})).json()["uploads"]) == 1
        assert (await api.get("/v1/uploads", headers={"X-API-Key": "b"})).json() == {"uploads": [], "next": None}
        assert (await api.get("/v1/jobs")).status_code == 401


async def test_uploads_are_listed_with_what_they_are(world: World, api: httpx.AsyncClient) -> None:
    """Uploads are listed newest first, those that are not complete without what only the object store knows."""
    upload = world.upload(created_at=NOON - 5)
    pending = a_pending_upload(upload_id="pendingpendingpending", tenant="", declared_size=12)
    await world.jobs.begin_upload(pending)
    documents = await pages(api, "/v1/uploads", "uploads", limit=1)
    assert [(one["upload_id"], one["state"]) for one in documents] == [
        (pending.upload_id, "pending"),
        (upload.upload_id, "complete"),
    ]
    assert documents[0]["size"] == 12
    assert documents[0]["links"]["complete"] == f"/v1/uploads/{pending.upload_id}/complete"
    whole = (await api.get(f"/v1/uploads/{upload.upload_id}")).json()
    assert documents[1] == {name: value for name, value in whole.items() if name not in {"format", "tracks"}}
    only = await pages(api, "/v1/uploads", "uploads", state="pending")
    assert [one["state"] for one in only] == ["pending"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=101", "limit=x", "state=asleep", "cursor=", "cursor=zz", "cursor=" + "f" * 25, "cursor=-1",
    ],
)  # fmt: skip
async def test_what_cannot_be_listed_is_refused(api: httpx.AsyncClient, query: str) -> None:
    """A limit out of range, a state that does not exist and a cursor that is none are refused with their name."""
    for path in "/v1/jobs", "/v1/uploads":
        answer = await api.get(f"{path}?{query}")
        assert answer.status_code == 422, answer.text
        assert query.partition("=")[0] in answer.text


def test_places_have_an_order_that_a_cursor_keeps() -> None:
    """Later is greater, two of one moment differ, a cursor reads back, and a place fits into a number of the table."""
    assert place_of(NOON, "a") != place_of(NOON, "b")
    assert max(place_of(NOON, "a"), place_of(NOON, "b")) < place_of(NOON + 0.001, "c")
    assert place_in(cursor_of(place_of(NOON, "a"))) == place_of(NOON, "a")
    assert len(str(place_of(4e9, "a"))) <= 38
