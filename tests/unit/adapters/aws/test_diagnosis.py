"""Everything that can keep the service from its bucket and table, as botocore would tell it: each with its fix."""

from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from botocore import exceptions as botocore
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.stub import Stubber

from service.adapters.aws import errors as aws_errors
from service.adapters.aws.diagnosis import EXPLAINED, explain, subject
from service.adapters.aws.permissions import actions_for
from service.adapters.aws.resources import CORS, LIFECYCLE, TABLE, TIME_TO_LIVE
from service.adapters.dynamodb import checks as dynamodb_checks
from service.adapters.dynamodb.checks import check_table, look_at_table
from service.adapters.s3 import checks as s3_checks
from service.adapters.s3.checks import check_bucket, look_at_bucket

ORIGIN = "https://audio.example"
SECRETS = ("AKIASECRET", "arn:aws:iam::123456789012:user/somebody")


@pytest.fixture(scope="module")
def session() -> boto3.session.Session:
    """A session reads its models from disk only once."""
    return boto3.session.Session("AKIASECRET", "secret", region_name="eu-west-1")


@pytest.fixture
def s3(session: boto3.session.Session) -> Iterator[Any]:
    """S3 of AWS, which is never asked."""
    client = session.client("s3", config=Config(retries={"total_max_attempts": 1}))
    yield client
    client.close()


@pytest.fixture
def dynamodb(session: boto3.session.Session) -> Iterator[Any]:
    """DynamoDB of AWS, which is never asked."""
    client = session.client("dynamodb", config=Config(retries={"total_max_attempts": 1}))
    yield client
    client.close()


# What S3 answers: to HEAD, to the request after it that has a body (or None: it is not sent) → code, words of the fix.
BUCKET: list[tuple[str, tuple[str, int], tuple[str, int] | None, str, str]] = [
    ("missing", ("404", 404), None, "bucket_missing", "`pulumi up`"),
    ("denied", ("403", 403), ("AccessDenied", 403), "access_denied", "Allow s3:ListBucket on arn:aws:s3:::audio "),
    ("wrong key", ("403", 403), ("InvalidAccessKeyId", 403), "credentials_refused", "AWS_ACCESS_KEY_ID"),
    ("wrong secret", ("403", 403), ("SignatureDoesNotMatch", 403), "credentials_refused", "AWS_SECRET_ACCESS_KEY"),
    ("expired", ("400", 400), ("ExpiredToken", 400), "credentials_expired", "AWS_SESSION_TOKEN"),
    ("clock", ("403", 403), ("RequestTimeTooSkewed", 403), "clock_skew", "timedatectl"),
    ("moved", ("301", 301), None, "wrong_region", "AWS_REGION"),
    ("region", ("400", 400), ("AuthorizationHeaderMalformed", 400), "wrong_region", "AWS_REGION"),
    ("redirect", ("403", 403), ("PermanentRedirect", 301), "wrong_region", "AWS_REGION"),
    ("kms", ("403", 403), ("KMS.DisabledException", 400), "kms", "kms:Decrypt"),
    ("quota", ("403", 403), ("LimitExceeded", 400), "quota", "Service Quotas"),
    ("slow down", ("SlowDown", 503), None, "throttled", "try again"),
    ("broken", ("InternalError", 500), None, "trouble", "Try again"),
    ("unheard of", ("400", 400), ("SomethingNew", 400), "trouble", "Try again"),
]


@pytest.mark.requirement("4.1", "5.5", "7.17")
@pytest.mark.parametrize(
    ("head", "body", "code", "fix"), [case[1:] for case in BUCKET], ids=[case[0].replace(" ", "-") for case in BUCKET]
)
def test_a_bucket_that_cannot_be_looked_at(
    s3: Any, head: tuple[str, int], body: tuple[str, int] | None, code: str, fix: str
) -> None:
    """Each answer of S3 is one finding that stops the start, with what to do, and nothing that AWS said."""
    with Stubber(s3) as stub:
        stub.add_client_error("head_bucket", head[0], SECRETS[1], head[1])
        if body:
            stub.add_client_error("list_objects_v2", body[0], SECRETS[1], body[1])
        (found,) = check_bucket(s3, "audio", [ORIGIN])
        stub.assert_no_pending_responses()

    assert (found.code, found.stops) == (code, True)
    assert fix in found.fix
    assert not any(secret in str(found) for secret in SECRETS)


TABLES: list[tuple[str, str, str, str, str]] = [
    # name, code of AWS, its message → code, words of the fix
    ("missing", "ResourceNotFoundException", "", "table_missing", "`pulumi up`"),
    ("denied", "AccessDeniedException", SECRETS[1], "access_denied",
     "Allow dynamodb:DescribeTable on arn:aws:dynamodb:eu-west-1:*:table/jobs "),
    ("wrong-key", "UnrecognizedClientException", "", "credentials_refused", "AWS_ACCESS_KEY_ID"),
    ("wrong-secret", "InvalidSignatureException", "The signature we calculated", "credentials_refused", "belong"),
    ("slow-clock", "InvalidSignatureException", "Signature expired: 2026", "clock_skew", "timedatectl"),
    ("fast-clock", "InvalidSignatureException", "Signature not yet current: 2026", "clock_skew", "timedatectl"),
    ("expired", "ExpiredTokenException", "", "credentials_expired", "AWS_SESSION_TOKEN"),
    ("throttled", "ThrottlingException", "", "throttled", "try again"),
]  # fmt: skip


@pytest.mark.requirement("4.1", "5.5")
@pytest.mark.parametrize(("said", "message", "code", "fix"), [case[1:] for case in TABLES], ids=[c[0] for c in TABLES])
def test_a_table_that_cannot_be_looked_at(dynamodb: Any, said: str, message: str, code: str, fix: str) -> None:
    """Each answer of DynamoDB is one finding that stops the start, with what to do, and nothing that AWS said."""
    with Stubber(dynamodb) as stub:
        stub.add_client_error("describe_table", said, message, 400)
        (found,) = check_table(dynamodb, "jobs")

    assert (found.code, found.stops) == (code, True)
    assert fix in found.fix
    assert not any(secret in str(found) for secret in SECRETS)


SILENCES: list[tuple[BotoCoreError, str, str]] = [
    (botocore.EndpointConnectionError(endpoint_url="http://x"), "unreachable", "AWS_ENDPOINT_URL_S3"),
    (botocore.ConnectTimeoutError(endpoint_url="http://x"), "unreachable", "security groups"),
    (botocore.ReadTimeoutError(endpoint_url="http://x"), "unreachable", "VPC endpoint"),
    (botocore.SSLError(endpoint_url="https://x", error=OSError("self-signed")), "tls", "AWS_CA_BUNDLE"),
    (botocore.NoCredentialsError(), "credentials_missing", "Give the container a role"),
    (botocore.PartialCredentialsError(provider="env", cred_var="x"), "credentials_missing", "AWS_SECRET_ACCESS_KEY"),
    (botocore.CredentialRetrievalError(provider="p", error_msg="m"), "credentials_unavailable", "AWS_PROFILE"),
]


@pytest.mark.requirement("4.1", "5.5")
@pytest.mark.parametrize(("silence", "code", "fix"), SILENCES, ids=[type(case[0]).__name__ for case in SILENCES])
def test_service_that_does_not_answer_is_a_finding_with_its_address(
    s3: Any, silence: BotoCoreError, code: str, fix: str
) -> None:
    """Without an answer the finding says what is to be checked, and names the address that was tried."""
    found = explain(silence, subject(s3, "bucket", "audio"))

    assert (found.code, found.stops) == (code, True)
    assert fix in found.fix
    if code in {"unreachable", "tls"}:
        assert "https://s3.eu-west-1.amazonaws.com" in found.problem


def test_no_kind_is_left_unexplained() -> None:
    """The table explains every kind of error that there is, and no other."""
    rules = [*aws_errors.RULES, aws_errors.KMS, *(rule for _, rule in aws_errors.SILENT)]
    kinds = {rule.kind for rule in rules} | {"trouble", "unreachable"}

    assert kinds == set(EXPLAINED)


def right_bucket() -> Mapping[str, Any]:
    """Answers of a bucket that is as it should be."""
    return {
        "head_bucket": {"BucketRegion": "eu-west-1"},
        "get_bucket_cors": {"CORSRules": [{**CORS, "AllowedOrigins": [ORIGIN]}]},
        "get_bucket_lifecycle_configuration": {"Rules": list(LIFECYCLE)},
    }


def right_table(**change: Any) -> dict[str, Any]:
    """The description of a table that is as it should be."""
    (index,) = TABLE["GlobalSecondaryIndexes"]
    return {
        "TableStatus": "ACTIVE",
        "KeySchema": TABLE["KeySchema"],
        "AttributeDefinitions": TABLE["AttributeDefinitions"],
        "GlobalSecondaryIndexes": [{**index, "IndexStatus": "ACTIVE"}],
        **change,
    }


EXPIRY_ON = {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": TIME_TO_LIVE["AttributeName"]}}


def test_a_bucket_elsewhere_is_noticed_although_botocore_follows_it(s3: Any) -> None:
    """A bucket in another region answers all the same, but what is presigned for it would not work: it is said."""
    with Stubber(s3) as stub:
        stub.add_response("head_bucket", {"BucketRegion": "us-west-2"})
        found = look_at_bucket(s3, "audio")

    assert found is not None
    assert found.code == "wrong_region"
    assert "AWS_REGION=us-west-2" in found.fix


@pytest.mark.requirement("7.17")
def test_what_may_not_be_read_stops_nothing(s3: Any, dynamodb: Any) -> None:
    """Details that a role may not look at may well be right: each is a concern that names its permission."""
    with Stubber(s3) as stub:
        stub.add_response("head_bucket", {})
        stub.add_client_error("get_bucket_cors", "AccessDenied", "", 403)
        stub.add_client_error("get_bucket_lifecycle_configuration", "AccessDenied", "", 403)
        cors, lifecycle = check_bucket(s3, "audio", [ORIGIN])
    with Stubber(dynamodb) as stub:
        stub.add_response("describe_table", {"Table": right_table()})
        stub.add_client_error("describe_time_to_live", "AccessDeniedException", "", 400)
        (ttl,) = check_table(dynamodb, "jobs")

    assert [(one.code, one.stops) for one in (cors, lifecycle, ttl)] == [
        ("cors_unreadable", False),
        ("lifecycle_unreadable", False),
        ("ttl_unreadable", False),
    ]
    assert "Allow s3:GetBucketCORS on arn:aws:s3:::audio." in cors.fix
    assert "Allow s3:GetLifecycleConfiguration on arn:aws:s3:::audio." in lifecycle.fix
    assert "Allow dynamodb:DescribeTimeToLive on arn:aws:dynamodb:eu-west-1:*:table/jobs." in ttl.fix


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"TableStatus": "CREATING"}, "table_not_active"),
        ({"GlobalSecondaryIndexes": [{**TABLE["GlobalSecondaryIndexes"][0], "IndexStatus": "CREATING"}]},
         "index_not_active"),
    ],
    ids=["table", "index"],
)  # fmt: skip
def test_what_is_still_being_made_is_waited_for(dynamodb: Any, change: dict[str, Any], code: str) -> None:
    """A table or an index that is not usable yet is a finding of its own, at start and for readiness."""
    with Stubber(dynamodb) as stub:
        stub.add_response("describe_table", {"Table": right_table(**change)})
        stub.add_response("describe_time_to_live", EXPIRY_ON)
        stub.add_response("describe_table", {"Table": right_table(**change)})
        (found,) = check_table(dynamodb, "jobs")
        again = look_at_table(dynamodb, "jobs")

    assert (found.code, found.stops) == (code, True)
    assert again == found


@pytest.mark.parametrize("said", ["InternalServerError", "ThrottlingException"])
def test_passing_trouble_is_not_a_finding_for_readiness(s3: Any, dynamodb: Any, said: str) -> None:
    """What says nothing about bucket or table is raised, so that the circuit counts it."""
    with Stubber(dynamodb) as stub:
        stub.add_client_error("describe_table", said, "", 500 if said == "InternalServerError" else 400)
        with pytest.raises(ClientError):
            look_at_table(dynamodb, "jobs")
    with Stubber(s3) as stub:
        stub.add_client_error("head_bucket", "500", "", 500)
        with pytest.raises(ClientError):
            look_at_bucket(s3, "audio")


def test_the_permissions_are_those_of_the_requests_that_are_made(s3: Any, dynamodb: Any) -> None:
    """What the checks say that a role has to allow is what they ask for, neither more nor less."""
    asked: set[str] = set()
    for client in (s3, dynamodb):
        client.meta.events.register("before-parameter-build", lambda model, **_: asked.add(model.name))
    with Stubber(s3) as stub:
        for operation, answer in right_bucket().items():
            stub.add_response(operation, answer)
        assert check_bucket(s3, "audio", [ORIGIN]) == []
        stub.add_client_error("head_bucket", "403", "", 403)
        stub.add_client_error("list_objects_v2", "AccessDenied", "", 403)
        check_bucket(s3, "audio", [ORIGIN])
    with Stubber(dynamodb) as stub:
        stub.add_response("describe_table", {"Table": right_table()})
        stub.add_response("describe_time_to_live", EXPIRY_ON)
        assert check_table(dynamodb, "jobs") == []

    assert actions_for(*asked) == s3_checks.PERMISSIONS | dynamodb_checks.PERMISSIONS
