from pathlib import Path

import pytest

from service import settings
from service.adapters.aws.clients import Aws
from service.wiring.build import aws_settings
from service.wiring.places import EMBEDDED, places, unreachable_for_clients

DEPLOYED = {
    "REPRISE_BUCKET": "audio",
    "REPRISE_TABLE": "jobs",
    "REPRISE_API_KEYS": "none",
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "b",
}


@pytest.fixture(autouse=True)
def _no_files_of_aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer's own machine is set up for is no part of these tests."""
    for variable in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(variable, str(tmp_path / "none"))
    for variable in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_DYNAMODB"):
        monkeypatch.delenv(variable, raising=False)


def found(embedded: bool = False, **variables: str) -> dict[str, tuple[str, str]]:
    """The places by name, as address and what chose it."""
    given = settings.read({**DEPLOYED, **variables})
    aws = Aws(aws_settings(given, {**DEPLOYED, **variables}), threads=1)
    try:
        return {place.name: (place.address, place.chosen_by) for place in places(given, aws, embedded=embedded)}
    finally:
        aws.close()


def hidden(**variables: str) -> str | None:
    """The host that browsers could not reach."""
    given = settings.read({**DEPLOYED, **variables})
    aws = Aws(aws_settings(given, {**DEPLOYED, **variables}), threads=1)
    try:
        return unreachable_for_clients(given, aws)
    finally:
        aws.close()


@pytest.mark.requirement("5.4")
def test_without_any_endpoint_aws_is_used_and_reported() -> None:
    """Where nothing is set, AWS in the region is used, and that is said; Redis is none."""
    said = found()

    assert said["S3"] == ("AWS, eu-west-1", "no endpoint is set")
    assert said["DynamoDB"] == ("AWS, eu-west-1", "no endpoint is set")
    assert said["Redis"] == ("none: progress comes from DynamoDB", "REDIS_URL is not set")
    assert said["presigned URLs"] == ("AWS, eu-west-1", "as S3")


@pytest.mark.requirement("5.4")
def test_endpoint_of_one_service_goes_before_the_endpoint_of_all() -> None:
    """The endpoint of one service goes before the endpoint of all, and each says which variable it came from."""
    said = found(AWS_ENDPOINT_URL="http://localhost:4566", AWS_ENDPOINT_URL_S3="http://localhost:9000")

    assert said["S3"] == ("http://localhost:9000", "AWS_ENDPOINT_URL_S3")
    assert said["DynamoDB"] == ("http://localhost:4566", "AWS_ENDPOINT_URL")


@pytest.mark.requirement("5.4")
def test_endpoint_from_the_aws_configuration_file_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint from AWS's configuration file is found, and said to come from there."""
    file = tmp_path / "config"
    file.write_text("[default]\nendpoint_url = http://localhost:4566\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))

    assert found()["S3"] == ("http://localhost:4566", "endpoint_url in the AWS configuration file")


def test_embedded_services_are_reported_as_embedded() -> None:
    """What was started just for this is said to be, and not to be chosen by variables that nobody set."""
    said = found(embedded=True, AWS_ENDPOINT_URL="http://127.0.0.1:4566", REDIS_URL="unix:///tmp/redis.sock")

    assert {said[name][1] for name in ("S3", "DynamoDB", "Redis")} == {EMBEDDED}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rediss://user:hunter2@cache.example:6380/0", "rediss://cache.example:6380 (TLS)"),
        ("redis://:hunter2@cache", "redis://cache:6379"),
        ("unix:///run/redis.sock?password=hunter2", "unix:///run/redis.sock"),
    ],
    ids=["tls", "plain", "socket"],
)
def test_a_password_of_redis_is_not_shown(url: str, shown: str) -> None:
    """The report has scheme, host and port of Redis, and nothing else of its address."""
    assert found(REDIS_URL=url)["Redis"] == (shown, "REDIS_URL")


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("http://localstack:4566", "localstack"),
        ("http://10.1.2.3:9000", "10.1.2.3"),
        ("http://192.168.1.2:9000", "192.168.1.2"),
        ("http://169.254.1.1:9000", "169.254.1.1"),
        ("http://minio.storage.svc:9000", "minio.storage.svc"),
        ("http://host.docker.internal:4566", "host.docker.internal"),
        ("http://[fd00::1]:4566", "fd00::1"),
        ("http://localhost:4566", None),
        ("http://s3.localhost:4566", None),
        ("http://127.0.0.1:4566", None),
        ("http://[::1]:4566", None),
        ("https://s3.example.com", None),
        ("https://bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com", None),
    ],
)
def test_addresses_that_browsers_cannot_reach(endpoint: str, host: str | None) -> None:
    """The name of a container or a private address in a presigned URL is noticed; a public endpoint settles it."""
    assert hidden(AWS_ENDPOINT_URL_S3=endpoint) == host
    assert hidden(AWS_ENDPOINT_URL_S3=endpoint, REPRISE_S3_PUBLIC_ENDPOINT="https://s3.example.com") is None


SIGNED: list[tuple[str, dict[str, str], str]] = [
    ("aws", {}, "https://audio.s3.eu-west-1.amazonaws.com/k"),
    ("aws-named", {"AWS_ENDPOINT_URL_S3": "https://s3.eu-west-1.amazonaws.com"},
     "https://audio.s3.eu-west-1.amazonaws.com/k"),
    ("dots", {"REPRISE_BUCKET": "my.audio"}, "https://s3.eu-west-1.amazonaws.com/my.audio/k"),
    ("stand-in", {"AWS_ENDPOINT_URL": "http://localstack:4566"}, "http://localstack:4566/audio/k"),
    ("stand-in-of-s3", {"AWS_ENDPOINT_URL_S3": "http://localhost:9000"}, "http://localhost:9000/audio/k"),
    ("public", {"AWS_ENDPOINT_URL": "http://localstack:4566", "REPRISE_S3_PUBLIC_ENDPOINT": "http://localhost:4566"},
     "http://localhost:4566/audio/k"),
    ("public-of-aws", {"REPRISE_S3_PUBLIC_ENDPOINT": "https://files.example.com"}, "https://files.example.com/audio/k"),
    ("accelerated", {"REPRISE_S3_PUBLIC_ENDPOINT": "https://s3-accelerate.amazonaws.com"},
     "https://audio.s3-accelerate.amazonaws.com/k"),
]  # fmt: skip


@pytest.mark.requirement("3.4", "5.4")
@pytest.mark.parametrize(("variables", "signed"), [case[1:] for case in SIGNED], ids=[case[0] for case in SIGNED])
def test_presigned_urls_name_what_the_client_reaches(variables: dict[str, str], signed: str) -> None:
    """Virtual-hosted on AWS itself, path-style anywhere else, at the public endpoint if there is one; always SigV4."""
    environment = {**DEPLOYED, **variables}
    aws = Aws(aws_settings(settings.read(environment), environment), threads=1)
    client = aws.s3(public=True)
    try:
        params = {"Bucket": aws.settings.bucket, "Key": "k"}
        address, _, query = client.generate_presigned_url("get_object", Params=params).partition("?")
    finally:
        client.close()
        aws.close()

    assert address == signed
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in query


@pytest.mark.requirement("5.4")
def test_presigned_urls_follow_a_file_of_aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in that only AWS's configuration file names is addressed by path too: it has no wildcard DNS."""
    file = tmp_path / "config"
    file.write_text("[default]\nendpoint_url = http://localhost:4566\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))

    test_presigned_urls_name_what_the_client_reaches({}, "http://localhost:4566/audio/k")
