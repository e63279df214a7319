"""What the service looks at in its bucket when it starts, with the fix for each thing that is not as it should be."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from service.adapters.aws import code_of, status_of
from service.adapters.resources import CORS

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_s3.type_defs import CORSRuleOutputTypeDef

METHODS, EXPOSED, UNFINISHED_DAYS = CORS["AllowedMethods"], CORS["ExposeHeaders"], 2


def check_bucket(client: "S3Client", name: str, origins: Sequence[str]) -> list[str]:
    """What is wrong with the bucket, each with the fix to make; empty if all is well. Raises nothing of botocore's."""
    try:
        client.head_bucket(Bucket=name)
    except (ClientError, BotoCoreError) as error:
        return [_unreachable(name, error)]
    return [*_cors_problems(client, name, origins), *_lifecycle_problems(client, name)]


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
