"""
The documents of the stack: what the service's roles may do, who may take them, what the endpoints let through.

An action is a whole name, and a resource an ARN, wherever AWS lets one be named. Where it does not, `EVERYWHERE` says
so in the place where it is used.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.facts import INDEX, PERMISSIONS, Permission

Statement = dict[str, Any]

EVERYWHERE = "*"
"""For the few actions that take no resource: `ecr:GetAuthorizationToken`, and X-Ray's, whose traces have no ARN."""


@dataclass(frozen=True, slots=True)
class Places:
    """The ARNs behind the words of permissions.json. `key` is None where no key of the customer's is used."""

    bucket: str
    table: str
    key: str | None = None

    def arn(self, resource: str) -> str:
        """The ARN for a word of permissions.json. Raises `KeyError` for a word that is none of them."""
        return {
            "bucket": self.bucket,
            "objects": f"{self.bucket}/*",
            "uploads": f"{self.bucket}/uploads/*",
            "results": f"{self.bucket}/results/*",
            "table": self.table,
            "index": f"{self.table}/index/{INDEX['IndexName']}",
            "key": self.key or "",
        }[resource]


def document(statements: Iterable[Statement]) -> str:
    """As IAM takes it: JSON, the same text for the same statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, sort_keys=True)


def data_access(
    roles: Iterable[str], places: Places, region: str, rows: Sequence[Permission] = PERMISSIONS
) -> list[Statement]:
    """What these roles of the service may do with bucket, table and key: a statement for each resource."""
    wanted = frozenset(roles)
    actions: dict[str, set[str]] = {}
    for row in rows:
        if row.roles & wanted and not (row.when == "kms" and places.key is None):
            actions.setdefault(row.resource, set()).add(row.action)
    return [
        _allow(resource, sorted(allowed), places.arn(resource), _through(resource, region))
        for resource, allowed in sorted(actions.items())
    ]


def _through(resource: str, region: str) -> Mapping[str, Any]:
    """The key serves S3 and DynamoDB, and nobody directly."""
    if resource != "key":
        return {}
    services = [f"s3.{region}.amazonaws.com", f"dynamodb.{region}.amazonaws.com"]
    return {"Condition": {"StringEquals": {"kms:ViaService": services}}}


def _allow(
    name: str, actions: Sequence[str], resource: str | Sequence[str], more: Mapping[str, Any] | None = None
) -> Statement:
    sid = "".join(part.capitalize() for part in name.split("-"))
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resource, **(more or {})}


def secrets_access(arns: Sequence[str], key: str | None, region: str) -> list[Statement]:
    """Read these secrets, and open them where a key of the customer's closes them."""
    if not arns:
        return []
    read = _allow("secrets", ["secretsmanager:GetSecretValue"], list(arns))
    if key is None:
        return [read]
    through = {"Condition": {"StringEquals": {"kms:ViaService": f"secretsmanager.{region}.amazonaws.com"}}}
    return [read, _allow("secrets-key", ["kms:Decrypt"], key, through)]


def image_access(repository: str | None) -> list[Statement]:
    """Pull from this ECR repository; nothing for an image that is public."""
    if repository is None:
        return []
    pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer"]
    return [
        _allow("image", pull, repository),
        _allow("image-login", ["ecr:GetAuthorizationToken"], EVERYWHERE),
    ]


def log_access(groups: Sequence[str]) -> list[Statement]:
    """Write to these log groups, which are there already."""
    if not groups:
        return []
    return [_allow("logs", ["logs:CreateLogStream", "logs:PutLogEvents"], [f"{group}:*" for group in groups])]


def trace_access(*, runner: bool) -> list[Statement]:
    """
    Send spans to X-Ray. `runner`: by App Runner's side car, which reports about itself and asks for sampling rules.

    None of these actions takes a resource: what is sent is the account's.
    """
    side_car = ["xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords"] if runner else []
    return [_allow("traces", sorted(["xray:PutTraceSegments", *side_car]), EVERYWHERE)]


def trust(service: str, account: str | None = None) -> str:
    """Who may take a role: one service of AWS; with `account`, only on behalf of that account."""
    statement: Statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    if account is not None:
        statement["Condition"] = {"StringEquals": {"aws:SourceAccount": account}}
    return document([statement])


def bucket_policy(bucket: str) -> str:
    """Nothing without TLS 1.2, whoever asks, and no presigned address older than a day."""
    both = [bucket, f"{bucket}/*"]
    return document([
        _refuse("PlainText", both, {"Bool": {"aws:SecureTransport": "false"}}),
        _refuse("OldTls", both, {"NumericLessThan": {"s3:TlsVersion": "1.2"}}),
        _refuse("OldSignature", [f"{bucket}/*"], {"NumericGreaterThan": {"s3:signatureAge": str(86400 * 1000)}}),
    ])  # fmt: skip


def _refuse(sid: str, resources: Sequence[str], condition: Mapping[str, Any]) -> Statement:
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": list(resources),
        "Condition": condition,
    }


def endpoint_policy(service: str, places: Places, region: str, *, layers: bool) -> str:
    """
    What the gateway endpoint of `s3` or `dynamodb` lets through: what the service does, with what belongs to it.

    Credentials of another account cannot carry data out through it. `layers`: images are pulled as well, and ECR
    keeps their layers in a bucket of AWS.
    """
    statements = [
        {**statement, "Principal": "*"}
        for statement in data_access({"api", "worker"}, places, region)
        if all(action.startswith(f"{service}:") for action in statement["Action"])
    ]
    if service == "s3" and layers:
        aws = f"arn:{partition(region)}:s3:::prod-{region}-starport-layer-bucket/*"
        statements.append({**_allow("image-layers", ["s3:GetObject"], aws), "Principal": "*"})
    return document(statements)


def partition(region: str) -> str:
    """The part of AWS in which a region lies, as ARNs name it."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
