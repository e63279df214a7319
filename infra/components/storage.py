"""
The bucket: private, encrypted, TLS only, and empty again by itself.

Its rules are those of `service/resources.json`. CORS is a part of its own (`Cors`), because one
of its origins is the address of the service, which exists only after the bucket.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra.components import Component
from infra.facts import BUCKET
from infra.iam.documents import bucket_policy


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageArgs:
    """`expire_days` until S3 deletes uploads and results; `protect`: the bucket outlives the stack."""

    expire_days: int
    protect: bool
    kms_key_arn: str


class Storage(Component):
    """Outputs: `bucket`, its name, and `arn`."""

    def __init__(self, name: str, args: StorageArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("Storage", name, opts)
        keep = ResourceOptions(protect=args.protect, retain_on_delete=args.protect)
        bucket = aws.s3.Bucket(name, force_destroy=not args.protect, opts=self.within(keep))
        self.bucket, self.arn = bucket.bucket, bucket.arn
        block = BUCKET["public_access_block"]
        blocked = aws.s3.BucketPublicAccessBlock(
            name,
            bucket=bucket.id,
            block_public_acls=block["BlockPublicAcls"],
            block_public_policy=block["BlockPublicPolicy"],
            ignore_public_acls=block["IgnorePublicAcls"],
            restrict_public_buckets=block["RestrictPublicBuckets"],
            opts=self.inside,
        )
        aws.s3.BucketOwnershipControls(
            name,
            bucket=bucket.id,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership=BUCKET["ownership"]),
            opts=self.inside,
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            name, bucket=bucket.id, rules=[_encryption(args.kms_key_arn)], opts=self.inside
        )
        aws.s3.BucketLifecycleConfiguration(
            name,
            bucket=bucket.id,
            rules=[_lifecycle(rule, args.expire_days) for rule in BUCKET["lifecycle"]],
            opts=self.inside,
        )
        # S3 refuses two changes of a bucket's access at the same moment.
        aws.s3.BucketPolicy(
            name,
            bucket=bucket.id,
            policy=bucket.arn.apply(bucket_policy),
            opts=self.within(ResourceOptions(depends_on=[blocked])),
        )
        self.register_outputs({"bucket": self.bucket, "arn": self.arn})


class Cors(Component):
    """Which sites may send to the bucket, and read from it, from a page: the service's own, and those of `origins`."""

    def __init__(
        self, name: str, bucket: Input[str], origins: Sequence[Input[str]], opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("Cors", name, opts)
        rule = BUCKET["cors"]
        aws.s3.BucketCorsConfiguration(
            name,
            bucket=bucket,
            cors_rules=[
                aws.s3.BucketCorsConfigurationCorsRuleArgs(
                    allowed_methods=rule["AllowedMethods"],
                    allowed_headers=rule["AllowedHeaders"],
                    allowed_origins=list(origins),
                    expose_headers=rule["ExposeHeaders"],
                    max_age_seconds=rule["MaxAgeSeconds"],
                )
            ],
            opts=self.inside,
        )
        self.register_outputs({"origins": Output.all(*origins)})


def _encryption(key: str) -> aws.s3.BucketServerSideEncryptionConfigurationRuleArgs:
    """With a key of the customer's, S3 asks KMS once for many objects (a bucket key), which costs far less."""
    default = aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs
    return aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
        apply_server_side_encryption_by_default=(
            default(sse_algorithm="aws:kms", kms_master_key_id=key) if key else default(sse_algorithm="AES256")
        ),
        bucket_key_enabled=bool(key),
    )


def _lifecycle(rule: Mapping[str, Any], days: int) -> aws.s3.BucketLifecycleConfigurationRuleArgs:
    part = aws.s3.BucketLifecycleConfigurationRuleArgs(
        id=rule["ID"],
        status=rule["Status"],
        filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=rule["Filter"]["Prefix"]),
    )
    if "Expiration" in rule:
        part.expiration = aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=days)
    if unfinished := rule.get("AbortIncompleteMultipartUpload"):
        part.abort_incomplete_multipart_upload = (
            aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                days_after_initiation=unfinished["DaysAfterInitiation"]
            )
        )
    return part
