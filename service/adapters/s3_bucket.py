"""
The bucket itself: how the embedded and compose stacks make it, and what the service checks about it at start.

On AWS the bucket belongs to the infrastructure program; `check_bucket` compares either with what the code needs, and
says for each difference how to mend it.
"""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from service.adapters.aws import code_of, status_of
from service.core.naming import RESULTS, UPLOADS

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_s3.type_defs import CORSRuleOutputTypeDef, CORSRuleTypeDef, LifecycleRuleTypeDef

METHODS = ("GET", "HEAD", "PUT")
EXPOSED = ("ETag", "Content-Length", "Content-Range", "Accept-Ranges", "Content-Disposition")
# Unfinished uploads of clients may be resumed, and conversions take hours, so a day would be too short.
UNFINISHED_DAYS = 2
# The janitor deletes what has expired. This is the net below it, so it has to be wider than any time to live.
KEPT_DAYS = 30


def create_bucket(client: "S3Client", name: str, *, region: str, origins: Sequence[str]) -> None:
    """
    Make the bucket, or bring ours into shape; safe to repeat.

    `origins` are the web pages that may talk to S3 directly, such as ``https://audio.example``. Raises what botocore
    raises.
    """
    try:
        if region == "us-east-1":  # the one region that must not be named
            client.create_bucket(Bucket=name)
        else:
            client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})  # type: ignore[typeddict-item]  # the stubs list regions by name
    except ClientError as error:
        if code_of(error) != "BucketAlreadyOwnedByYou":
            raise
    if origins:
        client.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": [_cors(origins)]})
    client.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": _lifecycle()})
    try:
        client.put_public_access_block(
            Bucket=name,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": True,
            },
        )
    except ClientError as error:
        if status_of(error) not in {405, 501}:  # a stand-in that does not know it has no public either
            raise


def check_bucket(client: "S3Client", name: str, origins: Sequence[str]) -> list[str]:
    """What is wrong with the bucket, each with the fix to make; empty if all is well. Raises nothing of botocore's."""
    try:
        client.head_bucket(Bucket=name)
    except (ClientError, BotoCoreError) as error:
        return [_unreachable(name, error)]
    return [*_cors_problems(client, name, origins), *_lifecycle_problems(client, name)]


def _cors(origins: Sequence[str]) -> "CORSRuleTypeDef":
    return {
        "AllowedOrigins": list(origins),
        "AllowedMethods": list(METHODS),
        "AllowedHeaders": ["*"],
        "ExposeHeaders": list(EXPOSED),
        "MaxAgeSeconds": 3000,
    }


def _lifecycle() -> "list[LifecycleRuleTypeDef]":
    rules: list[LifecycleRuleTypeDef] = [
        {
            "ID": f"expire-{prefix.rstrip('/')}",
            "Status": "Enabled",
            "Filter": {"Prefix": prefix},
            "Expiration": {"Days": KEPT_DAYS},
        }
        for prefix in (UPLOADS, RESULTS)
    ]
    abort: LifecycleRuleTypeDef = {
        "ID": "abort-unfinished-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": UNFINISHED_DAYS},
    }
    return [abort, *rules]


def ping(client: "S3Client", name: str) -> None:
    """Raise botocore's error if S3 does not answer at all, or not sensibly; what it answers is `check_bucket`'s."""
    try:
        client.head_bucket(Bucket=name)
    except ClientError as error:
        if status_of(error) >= 500 or status_of(error) == 429:
            raise


def _unreachable(name: str, error: ClientError | BotoCoreError) -> str:
    if not isinstance(error, ClientError):
        return f"S3 does not answer ({type(error).__name__}). Check the endpoint, the network and the credentials."
    match status_of(error):
        case 404:
            return f"Bucket {name} does not exist. Create it (`pulumi up`), or set REPRISE_BUCKET to the one that does."
        case 403:
            return f"Bucket {name} may not be read. Allow s3:ListBucket on arn:aws:s3:::{name}, or check whose it is."
        case 301 | 400:
            return f"Bucket {name} is in another region. Set AWS_REGION to the region of the bucket."
        case status:
            return f"Bucket {name} cannot be checked: S3 answers {status} {code_of(error)}. Try again."


def _cors_problems(client: "S3Client", name: str, origins: Sequence[str]) -> Iterable[str]:
    """Whether each origin has a rule that lets it do, and see, all that it needs."""
    if not origins:
        return
    try:
        rules = client.get_bucket_cors(Bucket=name)["CORSRules"]
    except (ClientError, BotoCoreError) as error:
        if not isinstance(error, ClientError) or code_of(error) != "NoSuchCORSConfiguration":
            yield _unreadable("CORS rules", "s3:GetBucketCORS", name, error)
            return
        rules = []
    for origin in origins:
        candidates = [rule for rule in rules if any(fnmatchcase(origin, it) for it in rule["AllowedOrigins"])]
        lacking = [_lacking(rule) for rule in candidates]
        if not candidates:
            yield (
                f"No CORS rule of bucket {name} names {origin}. Add a rule with AllowedOrigins ['{origin}'], "
                f"AllowedMethods {list(METHODS)}, AllowedHeaders ['*'], ExposeHeaders {list(EXPOSED)}."
            )
        elif all(lacking):
            yield f"The CORS rule of bucket {name} for {origin} is too narrow. Add {min(lacking, key=len)}."


def _lacking(rule: "CORSRuleOutputTypeDef") -> str:
    """What this rule would need in addition, in the words of the CORS configuration."""
    exposed = {header.lower() for header in rule.get("ExposeHeaders", [])}
    missing = {
        "AllowedMethods": [method for method in METHODS if method not in rule["AllowedMethods"]],
        "AllowedHeaders": [] if "*" in rule.get("AllowedHeaders", []) else ["*"],
        "ExposeHeaders": [header for header in EXPOSED if header.lower() not in exposed],
    }
    return ", ".join(f"{what} {values}" for what, values in missing.items() if values)


def _lifecycle_problems(client: "S3Client", name: str) -> Iterable[str]:
    try:
        rules = client.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    except (ClientError, BotoCoreError) as error:
        if not isinstance(error, ClientError) or code_of(error) != "NoSuchLifecycleConfiguration":
            yield _unreadable("lifecycle rules", "s3:GetLifecycleConfiguration", name, error)
            return
        rules = []
    if not any(rule["Status"] == "Enabled" and "AbortIncompleteMultipartUpload" in rule for rule in rules):
        yield (
            f"Bucket {name} keeps unfinished multipart uploads for ever, and bills them. Add a lifecycle rule with "
            f"AbortIncompleteMultipartUpload after {UNFINISHED_DAYS} days."
        )


def _unreadable(what: str, permission: str, name: str, error: ClientError | BotoCoreError) -> str:
    reason = code_of(error) if isinstance(error, ClientError) else type(error).__name__
    return f"The {what} of bucket {name} cannot be read ({reason}). Allow {permission} on arn:aws:s3:::{name}."
