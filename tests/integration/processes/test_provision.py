"""`python -m service provision` at a stand-in: from nothing to what the service asks for, and only what is missing."""

from collections.abc import Mapping

import pytest

from service.adapters.aws.clients import Aws
from service.adapters.aws.resources import INDEX, LIFECYCLE, OWNERSHIP, TABLE
from service.adapters.dynamodb.checks import check_table
from service.adapters.s3.checks import check_bucket
from service.cli import main as command_line

ORIGIN = "https://audio.example"


@pytest.fixture
def environment(moto_endpoint: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """The variables of a stand-in, with a bucket and a table that nobody has made."""
    name = request.node.name.replace("_", "-").replace("[", "-").rstrip("]")[:60].rstrip("-")
    return {
        "AWS_ENDPOINT_URL": moto_endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "REPRISE_BUCKET": name,
        "REPRISE_TABLE": name,
        "REPRISE_CORS_ORIGINS": ORIGIN,
    }


def provision(monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str], *arguments: str) -> int:
    """Run the command with these variables and no others of the kind."""
    monkeypatch.setattr(command_line, "environment", lambda: dict(environment))
    return command_line.main(["provision", *arguments])


@pytest.mark.requirement("3.2", "3.3", "5.4")
def test_from_nothing_to_what_the_service_asks_for(
    aws: Aws, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One run makes all that the checks at start ask for, a private bucket included; a second one changes nothing."""
    name = environment["REPRISE_BUCKET"]

    assert provision(monkeypatch, environment) == 0
    first = capsys.readouterr().out
    assert provision(monkeypatch, environment) == 0
    second = capsys.readouterr().out

    assert f"bucket {name}: created" in first
    assert f"table {name}: created" in first
    assert f"S3: {environment['AWS_ENDPOINT_URL']} (AWS_ENDPOINT_URL)" in first
    assert not any(word in second for word in ("created", ": set", "switched", "added"))
    s3, dynamodb = aws.s3(), aws.dynamodb()
    assert check_bucket(s3, name, [ORIGIN]) == []
    assert check_table(dynamodb, name) == []
    assert all(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())
    ownership = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert ownership == [{"ObjectOwnership": OWNERSHIP}]
    assert len(s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]) == len(LIFECYCLE)
    s3.close()
    dynamodb.close()


def test_only_what_is_missing_is_added(
    aws: Aws, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bucket without CORS and a table without its index get these, and are otherwise left as they are."""
    name = environment["REPRISE_BUCKET"]
    s3, dynamodb = aws.s3(), aws.dynamodb()
    assert provision(monkeypatch, environment) == 0
    s3.delete_bucket_cors(Bucket=name)
    dynamodb.update_table(TableName=name, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": INDEX}}])
    capsys.readouterr()

    assert provision(monkeypatch, environment) == 0

    said = capsys.readouterr().out
    assert f"bucket {name}, CORS for {ORIGIN}: set" in said
    assert f"table {name}, index {INDEX}: added" in said
    assert f"bucket {name}, lifecycle: as it should be" in said
    assert check_table(dynamodb, name) == []
    s3.close()
    dynamodb.close()


def test_a_table_with_other_keys_is_left_alone(
    aws: Aws, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Keys cannot be changed, so a table that has others is complained of in one line."""
    dynamodb = aws.dynamodb()
    other = {**TABLE, "KeySchema": [{"AttributeName": "queue", "KeyType": "HASH"}]}
    other["AttributeDefinitions"] = [one for one in TABLE["AttributeDefinitions"] if one["AttributeName"] != "pk"]
    dynamodb.create_table(TableName=environment["REPRISE_TABLE"], **other)
    dynamodb.close()

    assert provision(monkeypatch, environment) == 1

    assert "its key is not 'pk' alone" in capsys.readouterr().err


@pytest.mark.requirement("5.5")
@pytest.mark.parametrize("without", ["REPRISE_BUCKET REPRISE_TABLE", "REPRISE_TABLE"], ids=["both", "one"])
def test_nothing_is_made_without_names(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], without: str
) -> None:
    """Without the names of the bucket and the table it refuses, in one line that names the variables."""
    for variable in without.split():
        del environment[variable]

    assert provision(monkeypatch, environment) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert all(variable in line for variable in without.split())


def test_aws_itself_has_to_be_meant(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no endpoint is set, for one of the two or for both, it refuses and says what makes things on AWS."""
    environment["AWS_ENDPOINT_URL_S3"] = environment.pop("AWS_ENDPOINT_URL")

    assert provision(monkeypatch, environment) == 1

    (line,) = capsys.readouterr().err.splitlines()
    assert "DynamoDB would be AWS itself" in line
    assert "pulumi up" in line
    assert "--on-aws" in line


def test_waiting_is_bounded(
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    unused_tcp_port: int,
) -> None:
    """An endpoint that does not come up is waited for as long as was said, and then named."""
    environment["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{unused_tcp_port}"

    assert provision(monkeypatch, environment, "--wait", "0.1") == 1

    (line,) = capsys.readouterr().err.splitlines()
    assert f"S3 at http://127.0.0.1:{unused_tcp_port} does not answer" in line
    assert "0.1 s" in line
