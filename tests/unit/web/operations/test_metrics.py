"""What `/metrics` says, and what it never says."""

import ast
import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import prometheus_client
import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.application.config import ServiceConfig
from service.core.access import parse_keys
from service.core.errors import Unavailable
from service.core.limits.capacity import Load, WorkerStatus
from service.telemetry import counters, emit, events
from service.telemetry.counters import COUNTERS, OTHER
from service.telemetry.metrics import GAUGES
from service.testing.memory_jobs import MemoryJobs
from service.web.http.config import WebConfig
from tests.unit.web.conftest import JOB, UPLOAD, World, client_of, wav
from tests.unit.web.operations.test_admission import Tank

SERVICE = Path(__file__).parents[4] / "service"
KEY = "key-of-acme-4f7d"
KEYS = parse_keys(f"acme:{hashlib.sha256(KEY.encode()).hexdigest()}")

Labels = frozenset[tuple[str, str]]


async def scraped(client: httpx.AsyncClient, **headers: str) -> dict[tuple[str, Labels], float]:
    """What is said now, by name and labels."""
    answer = await client.get("/metrics", headers=headers)
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def of(found: dict[tuple[str, Labels], float], name: str, **labels: str) -> float | None:
    """One value, None if it is not there."""
    return found.get((name, frozenset(labels.items())))


@pytest.fixture
async def living(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that was started, in a task of its own as a server does it."""
    begun, over = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with world.app.lifespan():
            begun.set()
            await over.wait()

    life = asyncio.create_task(live())
    await begun.wait()
    async with client_of(world.app) as client:
        yield client
    over.set()
    await life


async def test_requests_are_grouped_by_route(world: World, living: httpx.AsyncClient) -> None:
    """Requests are told apart by the template of their route and their status; an id is never a label."""
    world.running()
    for path in (f"/v1/jobs/{JOB}", "/v1/jobs/anotheranother", f"/v1/jobs/{JOB}/progress", "/nowhere/secret"):
        await living.get(path)
    await living.put("/v1/jobs")

    answer = await living.get("/metrics")
    found = await scraped(living)

    common = {"method": "GET", "path": "/v1/jobs/{job_id}", "app_name": "reprise"}
    assert of(found, "reprise_http_requests_total", status_code="200", **common) == 1
    assert of(found, "reprise_http_requests_total", status_code="404", **common) == 1
    assert of(found, "reprise_http_request_duration_seconds_count", status_code="200", **common) == 1
    assert of(found, "reprise_problems_total", code="not_found", status="404") == 2
    assert of(found, "reprise_problems_total", code="method_not_allowed", status="405") == 1
    for word in (JOB, "anotheranother", "secret"):
        assert word not in answer.text


async def test_answer_of_500_is_counted_as_a_request_error(world: World, living: httpx.AsyncClient) -> None:
    """An answer of 500 and above is an error in the statistics of requests, whatever raised it."""

    async def checks() -> dict[str, str]:
        raise RuntimeError("a mistake")

    object.__setattr__(world.context, "checks", checks)
    assert (await living.get("/health/ready")).status_code == 500

    found = await scraped(living)
    labels = {"method": "GET", "path": "/health/ready", "status_code": "500", "app_name": "reprise"}
    assert of(found, "reprise_http_requests_error_total", **labels) == 1
    assert of(found, "reprise_unexpected_total", where="web") == 1


async def test_events_are_counted_on_any_thread_and_at_any_log_level(living: httpx.AsyncClient) -> None:
    """What is said on any thread is counted, by the words of the event; also what the log's level leaves out."""
    emit(events.JOB_CLAIMED, job_id=JOB, attempt=1)
    emit(events.JOB_TAKEN_OVER, job_id=JOB, attempt=2, previous_owner="w")
    emit(events.JOB_SUCCEEDED, seconds=2.5, size=1000, key="k")
    emit(events.JOB_FAILED, code="bad_media", detail="")
    emit(events.JOB_EXHAUSTED, job_id=JOB, lapses=5)
    emit(events.JOB_STOPPED)
    emit(events.JOB_LOST, reason="fenced")
    emit(events.FFMPEG_STOPPED, code="transcode_stalled", detail="")
    retried = {"service": "s3", "operation": "PutObject", "attempt": 2}
    thread = threading.Thread(target=lambda: emit(events.AWS_RETRIED, **retried))
    thread.start()
    thread.join()

    found = await scraped(living)
    assert of(found, "reprise_attempts_started_total", how="claimed") == 1
    assert of(found, "reprise_attempts_started_total", how="taken_over") == 1
    assert of(found, "reprise_jobs_ended_total", outcome="succeeded", code="") == 1
    assert of(found, "reprise_jobs_ended_total", outcome="failed", code="bad_media") == 1
    assert of(found, "reprise_jobs_ended_total", outcome="failed", code="attempts_exhausted") == 1
    assert of(found, "reprise_jobs_ended_total", outcome="cancelled", code="") == 1
    assert of(found, "reprise_attempts_lost_total", reason="fenced") == 1
    assert of(found, "reprise_ffmpeg_stopped_total", code="transcode_stalled") == 1
    assert of(found, "reprise_aws_retries_total", service="s3") == 1
    assert of(found, "reprise_aws_retries_total", service="dynamodb") == 0, "shown before the first"
    assert of(found, "reprise_converted_bytes_total") == 1000
    assert of(found, "reprise_conversion_seconds_total") == 2.5


async def test_label_value_outside_its_vocabulary_is_counted_as_other(living: httpx.AsyncClient) -> None:
    """A value outside of the vocabulary of its label is counted as `other`, however many there are."""
    before = len(await scraped(living))
    for number in range(100):
        emit(events.JOB_FAILED, code=f"code-{number}", detail="")
        emit(events.JANITOR_FOUND, key="k", kind=f"kind-{number}", reason=f"reason-{number}")
    emit(events.JOB_LOST)
    emit(events.UPLOAD_STORED, size="many")

    found = await scraped(living)
    assert of(found, "reprise_jobs_ended_total", outcome="failed", code=OTHER) == 100
    assert of(found, "reprise_janitor_found_total", kind=OTHER, reason=OTHER) == 100
    assert of(found, "reprise_uploads_stored_bytes_total") == 0
    measured = [name for name, _ in found if name.startswith("reprise_http")]
    assert len(found) - len(measured) <= before + 3


async def test_uploads_jobs_and_downloads_are_counted_where_they_happen(
    world: World, living: httpx.AsyncClient
) -> None:
    """Uploads, jobs, cancellations and downloads are counted where they happen, with their bytes."""
    size = len(body := wav())
    upload = (await living.post("/v1/uploads?filename=a.wav", content=body)).json()
    await living.post("/v1/uploads?filename=a.wav", content=b"#EXTM3U\n")
    job = (await living.post("/v1/jobs", json={"upload_id": upload["upload_id"], "format": "mp3"})).json()
    for _ in range(2):
        await living.post(f"/v1/jobs/{job['job_id']}/cancel")
    world.succeeded(b"0123456789")
    await living.get(f"/v1/jobs/{JOB}/download?via=proxy")
    await living.get(f"/v1/jobs/{JOB}/download")

    found = await scraped(living)
    assert of(found, "reprise_uploads_stored_total") == 1
    assert of(found, "reprise_uploads_stored_bytes_total") == size
    assert of(found, "reprise_uploads_refused_total", code="unsupported_media") == 1
    assert of(found, "reprise_jobs_accepted_total", format="mp3") == 1
    assert of(found, "reprise_jobs_ended_total", outcome="cancelled", code="") == 1
    assert of(found, "reprise_downloads_total", via="proxy") == 1
    assert of(found, "reprise_downloads_total", via="url") == 1
    assert of(found, "reprise_downloads_sent_bytes_total") == 10


@pytest.mark.requirement("6.15")
async def test_refusals_are_counted_by_their_code() -> None:
    """What was refused with 429 or 503 is counted, with the reason."""
    world = World(config=ServiceConfig(max_queued=1))
    world.upload()
    async with world.app.lifespan(), client_of(world.app) as client:
        for _ in range(3):
            await client.post("/v1/jobs", json={"upload_id": UPLOAD, "format": "mp3"})
        found = await scraped(client)
    assert of(found, "reprise_problems_total", code="queue_full", status="429") == 2


@pytest.mark.requirement("6.11", "6.15")
async def test_gauges_show_circuits_slots_queue_and_load_of_the_moment() -> None:
    """Circuits, slots, uploads, the queue and the readings of the container are those of the moment of asking."""
    worker = WorkerStatus(slots=2, active=1, short_of=("memory",))
    world = World(worker=worker, capacity=Tank(Load(memory=0.41, disk_free=1234)), config=ServiceConfig(max_uploads=7))
    world.states.update(dynamodb="closed", s3="open")
    world.job(job_id="a" * 16)
    world.running(job_id="b" * 16)
    async with client_of(world.app) as client:
        found = await scraped(client)
        world.board.away = True
        later = await scraped(client)

    for service, state in (("dynamodb", "closed"), ("s3", "open"), ("redis", "closed")):
        assert of(found, "reprise_circuit_state", service=service, state=state) == 1
    assert of(found, "reprise_circuit_state", service="s3", state="closed") == 0
    assert of(found, "reprise_redis_degraded") == 0
    assert of(found, "reprise_conversions_running") == 1
    assert of(found, "reprise_conversion_slots") == 2
    assert of(found, "reprise_short_of", resource="memory") == 1
    assert of(found, "reprise_short_of", resource="disk") == 0
    assert of(found, "reprise_upload_slots") == 7
    assert of(found, "reprise_queue_jobs", state="queued") == 1
    assert of(found, "reprise_queue_jobs", state="running") == 1
    assert of(found, "reprise_memory_used_ratio") == 0.41
    assert of(found, "reprise_disk_free_bytes") == 1234
    assert of(found, "reprise_cpu_pressure_ratio") is None, "what the platform does not tell is left out"
    assert of(found, "process_resident_memory_bytes")
    assert of(later, "reprise_redis_degraded") == 1
    assert of(later, "reprise_circuit_state", service="redis", state="open") == 1


class Counting(MemoryJobs):
    """A store that counts how often it is asked, and may be away."""

    asked = 0
    away = False

    async def queued(self, limit: int) -> int:
        self.asked += 1
        if self.away:
            raise Unavailable
        return await super().queued(limit)


async def test_scraping_is_no_load_on_the_store() -> None:
    """However often it is scraped, the queue is counted once in five seconds; a store that is away is left out."""
    jobs = Counting()
    world = World(jobs=jobs)
    async with client_of(world.app) as client:
        for _ in range(5):
            assert of(await scraped(client), "reprise_queue_jobs", state="queued") == 0
        assert jobs.asked == 1
        jobs.away = True
        await world.clock.advance(5.0)
        found = await scraped(client)
    assert jobs.asked == 2
    assert of(found, "reprise_queue_jobs", state="queued") is None
    assert of(found, "reprise_queue_limit") == 1000


async def test_each_application_has_its_own_metrics(world: World, living: httpx.AsyncClient) -> None:
    """Each application has its own numbers, a stopped one listens no more, and the global registry stays clean."""
    other = World()
    async with client_of(other.app) as client:
        async with other.app.lifespan():
            await living.get("/health/live")
        emit(events.JOB_STOPPED)
        theirs = await scraped(client)
    ours = await scraped(living)

    live = {"method": "GET", "path": "/health/live", "status_code": "200", "app_name": "reprise"}
    assert (of(ours, "reprise_http_requests_total", **live), of(theirs, "reprise_http_requests_total", **live)) == (
        1,
        None,
    )
    assert of(ours, "reprise_jobs_ended_total", outcome="cancelled", code="") == 1
    assert of(theirs, "reprise_jobs_ended_total", outcome="cancelled", code="") is None
    assert not [metric.name for metric in prometheus_client.REGISTRY.collect() if metric.name.startswith("reprise")]


@pytest.mark.parametrize(("keys", "opened", "status"), [(True, False, 401), (True, True, 200), (False, False, 200)])
async def test_metrics_need_a_key_where_the_api_needs_one(*, keys: bool, opened: bool, status: int) -> None:
    """Where the API needs a key so does this, unless it was opened; with a key it is always there."""
    world = World(web=WebConfig(api_keys=KEYS if keys else (), metrics_open=opened))
    async with client_of(world.app) as client:
        assert (await client.get("/metrics")).status_code == status
        assert await scraped(client, Authorization=f"Bearer {KEY}")
        described = (await client.get("/schema")).json()["paths"]["/metrics"]["get"]
    assert ("security" in described) is (status == 401)


async def test_metrics_name_no_tenant_key_file_or_id() -> None:
    """No tenant, key, file name or id is in the document, whatever was done."""
    world = World(config=ServiceConfig(instance="host-4711"), web=WebConfig(api_keys=KEYS))
    async with world.app.lifespan(), client_of(world.app) as client:
        client.headers["X-API-Key"] = KEY
        upload = (await client.post("/v1/uploads?filename=secretname.wav", content=wav())).json()
        job = (await client.post("/v1/jobs", json={"upload_id": upload["upload_id"], "format": "mp3"})).json()
        await client.delete(f"/v1/jobs/{job['job_id']}")
        text = (await client.get("/metrics")).text
    for word in ("acme", KEY, "secretname", upload["upload_id"], job["job_id"], "host-4711"):
        assert word not in text


def literals(path: Path, event: str, name: str) -> set[str]:
    """The words that a module gives the field `name` when it says `event`."""
    return {
        str(keyword.value.value)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and any(isinstance(arg, ast.Attribute) and arg.attr == event for arg in node.args)
        for keyword in node.keywords
        if keyword.arg == name and isinstance(keyword.value, ast.Constant)
    }


def first_arguments(path: Path, function: str) -> set[str]:
    """The words that a module hands to `function`."""
    return {
        str(node.args[0].value)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function and node.args
        if isinstance(node.args[0], ast.Constant)
    }


def test_vocabularies_of_labels_have_every_value_in_the_code() -> None:
    """What the code says as a reason, a place or a service is in the vocabulary, and not counted as `other`."""
    sources = [path for path in SERVICE.rglob("*.py") if "testing" not in path.parts]
    said = {
        name: set().union(*(literals(path, event, field) for path in sources))
        for name, event, field in (("lost", "JOB_LOST", "reason"), ("where", "UNEXPECTED", "where"),
                                   ("service", "AWS_RETRIED", "service"))
    }  # fmt: skip
    lost = said["lost"].union(*(first_arguments(path, "Lost") for path in sources))

    assert len(lost) >= 4
    assert lost <= counters.LOSSES
    assert said["where"] == counters.PLACES
    assert said["service"] <= counters.SERVICES


def test_each_counter_has_a_unique_name_and_labels_that_its_events_carry() -> None:
    """Names are unique and of the usual form, and every label and sum can be had from each of its events."""
    names = [counted.name for counted in COUNTERS] + list(GAUGES)
    assert len(names) == len(set(names))
    assert all(name.startswith("reprise_") and not name.endswith("_total") for name in names)
    for counted in COUNTERS:
        for event, fixed in counted.events.items():
            always = {*event.fields, *fixed, *([counted.only_with] if counted.only_with else [])}
            assert set(counted.labels) <= always, counted.name
            assert counted.adds is None or counted.adds in event.fields, counted.name
            assert all(value in counted.labels[label] for label, value in fixed.items()), counted.name


def test_number_of_series_is_bounded() -> None:
    """However bad things get, all series of the table together stay within a few hundred."""

    def series(labels: dict[str, frozenset[str]]) -> int:
        count = 1
        for values in labels.values():
            count *= len(values) + 1
        return count

    # A code has one status and one outcome in practice, so these count by their codes.
    total = sum(len(counted.labels["code"]) if "code" in counted.labels else series(dict(counted.labels))
                for counted in COUNTERS)  # fmt: skip
    assert total < 500
