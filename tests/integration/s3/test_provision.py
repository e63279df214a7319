from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from service.adapters.aws.clients import Aws
from service.adapters.aws.resources import LIFECYCLE
from service.adapters.s3.checks import DAY, check_bucket
from service.adapters.s3.provision import create_bucket
from tests.support.fixtures import on_both

pytestmark = on_both

ORIGIN = "https://audio.example"


@pytest.fixture
def client(aws: Aws) -> Iterator[Any]:
    """S3 as boto3 shows it."""
    client = aws.s3()
    yield client
    client.close()


def test_provisioned_bucket_passes_its_checks(client: Any) -> None:
    """Making a bucket twice works, and the check finds nothing to mend; nothing of it is public."""
    for _ in range(2):
        create_bucket(client, "made-by-us", region="us-east-1", origins=[ORIGIN, "http://localhost:8000"])

    assert check_bucket(client, "made-by-us", [ORIGIN, "http://localhost:8000"]) == []
    assert all(client.get_public_access_block(Bucket="made-by-us")["PublicAccessBlockConfiguration"].values())


def test_bucket_is_created_in_the_region_of_the_client(aws: Aws) -> None:
    """Outside us-east-1 the bucket is made in the region of the client."""
    elsewhere = aws._session.client("s3", region_name="eu-west-1", endpoint_url=aws.settings.s3_endpoint)
    create_bucket(elsewhere, "made-in-ireland", region="eu-west-1", origins=[])

    assert elsewhere.get_bucket_location(Bucket="made-in-ireland")["LocationConstraint"] == "eu-west-1"
    elsewhere.close()


def test_provisioned_cors_rule_exposes_what_browsers_need(aws: Aws, client: Any) -> None:
    """A page of an allowed origin can read the headers that resuming a transfer takes."""
    create_bucket(client, "seen-by-browsers", region="us-east-1", origins=[ORIGIN])
    client.put_object(Bucket="seen-by-browsers", Key="x", Body=b"0123456789")
    url = client.generate_presigned_url("get_object", Params={"Bucket": "seen-by-browsers", "Key": "x"})

    answer = httpx.get(url, headers={"Origin": ORIGIN, "Range": "bytes=2-4"})

    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    exposed = {name.strip() for name in answer.headers["Access-Control-Expose-Headers"].split(",")}
    assert {"ETag", "Location", "Content-Length", "Content-Range", "Accept-Ranges", "Content-Disposition"} <= exposed


def test_missing_bucket_is_a_finding_with_its_fix(client: Any) -> None:
    """Without a bucket there is one problem, and it says what to do."""
    [problem] = check_bucket(client, "no-such-bucket", [ORIGIN])

    assert (problem.code, problem.stops) == ("bucket_missing", True)
    assert "'no-such-bucket' does not exist" in problem.problem
    assert "python -m service provision" in problem.fix


def test_bucket_without_rules_gets_cors_and_lifecycle_findings(aws: Aws, client: Any) -> None:
    """Missing CORS and lifecycle rules are two concerns, neither of which stops; without origins CORS is none."""
    cors, lifecycle = check_bucket(client, aws.settings.bucket, [ORIGIN])

    assert (cors.code, lifecycle.code) == ("cors_missing", "lifecycle_missing")
    assert not cors.stops
    assert not lifecycle.stops
    assert ORIGIN in cors.problem
    assert all(rule["ID"] in lifecycle.problem for rule in LIFECYCLE)
    assert check_bucket(client, aws.settings.bucket, []) == [lifecycle]


@pytest.mark.parametrize(("kept", "found"), [(15 * DAY, []), (15 * DAY + 1, ["lifecycle_too_short"])])
def test_lifecycle_that_deletes_too_early_is_a_finding(client: Any, kept: float, found: list[str]) -> None:
    """A bucket that deletes what an upload and then its job were promised to be kept for stops the start."""
    create_bucket(client, "in-time", region="us-east-1", origins=[])

    problems = check_bucket(client, "in-time", [], kept=kept)

    assert [problem.code for problem in problems if problem.stops] == found


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"AllowedMethods": ["GET", "HEAD"]}, "AllowedMethods ['PUT', 'POST']"),
        (
            {"ExposeHeaders": ["etag", "location", "content-length", "content-range", "accept-ranges"]},
            "['Content-Disposition']",
        ),
        ({"AllowedHeaders": ["Range"]}, "AllowedHeaders ['*']"),
        ({"AllowedOrigins": ["https://other.example"]}, f"No CORS rule of the bucket 'narrow' names {ORIGIN}"),
        ({"AllowedOrigins": ["https://*.example"]}, None),
    ],
    ids=["methods", "exposed", "headers", "origin", "wildcard"],
)
def test_incomplete_cors_rule_is_a_finding(client: Any, change: dict[str, list[str]], named: str | None) -> None:
    """The problem says which words of the CORS rule are missing; a wildcard for the origin is as good as its name."""
    create_bucket(client, "narrow", region="us-east-1", origins=[ORIGIN])
    [rule] = client.get_bucket_cors(Bucket="narrow")["CORSRules"]
    client.put_bucket_cors(Bucket="narrow", CORSConfiguration={"CORSRules": [rule | change]})

    problems = check_bucket(client, "narrow", [ORIGIN])

    assert len(problems) == (named is not None)
    assert all(named in problem.problem and not problem.stops for problem in problems if named)


def test_unreachable_s3_is_a_finding_and_no_crash(aws: Aws, unused_tcp_port: int) -> None:
    """Where nobody listens, the check says so instead of raising."""
    client = aws._session.client("s3", endpoint_url=f"http://127.0.0.1:{unused_tcp_port}", config=Aws._config(1))

    [problem] = check_bucket(client, "any-bucket", [ORIGIN])

    assert (problem.code, problem.stops) == ("unreachable", True)
    assert f"http://127.0.0.1:{unused_tcp_port}" in problem.problem
    client.close()
