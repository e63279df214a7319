"""What botocore says of its configuration, in our words."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, CredentialRetrievalError, EndpointConnectionError

from service.adapters.aws.clients import Aws, AwsSettings
from service.adapters.aws.configuration import CannotConfigure, configuring, describe_credentials
from service.adapters.aws.provisioning import CannotMake, making, why_not_up


def an_aws() -> Aws:
    """AWS with the credentials that the environment has."""
    return Aws(AwsSettings(region="eu-west-1", bucket="audio", table="jobs"), threads=1)


def test_unknown_profile_is_an_error_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile that is in no file comes out as our error, with its name."""
    monkeypatch.setenv("AWS_PROFILE", "nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))

    with pytest.raises(CannotConfigure, match="nowhere"), configuring():
        an_aws()


def test_credentials_that_cannot_be_fetched_are_described(monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform that does not give credentials is reported by the name of the error, and ends nothing."""

    def fail() -> Any:
        raise CredentialRetrievalError(provider="container-role", error_msg="secret")

    aws = an_aws()
    monkeypatch.setattr(aws, "credentials_source", fail)

    assert describe_credentials(aws) == "could not be fetched (CredentialRetrievalError)"
    aws.close()


def test_errors_while_making_are_ours() -> None:
    """Whatever AWS or botocore raises while bucket and table are made comes out as our error, with its message."""
    refused = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "CreateBucket")

    for error in (refused, EndpointConnectionError(endpoint_url="http://x")):
        with pytest.raises(CannotMake, match=r"AccessDenied|http://x"), making():
            raise error


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (None, None),
        (EndpointConnectionError(endpoint_url="http://x"), "EndpointConnectionError"),
        (ClientError({"Error": {}, "ResponseMetadata": {"HTTPStatusCode": 503}}, "HeadBucket"), "it answers 503"),  # type: ignore[typeddict-item]
        (ClientError({"Error": {}, "ResponseMetadata": {"HTTPStatusCode": 404}}, "HeadBucket"), None),  # type: ignore[typeddict-item]
    ],
    ids=["answers", "no-connection", "its-own-failure", "no-such-bucket"],
)
def test_endpoint_is_up_if_it_answers_at_all(error: Exception | None, found: str | None) -> None:
    """A refusal is an answer; a broken connection and a failure of the server are none."""

    def ask() -> None:
        if error is not None:
            raise error

    assert why_not_up(ask) == found
