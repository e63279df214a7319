"""What the service looks at in its bucket when it starts, with the fix for each thing that is not as it should be."""

import math
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from service.adapters.aws.clients import code_of, is_aws, status_of
from service.adapters.aws.diagnosis import Subject, explain, passing, subject, unreadable
from service.adapters.aws.permissions import actions_for
from service.adapters.aws.resources import CORS, LIFECYCLE
from service.core.findings import Finding

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_s3.type_defs import CORSRuleOutputTypeDef

# What a role has to allow for these checks; all of it on the bucket.
PERMISSIONS = actions_for("HeadBucket", "ListObjectsV2", "GetBucketCors", "GetBucketLifecycleConfiguration")

DAY = 86400  # seconds


def check_bucket(client: "S3Client", name: str, origins: Sequence[str], *, kept: float = 0) -> list[Finding]:
    """
    What is not as it should be; empty if all is well. Raises nothing of botocore's.

    `origins` are the web pages that talk to S3 directly; without any, CORS is not checked. `kept` is for how many
    seconds an upload, and then a job, is promised to be there.
    """
    about = subject(client, "bucket", name)
    try:
        found = look_at_bucket(client, name)
    except (ClientError, BotoCoreError) as error:
        found = explain(error, about)
    if found is not None:
        return [found]
    return [*_cors(client, about, origins), *_lifecycle(client, about, kept)]


def look_at_bucket(client: "S3Client", name: str) -> Finding | None:
    """
    Whether the bucket is there, ours to use, and in our region: one cheap request, because readiness asks often.

    Raises botocore's error if S3 does not answer, or not sensibly.
    """
    about = subject(client, "bucket", name)
    try:
        region = client.head_bucket(Bucket=name).get("BucketRegion")
    except ClientError as error:
        reason = _with_a_reason(client, name, error)
        if passing(reason):
            raise reason from error
        return explain(reason, about)
    # botocore follows a bucket into its region without a word, but what it presigns is signed for ours.
    if region and region != about.region and is_aws(about.address):
        problem = f"The bucket {name!r} is in {region}, and this service in {about.region}."
        fix = f"Set AWS_REGION={region}; presigned URLs would not work otherwise."
        return Finding("wrong_region", problem, fix)
    return None


def _with_a_reason(client: "S3Client", name: str, error: ClientError) -> ClientError | BotoCoreError:
    """
    The answer to HEAD has no body, so 403 is no permission, or a wrong key, or a wrong clock; and 400 anything.

    A request with the same permission and a body tells. It costs more, so it comes second.
    """
    if status_of(error) not in {400, 403}:
        return error
    try:
        client.list_objects_v2(Bucket=name, MaxKeys=1)
    except (ClientError, BotoCoreError) as told:
        return told
    return error


def _cors(client: "S3Client", about: Subject, origins: Sequence[str]) -> Iterable[Finding]:
    """Whether each origin has a rule that lets it do, and see, all that it needs."""
    if not origins:
        return
    try:
        rules = client.get_bucket_cors(Bucket=about.name)["CORSRules"]
    except (ClientError, BotoCoreError) as error:
        if not isinstance(error, ClientError) or code_of(error) != "NoSuchCORSConfiguration":
            yield unreadable("CORS rules", "cors_unreadable", error, about)
            return
        rules = []
    for origin in origins:
        candidates = [rule for rule in rules if any(fnmatchcase(origin, it) for it in rule["AllowedOrigins"])]
        lacking = [_lacking(rule) for rule in candidates]
        if not candidates:
            wanted = ", ".join(f"{key} {CORS[key]}" for key in ("AllowedMethods", "AllowedHeaders", "ExposeHeaders"))
            yield Finding(
                "cors_missing",
                f"No CORS rule of the bucket {about.name!r} names {origin}: browsers there can neither upload nor "
                "download directly.",
                f"Run {about.maker}, or add a rule with AllowedOrigins ['{origin}'], {wanted}; or take the origin out "
                "of REPRISE_CORS_ORIGINS.",
                stops=False,
            )
        elif all(lacking):
            yield Finding(
                "cors_incomplete",
                f"The CORS rule of the bucket {about.name!r} for {origin} lacks {min(lacking, key=len)}.",
                f"Run {about.maker}, or add that to the rule.",
                stops=False,
            )


def _lacking(rule: "CORSRuleOutputTypeDef") -> str:
    """What this rule would need in addition, in the words of the CORS configuration."""
    exposed = {header.lower() for header in rule.get("ExposeHeaders", [])}
    missing = {
        "AllowedMethods": [method for method in CORS["AllowedMethods"] if method not in rule["AllowedMethods"]],
        "AllowedHeaders": [] if "*" in rule.get("AllowedHeaders", []) else CORS["AllowedHeaders"],
        "ExposeHeaders": [header for header in CORS["ExposeHeaders"] if header.lower() not in exposed],
    }
    return ", ".join(f"{what} {values}" for what, values in missing.items() if values)


def _lifecycle(client: "S3Client", about: Subject, kept: float) -> Iterable[Finding]:
    """Whether something of ours could stay for ever, and be billed; or go before its time."""
    try:
        rules: Sequence[Mapping[str, Any]] = client.get_bucket_lifecycle_configuration(Bucket=about.name)["Rules"]
    except (ClientError, BotoCoreError) as error:
        if not isinstance(error, ClientError) or code_of(error) != "NoSuchLifecycleConfiguration":
            yield unreadable("lifecycle rules", "lifecycle_unreadable", error, about)
            return
        rules = []
    # An upload may be converted in its last second, and its job is kept as long again.
    days = min((rule["Expiration"].get("Days", math.inf) for rule in rules if _expires_ours(rule)), default=math.inf)
    if days * DAY < 2 * kept:
        yield Finding(
            "lifecycle_too_short",
            f"The bucket {about.name!r} deletes what is {days} days old, but REPRISE_TTL_SECONDS promises twice "
            f"{kept:g} seconds ({2 * kept / DAY:.3g} days): for an upload, and for its job.",
            "Lower REPRISE_TTL_SECONDS, or let the lifecycle rule wait longer.",
        )
    lacking = [wanted["ID"] for wanted in LIFECYCLE if not any(_does(rule, wanted) for rule in rules)]
    if lacking:
        yield Finding(
            "lifecycle_missing",
            f"The bucket {about.name!r} has no lifecycle rule for {', '.join(lacking)}: what the janitor misses is "
            "kept, and billed, for ever.",
            f"Run {about.maker}, or add rules as service/resources.json has them.",
            stops=False,
        )


def _expires_ours(rule: Mapping[str, Any]) -> bool:
    return any(_does(rule, wanted) for wanted in LIFECYCLE if "Expiration" in wanted)


def _does(rule: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a rule does, whatever it is called and however many days it takes, what the wanted one is for."""
    action = "Expiration" if "Expiration" in wanted else "AbortIncompleteMultipartUpload"
    prefix = rule.get("Filter", {}).get("Prefix", rule.get("Prefix", ""))
    return rule["Status"] == "Enabled" and action in rule and str(wanted["Filter"]["Prefix"]).startswith(prefix)
