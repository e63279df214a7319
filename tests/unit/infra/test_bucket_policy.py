"""
The bucket's policy, applied to requests as IAM applies it.

moto and LocalStack evaluate no condition of a bucket policy, and have no policy simulator; what AWS itself makes of the
document is not seen here. Of its rules (IAM user guide, policy evaluation logic and condition operators) those stand
below that the document uses; an operator that is not known here is an error.
"""

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import pytest

from infra.iam.documents import bucket_policy
from tests.support.cloud import document
from tests.unit.infra.stacks import STACKS, stack

BUCKET = "arn:aws:s3:::b"
SIGNED_NOW = "1000"  # milliseconds
WELL: Mapping[str, str] = {
    "aws:SecureTransport": "true", "s3:TlsVersion": "1.3", "s3:signatureAge": SIGNED_NOW,
}  # fmt: skip
# A key that a request lacks matches no operator: s3:TlsVersion is not there without TLS.
OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "Bool": lambda found, wanted: found.lower() == wanted.lower(),
    "NumericLessThan": lambda found, wanted: float(found) < float(wanted),
    "NumericGreaterThan": lambda found, wanted: float(found) > float(wanted),
}


def holds(condition: Mapping[str, Mapping[str, str]], request: Mapping[str, str]) -> bool:
    """Whether all of a condition is true of a request."""
    return all(
        key in request and OPERATORS[operator](request[key], wanted)
        for operator, wants in condition.items()
        for key, wanted in wants.items()
    )


def denied(statements: list[dict[str, Any]], action: str, resource: str, request: Mapping[str, str]) -> bool:
    """Whether any statement refuses the request; a refusal wins over whatever the caller's role allows."""
    return any(
        part["Effect"] == "Deny"
        and part["Principal"] == "*"
        and fnmatchcase(action, part["Action"])
        and any(fnmatchcase(resource, pattern) for pattern in part["Resource"])
        and holds(part["Condition"], request)
        for part in statements
    )


CALLS = [
    ("s3:GetObject", f"{BUCKET}/results/one"),
    ("s3:PutObject", f"{BUCKET}/uploads/one"),
    ("s3:AbortMultipartUpload", f"{BUCKET}/results/one"),
    ("s3:ListBucket", BUCKET),
    ("s3:DeleteBucketPolicy", BUCKET),
]
REQUESTS: Mapping[str, tuple[Mapping[str, str], bool]] = {
    "TLS 1.3": (WELL, False),
    "TLS 1.2": ({**WELL, "s3:TlsVersion": "1.2"}, False),
    "TLS 1.1": ({**WELL, "s3:TlsVersion": "1.1"}, True),
    "TLS 1.0": ({**WELL, "s3:TlsVersion": "1.0"}, True),
    "plain text": ({"aws:SecureTransport": "false", "s3:signatureAge": SIGNED_NOW}, True),
    "plain text, without a signature": ({"aws:SecureTransport": "false"}, True),
}


@pytest.mark.requirement("3.3")
@pytest.mark.parametrize("how", REQUESTS)
def test_bucket_is_reached_by_current_tls_alone(how: str) -> None:
    """Every call, on the bucket and on what is in it, is refused in plain text and over TLS before 1.2."""
    request, refused = REQUESTS[how]
    statements = document(bucket_policy(BUCKET))
    assert {denied(statements, action, resource, request) for action, resource in CALLS} == {refused}


def test_presigned_address_is_worth_nothing_after_a_day() -> None:
    """An object is refused under a signature of more than a day, whatever validity was signed; a younger one is not."""
    statements = document(bucket_policy(BUCKET))
    day = 24 * 3600 * 1000
    found = {
        age: denied(statements, "s3:GetObject", f"{BUCKET}/results/one", {**WELL, "s3:signatureAge": str(age)})
        for age in (1, day, day + 1, 7 * day)
    }
    assert found == {1: False, day: False, day + 1: True, 7 * day: True}


@pytest.mark.parametrize("name", STACKS)
def test_policy_is_for_the_bucket_of_its_stack(name: str) -> None:
    """In every stack the document names the stack's own bucket, and all that is in it."""
    cloud = stack(name)
    arn = f"arn:aws:s3:::{cloud.one('s3/bucket:Bucket').name}-1234567"
    for part in document(cloud.one("s3/bucketPolicy:BucketPolicy")["policy"]):
        assert part["Effect"] == "Deny"
        assert f"{arn}/*" in part["Resource"]
        assert set(part["Resource"]) <= {arn, f"{arn}/*"}
