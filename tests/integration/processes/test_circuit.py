"""A backing service that goes away and comes back, behind the real client and the real API."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import pytest
from litestar import Litestar

from service import settings, wiring
from service.adapters.aws import circuit as circuit_module
from service.adapters.aws.circuit import CircuitBreaker
from service.adapters.aws.clients import Aws
from service.adapters.dynamodb.store import DynamoJobs
from service.adapters.system.ambient import SystemClock
from service.application.context import ServiceContext
from service.core.errors import CircuitOpen, StoreError, Unavailable
from service.testing.clock import SeededIds, SteppingClock
from service.testing.factories import a_job
from service.testing.memory_hints import MemoryBoard, MemoryWakeups
from service.testing.memory_objects import MemoryObjects
from service.testing.sniffer import DirectSniffer
from service.web.app import create_app
from tests.support.flaky_proxy import Fault, FlakyProxy, How

pytestmark = pytest.mark.requirement("6.11")
FAILURES = 3
FAILURES_OF_THE_PRODUCT = circuit_module.FAILURES


@pytest.fixture
async def proxy(moto_endpoint: str) -> AsyncIterator[FlakyProxy]:
    """Between us and DynamoDB."""
    parts = urlsplit(moto_endpoint)
    async with FlakyProxy(str(parts.hostname), int(parts.port or 0)) as proxy:
        yield proxy


@pytest.fixture
def clock() -> SteppingClock:
    """Time that stands still: a pause is over when the test says so."""
    return SteppingClock()


@pytest.fixture
def truth(aws: Aws, proxy: FlakyProxy, clock: SteppingClock) -> Iterator[Aws]:
    """DynamoDB as the product reaches it, through a circuit."""
    breaker = CircuitBreaker("dynamodb", clock.monotonic, failures=FAILURES, reset=1.0)
    made = Aws(replace(aws.settings, dynamodb_endpoint=f"http://{proxy.address}"), threads=4, breaker=breaker)
    yield made
    made.close()


@pytest.fixture
def jobs(truth: Aws, clock: SteppingClock) -> DynamoJobs:
    """The store behind the circuit."""
    return DynamoJobs(truth, clock, SeededIds())


def app_on(jobs: DynamoJobs, clock: SteppingClock) -> Litestar:
    """The API on this store."""

    async def checks() -> dict[str, str]:
        return {}

    return create_app(
        ServiceContext(
            jobs=jobs,
            uploads=jobs,
            objects=MemoryObjects(),
            sniffer=DirectSniffer(),
            board=MemoryBoard(),
            wakeups=MemoryWakeups(clock),
            clock=clock,
            ids=SeededIds(),
            checks=checks,
        )
    )


def go_away(proxy: FlakyProxy) -> None:
    """From now on every connection is reset."""
    proxy.faults = [Fault(How.RESET, after=1, requests=True)] * 1000


async def test_away_and_back(truth: Aws, jobs: DynamoJobs, proxy: FlakyProxy, clock: SteppingClock) -> None:
    """
    A service that goes away costs a few failures, and then no call at all until the pause is over.

    While it is open no connection is made; when the service is back, the first call closes the circuit.
    """
    await jobs.submit(a_job())
    breaker = truth._breaker
    assert breaker is not None
    go_away(proxy)
    for _ in range(FAILURES):
        with pytest.raises(StoreError):
            await jobs.get("job1")
    assert breaker.state == "open"
    harmed = len(proxy.hit)
    assert harmed > 0

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app_on(jobs, clock), raise_app_exceptions=False),  # type: ignore[arg-type]
        base_url="http://test",
    ) as api:
        for _ in range(20):
            answer = await api.get("/v1/jobs/jobjobjobjobjobj")
            assert (answer.status_code, answer.json()["code"]) == (503, "circuit_open")
            assert answer.headers["Retry-After"] == "1"
        assert len(proxy.hit) == harmed, "an open circuit makes no connection"

        await clock.advance(1.0)
        with contextlib.suppress(StoreError):
            await jobs.get("job1")
        assert breaker.state == "open", "still away: one try, another pause"
        assert len(proxy.hit) > harmed, "the try was real"

        proxy.faults = []
        await clock.advance(1.0)
        answer = await api.get("/v1/jobs/jobjobjobjobjobj")
        assert answer.json()["code"] == "not_found"
    assert breaker.state == "closed"
    assert (await jobs.get("job1")) is not None


async def test_open_needs_no_thread(truth: Aws, jobs: DynamoJobs, proxy: FlakyProxy) -> None:
    """Callers of an open circuit are refused at once even when every thread waits for a service that hangs."""
    breaker = truth._breaker
    assert breaker is not None
    proxy.faults = [Fault(How.STALL, after=1)] * 1000
    hanging = [asyncio.create_task(jobs.get(f"job{n}")) for n in range(4)]
    await proxy.harmed.wait()
    for _ in range(FAILURES):
        with contextlib.suppress(StoreError):
            breaker.guard(_fail)
    with pytest.raises(CircuitOpen):
        await jobs.get("job1")
    assert not any(call.done() for call in hanging), "refused before any of the calls that hang came back"
    proxy.faults = []
    proxy.release()
    await asyncio.gather(*hanging, return_exceptions=True)


def _fail() -> None:
    raise Unavailable


async def test_readiness_tells_and_finds_out(proxy: FlakyProxy, moto_endpoint: str) -> None:
    """
    Readiness names the open circuit at once, and closes it when the service is back.

    No request is needed for that: a container that a load balancer has taken out gets none.
    """
    environment = {
        "REPRISE_BUCKET": "readiness",
        "REPRISE_TABLE": "readiness",
        "REPRISE_API_KEYS": "none",
        "AWS_ENDPOINT_URL_S3": f"http://{proxy.address}",
        "AWS_ENDPOINT_URL_DYNAMODB": moto_endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    given = settings.read(environment)
    await asyncio.to_thread(wiring.prepare_embedded, given, environment)
    service = wiring.build(given, environment)
    clock, health = SystemClock(), wiring.Health(service)
    s3 = next(breaker for breaker in service.breakers if breaker.name == "s3")
    try:
        assert (await health.check())["s3"] == "ok"
        go_away(proxy)
        assert "does not answer" in (await health.check())["s3"]
        for _ in range(FAILURES_OF_THE_PRODUCT):
            await health.check()
        assert s3.state == "open"
        harmed, found = len(proxy.hit), await health.check()
        assert (found["dynamodb"], len(proxy.hit)) == ("ok", harmed)
        assert found["s3"].startswith("circuit open")
        proxy.faults = []
        for _ in range(600):
            if (await health.check())["s3"] == "ok":
                break
            await clock.sleep(0.05)
        assert s3.state == "closed"
    finally:
        service.s3_probe.close()
        service.dynamodb_probe.close()
        await service.objects.aclose()
        service.dynamodb.close()
        service.aws.close()
