"""Looking around at a stand-in, and what a process says that does not start."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import boto3
import httpx
import pytest

from service import settings, wiring
from service.adapters.aws.resources import INDEX
from service.adapters.dynamodb.provision import index_of
from service.cli import main as command_line
from tests.support.cluster import a_cluster, wait_for
from tests.support.fixtures import on_both
from tests.support.flaky_proxy import Fault, FlakyProxy, How

ORIGIN = "https://audio.example"


@pytest.fixture
def environment(aws_endpoint: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables of a stand-in, with a bucket and a table as `provision` makes them."""
    name = f"{request.node.originalname.replace('_', '-')[:50]}-{os.getpid()}"  # workers share what they stand on
    made = {
        "AWS_ENDPOINT_URL": aws_endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "REPRISE_BUCKET": name,
        "REPRISE_TABLE": name,
        "REPRISE_API_KEYS": "none",
        "REPRISE_CORS_ORIGINS": ORIGIN,
    }
    monkeypatch.setattr(command_line, "environment", lambda: made)
    assert command_line.main(["provision", "--wait", "20"]) == 0
    return made


def client(environment: Mapping[str, str], service: str) -> Any:
    """To spoil something with."""
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


async def look(environment: Mapping[str, str], **more: str) -> wiring.Report:
    """What the service would find."""
    variables = {**environment, **more}
    service = wiring.build(settings.read(variables), variables)
    try:
        return await wiring.run_checks(service)
    finally:
        service.s3_probe.close()
        service.dynamodb_probe.close()
        await service.objects.aclose()
        service.dynamodb.close()
        service.aws.close()


def codes(report: wiring.Report) -> tuple[list[str], list[str]]:
    """Of what stops, and of what does not; that there is no Redis is not what these tests are about."""
    problems, concerns = ([one.code for one in found] for found in (report.problems, report.concerns))
    return problems, [code for code in concerns if code != "redis_none"]


@on_both
@pytest.mark.requirement("4.1", "5.1")
async def test_what_provision_made_is_as_it_should_be(environment: dict[str, str]) -> None:
    """After `provision` the service finds nothing to mend, and says which variable sent it there."""
    report = await look(environment)

    assert codes(report) == ([], [])
    assert report.places[0].chosen_by == "AWS_ENDPOINT_URL"
    assert report.credentials == "AWS_ACCESS_KEY_ID"


@on_both
@pytest.mark.requirement("3.2", "7.17")
async def test_only_who_talks_to_browsers_needs_cors(environment: dict[str, str]) -> None:
    """A bucket without CORS is a concern that names the origin, with its fix; a worker does not care."""
    s3 = client(environment, "s3")
    s3.delete_bucket_cors(Bucket=environment["REPRISE_BUCKET"])
    s3.close()

    for role in ("all", "api"):
        report = await look(environment, REPRISE_ROLE=role)
        assert codes(report) == ([], ["cors_missing"])
        (found,) = (one for one in report.concerns if one.code == "cors_missing")
        assert ORIGIN in found.problem
        assert "python -m service provision" in found.fix
    assert codes(await look(environment, REPRISE_ROLE="worker")) == ([], [])


def _no_bucket(environment: Mapping[str, str]) -> None:
    s3 = client(environment, "s3")
    s3.delete_bucket(Bucket=environment["REPRISE_BUCKET"])
    s3.close()


def _no_table(environment: Mapping[str, str]) -> None:
    dynamodb = client(environment, "dynamodb")
    dynamodb.delete_table(TableName=environment["REPRISE_TABLE"])
    wait_for(lambda: environment["REPRISE_TABLE"] not in dynamodb.list_tables()["TableNames"], "it is gone")
    dynamodb.close()


def _no_index(environment: Mapping[str, str]) -> None:
    dynamodb, name = client(environment, "dynamodb"), environment["REPRISE_TABLE"]
    dynamodb.update_table(TableName=name, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": INDEX}}])
    wait_for(lambda: index_of(dynamodb.describe_table(TableName=name)["Table"]) is None, "it is gone")
    dynamodb.close()


@on_both
@pytest.mark.requirement("4.1", "5.5")
@pytest.mark.parametrize(
    ("damage", "code"),
    [(_no_bucket, "bucket_missing"), (_no_table, "table_missing"), (_no_index, "index_missing")],
    ids=["bucket", "table", "index"],
)
async def test_what_is_missing_is_found_and_provided(
    environment: dict[str, str], damage: Callable[[Mapping[str, str]], None], code: str
) -> None:
    """What no job can be done without is a problem that names the command to run, and running it helps."""
    await asyncio.to_thread(damage, environment)
    report = await look(environment)

    assert codes(report) == ([code], [])
    assert "python -m service provision" in report.problems[0].fix
    assert await asyncio.to_thread(command_line.main, ["provision"]) == 0
    assert codes(await look(environment)) == ([], [])


def start(**variables: str) -> "subprocess.CompletedProcess[str]":
    """Run `serve` to an end that has to come by itself."""
    kept = {name: value for name, value in wiring.environment().items() if not name.startswith(("AWS_", "REPRISE_"))}
    return subprocess.run(
        [sys.executable, "-m", "service", "serve"],
        env={**kept, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.requirement("4.1", "5.5")
def test_wrong_settings_end_the_start_with_a_line_each() -> None:
    """A process with wrong settings exits with 2 and says each of them in a line of its own, without a trace."""
    ended = start(REPRISE_SLOTS="many", REPRISE_BUCKET="audio", AWS_ENDPOINT_URL="ftp://user:hunter2@x", REDIS_URL="x")

    assert ended.returncode == 2
    lines = ended.stderr.splitlines()
    assert all(line.startswith("reprise: ") for line in lines)
    named = ("AWS_ENDPOINT_URL", "REDIS_URL", "REPRISE_SLOTS", "REPRISE_TABLE")
    assert [line.split()[1] for line in lines] == list(named)
    assert "hunter2" not in ended.stderr


@pytest.mark.requirement("5.5")
def test_a_profile_that_does_not_exist_is_no_trace() -> None:
    """What AWS's own files do not hold ends the start with a line that says so."""
    ended = start(REPRISE_BUCKET="audio", REPRISE_TABLE="jobs", REPRISE_API_KEYS="none", AWS_PROFILE="nobody")

    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert "nobody" in line
    assert line.endswith("[aws_configuration]")


@pytest.mark.requirement("4.1", "5.5")
def test_nobody_there_ends_the_start_with_what_to_check(unused_tcp_port: int) -> None:
    """Endpoints where nobody listens end the start with a line each, which name address and variable."""
    endpoint = f"http://127.0.0.1:{unused_tcp_port}"
    ended = start(
        REPRISE_BUCKET="audio",
        REPRISE_TABLE="jobs",
        REPRISE_API_KEYS="none",
        AWS_ENDPOINT_URL=endpoint,
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        REPRISE_START_WAIT_SECONDS="1.5",
    )

    assert ended.returncode == 2
    assert '"event": "service.waiting"' in ended.stderr
    lines = [line for line in ended.stderr.splitlines() if not line.startswith("{")]
    assert [line.rpartition("[")[2] for line in lines] == ["unreachable]", "unreachable]"]
    assert all(endpoint in line and "AWS_ENDPOINT_URL" in line for line in lines)
    assert '"event": "service.problem"' in ended.stderr


@pytest.mark.requirement("5.5", "6.3")
async def test_a_start_in_the_middle_of_a_fault_waits_for_its_end(embedded_stack: Mapping[str, str]) -> None:
    """A service that is started while DynamoDB does not answer says so, looks again, and starts when it does."""
    there = urlsplit(embedded_stack["AWS_ENDPOINT_URL_DYNAMODB"])
    async with FlakyProxy(str(there.hostname), int(there.port or 0)) as proxy:
        with a_cluster(embedded_stack, redis=False) as cluster:
            cluster.pointed = {**cluster.pointed, "AWS_ENDPOINT_URL_DYNAMODB": f"http://{proxy.address}"}
            proxy.faults = [Fault(How.RESET, 0) for _ in range(12)]  # more than one look repeats by itself
            service = await asyncio.to_thread(cluster.start, REPRISE_START_WAIT_SECONDS="50")

            ready = await asyncio.to_thread(httpx.get, f"{service.address}/health/ready", timeout=30)
            waited = [event["code"] for event in service.events() if event["event"] == "service.waiting"]

    assert ready.status_code == 200
    assert waited
    assert set(waited) == {"unreachable"}
    assert len(proxy.hit) == 12


@pytest.mark.requirement("7.17")
def test_a_concern_does_not_keep_the_service_from_its_work(embedded_stack: Mapping[str, str]) -> None:
    """A service whose bucket has no CORS starts, says so with the fix, and is ready."""
    with a_cluster(embedded_stack, redis=False) as cluster:
        s3 = boto3.client(
            "s3",
            endpoint_url=embedded_stack["AWS_ENDPOINT_URL_S3"],
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        s3.delete_bucket_cors(Bucket=cluster.pointed["REPRISE_BUCKET"])
        s3.close()
        service = cluster.start()

        assert httpx.get(f"{service.address}/health/ready", timeout=30).status_code == 200
        (concern,) = (one for one in service.events() if one.get("code") == "cors_missing")
        assert (concern["event"], concern["level"]) == ("service.concern", "warning")
        assert concern["fix"]
