"""
One table: what AWS says → which of our errors it is, and what an operator should do about it.

Three questions decide a row. Did it certainly not happen? Then the error is definite. Does it pass by itself? Then the
client is told when to come back (503). Does an operator have to change something? Then the client gets a plain 500,
and the log names the permission, key or quota; clients never read AWS's own message.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from botocore import exceptions as botocore
from botocore.exceptions import BotoCoreError, ClientError

from service.adapters.aws.calls import CALL_OF
from service.adapters.aws.permissions import action_for, service_of
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
from service.telemetry import emit, events


@dataclass(frozen=True, slots=True)
class Rule:
    """
    Codes of AWS, the error that they are, advice for the log. `retry_after` in seconds, None for the class's own.

    `kind` is the name under which `diagnosis` explains it in the start-up report.
    """

    codes: frozenset[str]
    error: type[StoreError]
    advice: str | None = None
    retry_after: float | None = None
    kind: str = "trouble"


THROTTLES = frozenset({
    "BandwidthLimitExceeded", "KMS.ThrottlingException", "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException", "RequestLimitExceeded", "RequestThrottled", "RequestThrottledException",
    "SlowDown", "Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException",
    "TransactionInProgressException",
})  # fmt: skip

SKEWED = Rule(
    frozenset({"RequestTimeTooSkewed", "RequestInTheFuture"}),
    Misconfigured,
    "the clock of this container is more than 15 minutes wrong",
    kind="clock_skew",
)
# DynamoDB has no code of its own for it, and says it in the message of a signature that it does not accept.
SKEWED_WORDS = ("Signature expired", "Signature not yet current")

RULES: tuple[Rule, ...] = (
    Rule(frozenset({"NoSuchKey", "404", "NotFound"}), ObjectGone, kind="missing"),
    Rule(frozenset({"PreconditionFailed", "412"}), ObjectChanged),
    Rule(THROTTLES, Throttled, kind="throttled"),
    Rule(
        frozenset({
            "AccountProblem", "ItemCollectionSizeLimitExceededException", "LimitExceeded", "LimitExceededException",
            "QuotaExceededException", "ServiceQuotaExceededException", "TooManyBuckets",
        }),
        QuotaReached,
        "a quota of the account is used up: see Service Quotas in the AWS console",
        kind="quota",
    ),
    Rule(frozenset({"ServiceUnavailable", "503"}), Unavailable),
    Rule(
        frozenset({"NoSuchBucket"}),
        Misconfigured,
        "the bucket does not exist: check REPRISE_BUCKET and the endpoint",
        kind="missing",
    ),
    Rule(
        frozenset({"301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect"}),
        Misconfigured,
        "the bucket is in another region: check REPRISE_BUCKET, AWS_REGION and the endpoint",
        kind="wrong_region",
    ),
    Rule(
        frozenset({"ResourceNotFoundException", "TableNotFoundException"}),
        Misconfigured,
        "the table or its index does not exist in this region: check REPRISE_TABLE and AWS_REGION",
        kind="missing",
    ),
    Rule(
        frozenset({
            "403", "AccessDenied", "AccessDeniedException", "AllAccessDisabled", "Forbidden", "UnauthorizedOperation",
        }),
        Misconfigured,
        "the role of this service lacks the permission {permission} (or, with a key of its own, kms:GenerateDataKey "
        "and kms:Decrypt)",
        kind="access_denied",
    ),
    Rule(
        frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}),
        Unavailable,
        "the credentials have expired: role credentials are renewed by themselves, pasted ones are not",
        30.0,
        kind="credentials_expired",
    ),
    Rule(
        frozenset({
            "AuthFailure", "IncompleteSignature", "InvalidAccessKeyId", "InvalidClientTokenId",
            "InvalidSignatureException", "InvalidToken", "MissingAuthenticationToken",
            "MissingAuthenticationTokenException", "NotSignedUp", "OptInRequired", "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        }),
        Misconfigured,
        "AWS does not accept the credentials: check the role, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        kind="credentials_refused",
    ),
    SKEWED,
)  # fmt: skip

KMS = Rule(
    frozenset(),
    Misconfigured,
    "the KMS key of the bucket or table cannot be used: is it enabled and allowed?",
    kind="kms",
)

# What never got an answer. The first that matches counts; whatever is not here may have happened.
SILENT: tuple[tuple[tuple[type[BotoCoreError], ...], Rule], ...] = (
    (
        (botocore.EndpointConnectionError, botocore.ConnectTimeoutError, botocore.ProxyConnectionError),
        Rule(frozenset(), Unavailable, kind="unreachable"),
    ),
    (
        (botocore.SSLError,),
        Rule(frozenset(), Indefinite, "the certificate of the endpoint is not accepted", kind="tls"),
    ),
    (
        (botocore.CredentialRetrievalError, botocore.MetadataRetrievalError),
        Rule(
            frozenset(),
            Unavailable,
            "credentials could not be fetched from where this container gets them",
            10.0,
            kind="credentials_unavailable",
        ),
    ),
    (
        (botocore.NoCredentialsError, botocore.PartialCredentialsError, botocore.NoRegionError),
        Rule(
            frozenset(),
            Misconfigured,
            "no (complete) credentials or region: give the container a role",
            kind="credentials_missing",
        ),
    ),
    ((botocore.ParamValidationError,), Rule(frozenset(), Definite, "a mistake in this service; please report it")),
)


def translate(error: ClientError | BotoCoreError) -> StoreError:
    """
    Which error of our tree it is. Conditional failures are not translated here: their caller knows what they mean.

    Only what certainly had no effect is definite: a refusal by the service, or a connection that never came about.
    """
    if isinstance(error, ClientError):
        code, status = code_of(error), status_of(error)
        what = f"{error.operation_name}: {code or status}"
    else:
        code, status, what = "", 0, type(error).__name__
    rule = rule_for(error)
    ours = rule.error(what)
    if rule.retry_after is not None:
        ours.retry_after = rule.retry_after
    service, operation, more = facts_of(error)
    if rule.advice is not None:
        more["advice"] = rule.advice.format(permission=permission_of(error))
    reason = code or status or type(error).__name__
    emit(events.AWS_FAILURE, service=service, operation=operation, reason=reason, **more)
    return ours


def facts_of(error: ClientError | BotoCoreError) -> tuple[str, str, dict[str, object]]:
    """Return service and operation of a call that failed, and what else is known of it; ``aws`` for no service."""
    if isinstance(error, ClientError):
        told = cast("Mapping[str, Any]", error.response.get("ResponseMetadata", {}))
        more: dict[str, object] = {"message": str(error.response.get("Error", {}).get("Message", ""))}
        if "RetryAttempts" in told:
            more["attempts"] = int(told["RetryAttempts"]) + 1
        if told.get("RequestId"):
            more["aws_request_id"] = told["RequestId"]
        return service_of(error.operation_name) or "aws", error.operation_name, more
    # A connection that failed does not tell which service it was for; the hooks of its client have noted that.
    service, operation, attempts = vars(error).get(CALL_OF, ("aws", "", None))
    return service, operation, {"message": str(error), **({} if attempts is None else {"attempts": attempts})}


def rule_for(error: ClientError | BotoCoreError) -> Rule:
    """The row for an error of botocore's."""
    if not isinstance(error, ClientError):
        silence = Rule(frozenset(), Indefinite, kind="unreachable")
        return next((rule for kinds, rule in SILENT if isinstance(error, kinds)), silence)
    rule = rule_of(code_of(error), status_of(error))
    message = str(error.response.get("Error", {}).get("Message", ""))
    return SKEWED if rule.kind == "credentials_refused" and message.startswith(SKEWED_WORDS) else rule


def rule_of(code: str, status: int) -> Rule:
    """The row for an answer of AWS: by its code, else by its HTTP status (0: there was none)."""
    if found := next((rule for rule in RULES if code in rule.codes), None):
        return found
    if code.startswith(("KMS.", "KMS")):
        return KMS
    if status == 429:
        return Rule(frozenset(), Throttled, kind="throttled")
    if status == 503:
        return Rule(frozenset(), Unavailable)
    return Rule(frozenset(), Indefinite if status >= 500 or status == 0 else Definite)


def permission_of(error: ClientError | BotoCoreError) -> str:
    """Return the permission that the operation needs, as a policy writes it."""
    operation = getattr(error, "operation_name", "")
    return action_for(operation) or f"for {operation}"


def code_of(error: ClientError) -> str:
    """The service's error code, or an empty string."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: ClientError) -> int:
    """The HTTP status, or 0 if there was none."""
    metadata = cast("Mapping[str, Any]", error.response.get("ResponseMetadata", {}))
    return int(metadata.get("HTTPStatusCode", 0))
