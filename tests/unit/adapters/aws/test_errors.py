import pytest
from botocore import exceptions as botocore
from botocore.exceptions import BotoCoreError, ClientError
from structlog.testing import capture_logs

from service.adapters.aws.errors import RULES, translate
from service.core.errors import (
    Definite,
    Indefinite,
    Misconfigured,
    ObjectChanged,
    ObjectGone,
    QuotaReached,
    StoreError,
    Throttled,
    Unavailable,
)
from service.web.http.problems import from_ours

pytestmark = pytest.mark.requirement("6.8")

ANSWERS: list[tuple[str, int, type[StoreError], int, float | None]] = [
    # code of AWS, its status, our error, our status, retry after
    ("ProvisionedThroughputExceededException", 400, Throttled, 503, 5.0),
    ("ThrottlingException", 400, Throttled, 503, 5.0),
    ("RequestLimitExceeded", 400, Throttled, 503, 5.0),
    ("SlowDown", 503, Throttled, 503, 5.0),
    ("KMS.ThrottlingException", 400, Throttled, 503, 5.0),
    ("AnythingElse", 429, Throttled, 503, 5.0),
    ("ServiceQuotaExceededException", 402, QuotaReached, 503, 60.0),
    ("LimitExceededException", 400, QuotaReached, 503, 60.0),
    ("ServiceUnavailable", 503, Unavailable, 503, 2.0),
    ("AnythingElse", 503, Unavailable, 503, 2.0),
    ("ExpiredToken", 400, Unavailable, 503, 30.0),
    ("ExpiredTokenException", 400, Unavailable, 503, 30.0),
    ("AccessDenied", 403, Misconfigured, 500, None),
    ("AccessDeniedException", 400, Misconfigured, 500, None),
    ("NoSuchBucket", 404, Misconfigured, 500, None),
    ("ResourceNotFoundException", 400, Misconfigured, 500, None),
    ("KMS.DisabledException", 400, Misconfigured, 500, None),
    ("KMSInvalidStateException", 400, Misconfigured, 500, None),
    ("InvalidAccessKeyId", 403, Misconfigured, 500, None),
    ("SignatureDoesNotMatch", 403, Misconfigured, 500, None),
    ("UnrecognizedClientException", 400, Misconfigured, 500, None),
    ("RequestTimeTooSkewed", 403, Misconfigured, 500, None),
    ("NoSuchKey", 404, ObjectGone, 410, None),
    ("404", 404, ObjectGone, 410, None),
    ("PreconditionFailed", 412, ObjectChanged, 409, None),
    ("InternalError", 500, Indefinite, 503, 2.0),
    ("InternalServerError", 500, Indefinite, 503, 2.0),
    ("", 0, Indefinite, 503, 2.0),
    ("NoSuchUpload", 404, Definite, 503, 2.0),
    ("ValidationException", 400, Definite, 503, 2.0),
]

SILENCES: list[tuple[BotoCoreError, type[StoreError], int]] = [
    (botocore.EndpointConnectionError(endpoint_url="http://x"), Unavailable, 503),
    (botocore.ConnectTimeoutError(endpoint_url="http://x"), Unavailable, 503),
    (botocore.ReadTimeoutError(endpoint_url="http://x"), Indefinite, 503),
    (botocore.ConnectionClosedError(endpoint_url="http://x"), Indefinite, 503),
    (botocore.CredentialRetrievalError(provider="p", error_msg="m"), Unavailable, 503),
    (botocore.NoCredentialsError(), Misconfigured, 500),
    (botocore.ParamValidationError(report="r"), Definite, 503),
]


def answered(code: str, status: int, operation: str = "GetObject") -> ClientError:
    """What botocore makes of an answer."""
    return ClientError(
        {"Error": {"Code": code, "Message": "arn:aws:secret"}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        operation,
    )


@pytest.mark.parametrize(("code", "status", "error", "ours", "retry_after"), ANSWERS)
def test_each_aws_code_becomes_one_error_with_status_and_retry_after(
    code: str, status: int, error: type[StoreError], ours: int, retry_after: float | None
) -> None:
    """Each code of AWS is one error of ours, with its status and the time to come back."""
    found = translate(answered(code, status))
    assert type(found) is error
    problem = from_ours(found)
    assert (problem.status_code, problem.retry_after) == (ours, retry_after)
    assert ("Retry-After" in (problem.headers or {})) == (retry_after is not None)


@pytest.mark.parametrize(("silence", "error", "ours"), SILENCES)
def test_without_an_answer_only_unsent_requests_are_definite(
    silence: BotoCoreError, error: type[StoreError], ours: int
) -> None:
    """Without an answer, only what certainly never reached AWS is definite."""
    found = translate(silence)
    assert (type(found), from_ours(found).status_code) == (error, ours)


def test_no_code_is_in_two_rows() -> None:
    """The order of the rows decides nothing."""
    codes = [code for rule in RULES for code in rule.codes]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize(
    ("operation", "permission"),
    [("UploadPart", "s3:PutObject"), ("Query", "dynamodb:Query"), ("TransactWriteItems", "dynamodb:PutItem")],
)
def test_missing_permission_is_named_in_the_log_only(operation: str, permission: str) -> None:
    """A missing permission is named in the log and nowhere in the answer; nor is anything that AWS said."""
    with capture_logs() as said:
        problem = from_ours(translate(answered("AccessDenied", 403, operation)))
    assert permission in said[0]["advice"]
    assert (problem.code, problem.status_code) == ("misconfigured", 500)
    for shown in (problem.detail, problem.hint, problem.title):
        assert shown is not None
        assert not any(word in shown for word in (permission, "arn", "AccessDenied", operation))
