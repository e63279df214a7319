"""The service on what the program has made: table, index, CORS, life cycle and settings are proven by use."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from service.cli import processes
from service.wiring import mortal
from tests.blackbox.test_same_answers import differences, once, told
from tests.infra.account import CREDENTIALS, a_network, lift_policy, told_to_container, told_to_worker
from tests.infra.conftest import ENGINE, Open
from tests.infra.emulator import Emulator
from tests.infra.engine import Stack
from tests.support.docker import ROOT
from tests.support.redis_server import RedisServer, redis_or_skip
from tests.support.targets import OURS, Target, bare, embedded

pytestmark = ENGINE

ORIGIN, FOREIGN = "https://app.example.com", "https://evil.example.com"
# As the embedded service has it, so that both answer alike: open to every origin.
LIKE_EMBEDDED: Mapping[str, str] = {"reprise:compute": "ecs-express", "reprise:corsOrigins[0]": "*"}
EXPECTED_CONCERNS = frozenset({"redis_none"})


@contextmanager
def service(emulator: Emulator, stack: Stack, folder: Path, **more: str) -> Iterator[processes.ServiceProcess]:
    """The service with what its container is told, and nothing else but where AWS is."""
    given = told_to_container(emulator, stack.resources())
    if emulator.localstack is None:
        lift_policy(emulator, given["REPRISE_BUCKET"])
    pointed = {**bare(), **CREDENTIALS, **given, "AWS_ENDPOINT_URL": emulator.data}
    running = processes.start("deployed", pointed, folder, **more)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A cache, as the stack would have one: none of the emulators holds data of one."""
    server = RedisServer(redis_or_skip())
    server.start()
    yield server
    server.close()


@pytest.mark.requirement("8.1", "5.6")
def test_the_black_box_suite(
    opened: Open, aws_emulator: Emulator, redis_server: RedisServer, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """On what the program has made every conversation gets the same answers as from the embedded service."""
    stack = opened(LIKE_EMBEDDED)
    stack.up()
    (tmp_path / "embedded").mkdir()
    expected = once(request, embedded, tmp_path / "embedded")
    cache = {"REDIS_URL": redis_server.url}
    with ExitStack() as both:
        (tmp_path / "open").mkdir()
        keyed = both.enter_context(service(aws_emulator, stack, tmp_path, **cache))
        free = both.enter_context(service(aws_emulator, stack, tmp_path / "open", REPRISE_API_KEYS="none", **cache))
        found = told(Target(free.address, keyed.address))

    assert not (differing := differences(expected, found, "deployed")), f"\n{differing}"


@contextmanager
def worker(emulator: Emulator, stack: Stack, folder: Path) -> Iterator[None]:
    """The loop by itself, with what a container of the Fargate worker is told."""
    given = told_to_worker(emulator, stack.resources())
    variables = {**bare(), **CREDENTIALS, **given, "AWS_ENDPOINT_URL": emulator.data, "PYTHONPATH": str(ROOT)}
    with (folder / "worker.log").open("wb") as log:
        running = subprocess.Popen(
            mortal([sys.executable, "-m", "service", "serve"]),
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield
    finally:
        running.terminate()
        running.wait(30)


@pytest.mark.requirement("3.2", "8.1", "8.2")
def test_api_and_worker_start_without_a_concern(opened: Open, aws_emulator: Emulator, tmp_path: Path) -> None:
    """API and worker find nothing wrong with what was made, the smoke test is right, and CORS is as it was set."""
    stack = opened({"reprise:compute": "apprunner", "reprise:worker": "fargate", **a_network(aws_emulator)})
    outputs = stack.up().outputs
    with service(aws_emulator, stack, tmp_path) as running, worker(aws_emulator, stack, tmp_path):
        command = [sys.executable, "-m", "infra.smoke", running.address, "--key", OURS]
        smoke = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=200)
        assert smoke.returncode == 0, smoke.stdout + smoke.stderr + (tmp_path / "worker.log").read_text()
        asked = f"{running.address}/v1/s3/params?filename=a.wav&type=audio/wav&size=10"
        form = httpx.get(asked, headers={"X-API-Key": OURS}).json()
        allowed = {origin: preflight(form["url"], origin) for origin in (ORIGIN, FOREIGN)}
        lines = (tmp_path / "worker.log").read_text().splitlines()
        said = [*running.events(), *(json.loads(line) for line in lines if line.startswith("{"))]
        found = [event for event in said if event["event"] in {"service.concern", "service.problem"}]

    assert {event["code"] for event in found} <= EXPECTED_CONCERNS, found
    assert allowed == {ORIGIN: ORIGIN, FOREIGN: None}
    assert f"python -m infra.smoke {outputs['url']}" in outputs["commands"]["smoke"]


def preflight(url: str, origin: str) -> str | None:
    """Which origin the bucket allows to send a form to it, when this one asks."""
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    found: str | None = httpx.options(url, headers=asked).headers.get("Access-Control-Allow-Origin")
    return found
