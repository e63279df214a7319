"""The platform of these tests is as strict as it says, or they would prove nothing."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from infra.smoke.audio import samples, wav
from tests.apprunner.conftest import WAIT, Backings, Platform
from tests.apprunner.platform import AppRunner
from tests.support.cluster import wait_for
from tests.support.docker import one_worker

pytestmark = [pytest.mark.apprunner, pytest.mark.timeout(400), one_worker]


def queued(platform: AppRunner) -> str:
    """The path of a job that nothing works on."""
    with httpx.Client(base_url=platform.address, timeout=30) as http:
        upload = http.post("/v1/uploads?filename=a.wav", content=wav(samples(1))).raise_for_status().json()
        order = {"upload_id": upload["upload_id"], "format": "mp3", "options": {}}
        return f"{platform.address}/v1/jobs/{http.post('/v1/jobs', json=order).raise_for_status().json()['job_id']}"


def test_no_processor_without_a_request(platform: Platform) -> None:
    """A container is frozen while no request is in flight, and has its processor while one is."""
    made = platform(REPRISE_ROLE="api")
    container = made.instances[0].container
    job = queued(made)
    wait_for(made.calm, "frozen")
    assert container.state()["Paused"]
    with ThreadPoolExecutor(1) as threads:
        asking = threads.submit(httpx.get, f"{job}?wait={WAIT}", timeout=30)
        wait_for(lambda: not container.state()["Paused"], "thawed")
        assert not asking.done()
        assert asking.result().status_code == 200
    wait_for(lambda: container.state()["Paused"], "frozen again")


def test_a_request_has_its_time(platform: Platform) -> None:
    """A request that takes longer than the platform allows is cut: 504, or the end of what has begun."""
    made = platform(REPRISE_ROLE="api")
    job = queued(made)
    assert httpx.get(f"{job}?wait=50", timeout=30).status_code == 504
    with pytest.raises(httpx.RemoteProtocolError), httpx.stream("GET", f"{job}/events", timeout=30) as answer:
        answer.read()
    assert made.cut == 2


def test_a_platform_that_scales(platform: Platform) -> None:
    """While all containers are busy there is 429, and one more is started, which takes the next request."""
    made = platform(most=2, REPRISE_ROLE="api")
    job = queued(made)
    wait_for(made.calm, "no request in flight")
    made.concurrency = 1

    def answers(requests: int) -> list[int]:
        """What so many requests at once are answered, each of which would take its time."""
        with ThreadPoolExecutor(requests) as threads:
            asked = [f"{job}?wait={WAIT}"] * requests
            return list(threads.map(lambda url: httpx.get(url, timeout=30).status_code, asked))

    assert answers(3).count(429) >= 1
    wait_for(lambda: len(made.instances) == 2 and made.calm(), "one more container")
    assert answers(2) == [200, 200]


def test_a_deployment_kills(platform: Platform, backings: Backings) -> None:
    """A deployment ends old containers by SIGKILL, which no process can answer, and requests with them."""
    made = platform(REPRISE_ROLE="api")
    old = made.instances[0].container
    job = queued(made)
    with ThreadPoolExecutor(1) as threads:
        asking = threads.submit(httpx.get, f"{job}?wait={WAIT}", timeout=30)
        wait_for(lambda: not old.state()["Paused"], "at work")
        made.deploy(start=lambda: backings.start(REPRISE_ROLE="api"))
        wait_for(lambda: old.state()["Status"] == "exited", "the end of the old one")
        assert asking.result().status_code in {200, 502}
    assert old.state()["ExitCode"] == 137
    assert httpx.get(job, timeout=30).status_code == 200
