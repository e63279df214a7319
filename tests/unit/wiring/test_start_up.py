import json
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from service import settings
from service.core.findings import Finding
from service.wiring.places import Place
from service.wiring.start_up import Report, _settled, say

PLACES = (
    Place("S3", "http://localstack:4566", "AWS_ENDPOINT_URL"),
    Place("DynamoDB", "AWS, eu-west-1", "no endpoint is set"),
    Place("Redis", "rediss://cache:6379 (TLS)", "REDIS_URL"),
    Place("presigned URLs", "http://localhost:4566", "REPRISE_S3_PUBLIC_ENDPOINT"),
)
GONE = Finding("credentials_missing", "There are none.", "Set them.")
CORS = Finding("cors_missing", "No rule.", "Add one.", stops=False)


DEPLOYED = {"REPRISE_BUCKET": "audio", "REPRISE_TABLE": "jobs", "REPRISE_API_KEYS": "none"}


def a_report(**findings: list[Finding]) -> Report:
    """Of a deployed service."""
    return Report(
        settings=settings.read(DEPLOYED),
        instance="one",
        places=PLACES,
        credentials="container-role",
        embedded=False,
        findings={"s3": [], "dynamodb": [], "redis": [], "settings": [], **findings},
    )


@pytest.mark.requirement("4.1", "5.4")
def test_what_is_used_and_why_is_one_event() -> None:
    """A start is logged with each endpoint, what chose it, and the source of credentials; each check has its result."""
    with capture_logs() as said:
        say(a_report(s3=[CORS]))

    starting, *checks = said
    assert starting["event"] == "service.starting"
    assert (starting["s3"], starting["dynamodb"]) == ("http://localstack:4566", "AWS, eu-west-1")
    assert starting["presigned_for"] == "http://localhost:4566"
    assert starting["chosen_by"]["S3"] == "AWS_ENDPOINT_URL"
    assert starting["credentials"] == "container-role"
    results = {one["check"]: one["result"] for one in checks if one["event"] == "service.check"}
    assert results == {"s3": "cors_missing", "dynamodb": "ok", "redis": "ok", "settings": "ok"}
    json.dumps(said)  # a line of a log


@pytest.mark.requirement("7.17")
def test_each_finding_is_an_event_with_its_fix() -> None:
    """What stops is an error and what does not a warning, each once, with a stable code and the fix to make."""
    with capture_logs() as said:
        report = a_report(s3=[GONE, CORS], dynamodb=[GONE])
        say(report)

    found = [(one["event"], one["log_level"], one["code"], one["fix"]) for one in said if "code" in one]
    assert found == [
        ("service.problem", "error", "credentials_missing", "Set them."),
        ("service.concern", "warning", "cors_missing", "Add one."),
    ]
    assert report.problems == (GONE,)


@pytest.mark.requirement("5.4")
@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({}, ["public_endpoint_missing"]),
        ({"REPRISE_S3_PUBLIC_ENDPOINT": "http://localhost:4566"}, []),
        ({"REPRISE_ROLE": "worker"}, []),
        ({"REPRISE_ROLE": "worker", "REPRISE_FFMPEG": "/no/ffmpeg"}, ["ffmpeg_missing"]),
        ({"REPRISE_ROLE": "api", "REPRISE_FFMPEG": "/no/ffmpeg"}, ["public_endpoint_missing"]),
    ],
    ids=["all", "said", "worker", "no-ffmpeg", "api"],
)
def test_each_role_is_told_what_it_needs(variables: dict[str, str], found: list[str]) -> None:
    """Who presigns is told that browsers cannot reach a container's name; who converts, that there is no ffmpeg."""
    endpoint = "http://localstack:4566"
    given = settings.read({**DEPLOYED, "AWS_ENDPOINT_URL": endpoint, **variables})
    service: Any = SimpleNamespace(settings=given, aws=SimpleNamespace(s3_address=endpoint))

    assert [finding.code for finding in _settled(service)] == found
