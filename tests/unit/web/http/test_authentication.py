"""Who is let in, and what of others is seen: nothing."""

import hashlib
import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import structlog

from service.core.access import parse_keys
from service.core.naming import input_key
from service.core.progress import Hint
from service.telemetry import configure_logging
from service.testing.factories import a_pending_upload
from service.web.http.config import WebConfig
from tests.unit.web.conftest import JOB, UPLOAD, World, client_of, wav

ACME, OTHER = "key-of-acme-4f7d", "key-of-other-9b1c"
CONFIGURED = ",".join(
    f"{tenant}:{hashlib.sha256(key.encode()).hexdigest()}" for tenant, key in (("acme", ACME), ("other", OTHER))
)
PAGE = "https://app.example"


@pytest.fixture
def world() -> World:
    """A service with keys, and one web page that may call it."""
    return World(web=WebConfig(api_keys=parse_keys(CONFIGURED), cors_origins=(PAGE,)))


@pytest.fixture
async def acme(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a key."""
    async with client_of(world.app) as client:
        client.headers["Authorization"] = f"Bearer {ACME}"
        yield client


@pytest.fixture
async def other(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client with another tenant's key, in the other header."""
    async with client_of(world.app) as client:
        client.headers["X-API-Key"] = OTHER
        yield client


def protected(world: World) -> list[tuple[str, str]]:
    """Method and path of every call under /v1, but for the formats."""
    found = [
        (
            method,
            route.path.replace("{upload_id:str}", UPLOAD)
            .replace("{job_id:str}", JOB)
            .replace("{part_number:int}", "1"),
        )
        for route in world.app.routes
        for method in getattr(route, "methods", ())
        if route.path.startswith("/v1/") and route.path != "/v1/formats" and method != "OPTIONS"
    ]
    assert len(found) >= 19
    return found


async def test_every_call_needs_a_key(world: World, api: httpx.AsyncClient) -> None:
    """No call under /v1 is answered without a key, whatever its method; the formats are for everybody."""
    for method, path in protected(world):
        answer = await api.request(method, path)
        assert answer.status_code == 401, (method, path)
        assert answer.headers["www-authenticate"] == 'Bearer realm="reprise"'
        if method != "HEAD":
            assert answer.json()["code"] == "unauthorized"
    for path in ("/v1/formats", "/health/live", "/health/ready", "/schema", "/"):
        assert (await api.get(path)).status_code == 200, path


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {ACME}"},
        {"Authorization": ACME},
        {"Authorization": "Bearer "},
        {"X-API-Key": f"{ACME}x"},
        {"X-API-Key": hashlib.sha256(ACME.encode()).hexdigest()},
        {"X-API-Key": ACME * 100},
        {"X-API-Key": ""},
        {"Authorization": "Bearer wrong", "X-API-Key": ACME},
    ],
)
async def test_a_wrong_key_is_refused_and_not_repeated(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """What is not exactly a key, in one of the two headers, is refused, and not repeated in the answer."""
    answer = await api.get(f"/v1/jobs/{JOB}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert ACME not in answer.text


async def test_a_key_in_the_query_is_ignored(api: httpx.AsyncClient) -> None:
    """Addresses end up in logs and histories: a key in one is not looked at."""
    answer = await api.get(f"/v1/jobs/{JOB}", params={"api_key": ACME, "key": ACME, "access_token": ACME})
    assert answer.status_code == 401


@pytest.mark.parametrize("headers", [{"authorization": f"bearer  {ACME}"}, {"x-api-key": ACME}, {"X-API-Key": OTHER}])
async def test_either_header_lets_a_key_in_as_its_tenant(
    world: World, api: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    """Either header lets in, and what is made belongs to the key's tenant."""
    upload = (await api.post("/v1/uploads?filename=a.wav", content=wav(), headers=headers)).json()
    tenant = "other" if OTHER in headers.values() else "acme"
    assert world.jobs.uploads[upload["upload_id"]].tenant == tenant
    job = await api.post("/v1/jobs", json={"upload_id": upload["upload_id"], "format": "mp3"}, headers=headers)
    assert world.jobs.jobs[job.json()["job_id"]].tenant == tenant


def comparable(answer: httpx.Response) -> tuple[int, Any, dict[str, str]]:
    """All of an answer that a client could learn from."""
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    document = answer.json() if answer.content and "json" in headers.get("content-type", "") else answer.content
    if isinstance(document, dict):
        document.pop("request_id", None)
    return answer.status_code, document, headers


async def test_uploads_and_jobs_of_another_tenant_do_not_exist(world: World, other: httpx.AsyncClient) -> None:
    """Every call about another tenant's upload or job is answered as if there were none, and changes nothing."""
    calls = [(method, path) for method, path in protected(world) if UPLOAD in path or JOB in path]
    assert len(calls) > 15

    async def answers() -> list[tuple[int, Any, dict[str, str]]]:
        body = {"parts": [{"PartNumber": 1, "ETag": "x"}]}
        query = {"key": input_key(UPLOAD), "partNumbers": "1"}
        found = [
            comparable(
                await other.request(method, path, params=query, json=body if path.endswith("complete") else None)
            )
            for method, path in calls
        ]
        request = {"upload_id": UPLOAD, "format": "mp3"}
        return [*found, comparable(await other.post("/v1/jobs", json=request))]

    unknown = await answers()
    for kind in ("complete", "pending"):
        world.objects.objects.clear()
        if kind == "complete":
            world.upload(tenant="acme")
        else:
            del world.jobs.uploads[UPLOAD]
            pending = a_pending_upload(upload_id=UPLOAD, tenant="acme")
            world.jobs.pending[UPLOAD] = pending
            world.objects.unfinished[pending.transfer] = pending.key
        world.succeeded(tenant="acme")
        world.board.hints[JOB] = Hint(50.0, 1)
        before = (dict(world.jobs.jobs), dict(world.jobs.uploads), dict(world.jobs.pending))
        objects = dict(world.objects.objects), dict(world.objects.unfinished)

        assert await answers() == unknown, kind
        assert (world.jobs.jobs, world.jobs.uploads, world.jobs.pending) == before
        assert (world.objects.objects, world.objects.unfinished) == objects
        assert world.board.hints


async def test_idempotency_keys_are_per_tenant(world: World, acme: httpx.AsyncClient, other: httpx.AsyncClient) -> None:
    """Two tenants who happen on the same Idempotency-Key do not meet."""
    jobs = []
    for client in (acme, other):
        upload = (await client.post("/v1/uploads", content=wav())).json()["upload_id"]
        wanted = {"upload_id": upload, "format": "mp3"}
        jobs.append(await client.post("/v1/jobs", json=wanted, headers={"Idempotency-Key": "once"}))
    assert [answer.status_code for answer in jobs] == [202, 202]
    assert len(world.jobs.jobs) == 2


async def test_keys_are_never_logged(world: World, acme: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a good key nor a wrong one is written to the log, not even with the traceback of a mistake of ours."""
    written = io.StringIO()

    async def broken(_: str) -> None:
        raise RuntimeError

    monkeypatch.setattr(world.jobs, "get", broken)
    old = structlog.get_config()
    configure_logging(level="debug", form="json", stream=written)
    try:
        assert (await acme.get(f"/v1/jobs/{JOB}")).status_code == 500
        assert (await acme.get("/v1/jobs/x", headers={"Authorization": "Bearer wrong-6e2a"})).status_code == 401
    finally:
        structlog.configure(**old)
    assert '"tenant": "acme"' in written.getvalue()
    assert "RuntimeError" in written.getvalue()
    assert ACME not in written.getvalue()
    assert "wrong-6e2a" not in written.getvalue()


@pytest.mark.requirement("3.2")
@pytest.mark.parametrize(("origin", "allowed"), [(PAGE, True), ("https://evil.example", False)])
async def test_only_configured_origins_may_call_the_api(api: httpx.AsyncClient, origin: str, *, allowed: bool) -> None:
    """A configured page may call the API with a key, which its preflight (without one) finds out; no other may."""
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,uppy-versions",
    }
    preflight = await api.options("/v1/s3/multipart", headers=headers)
    assert (preflight.headers.get("access-control-allow-origin") == origin) is allowed
    if allowed:
        assert preflight.status_code < 300
        granted = preflight.headers["access-control-allow-headers"].lower()
        assert all(name in granted for name in ("authorization", "content-type", "uppy-versions", "x-api-key"))
    refused = await api.post("/v1/s3/multipart", headers={"Origin": origin})
    assert refused.status_code == 401
    assert (refused.headers.get("access-control-allow-origin") == origin) is allowed


@pytest.mark.parametrize(("keys", "origins", "allowed"), [
    (CONFIGURED, ("*",), True), ("none", ("*",), False), ("none", ("*", PAGE), True), ("none", (), False),
])  # fmt: skip
async def test_any_origin_is_allowed_only_where_keys_are_needed(
    keys: str, origins: tuple[str, ...], *, allowed: bool
) -> None:
    """Where no key is needed, a page from elsewhere has to be named: `*` would open a local service to every page."""
    world = World(web=WebConfig(api_keys=parse_keys(keys), cors_origins=origins))
    async with client_of(world.app) as api:
        answer = await api.get("/v1/formats", headers={"Origin": PAGE})
    assert ("access-control-allow-origin" in answer.headers) is allowed


@pytest.mark.requirement("8.3")
async def test_openapi_says_which_calls_need_a_key(api: httpx.AsyncClient) -> None:
    """The description says which calls need a key and where it goes; that of an open service asks for none."""
    document = (await api.get("/schema")).json()
    assert set(document["components"]["securitySchemes"]) == {"bearer", "header"}
    for path, methods in document["paths"].items():
        for operation in methods.values():
            needs = (path.startswith("/v1/") and path != "/v1/formats") or path == "/metrics"
            assert operation.get("security") == ([{"bearer": []}, {"header": []}] if needs else None), path
    async with client_of(World().app) as client:
        assert "security" not in (await client.get("/schema")).text
