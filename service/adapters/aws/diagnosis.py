"""
What kept a check from its answer → what that means, and the fix to make. The classes are those of `aws_errors`.

S3 and DynamoDB are explained by one table, because what goes wrong at a start is mostly what both share: credentials,
clock, network, permissions. Only what stands in curly brackets differs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from service.adapters.aws.clients import code_of, is_aws, status_of
from service.adapters.aws.errors import permission_of, rule_for
from service.core.findings import Finding


@dataclass(frozen=True, slots=True)
class Subject:
    """The bucket or the table that is looked at, and the words for it."""

    service: str  # S3 or DynamoDB
    kind: str  # bucket or table
    name: str
    address: str
    region: str

    @property
    def variable(self) -> str:
        """The variable that names it."""
        return f"REPRISE_{self.kind.upper()}"

    @property
    def maker(self) -> str:
        """The command that makes it as it should be."""
        return "`pulumi up`" if is_aws(self.address) else "`python -m service provision`"

    @property
    def arn(self) -> str:
        """How a policy names it."""
        if self.kind == "bucket":
            return f"arn:aws:s3:::{self.name}"
        return f"arn:aws:dynamodb:{self.region}:*:table/{self.name}"


def subject(client: Any, kind: str, name: str) -> Subject:
    """What this client looks at."""
    service = {"bucket": "S3", "table": "DynamoDB"}[kind]
    return Subject(service, kind, name, client.meta.endpoint_url, client.meta.region_name)


# kind of error → what it means, what to do.
EXPLAINED: Mapping[str, tuple[str, str]] = {
    "missing": (
        "The {kind} {name!r} does not exist at {address} ({region}).",
        "Make it with {maker}, or name another one in {variable}; if it is in another region, set AWS_REGION.",
    ),
    "wrong_region": (
        "The {kind} {name!r} is in another region than {region}.",
        "Set AWS_REGION to the region of the {kind}; presigned URLs would not work otherwise.",
    ),
    "access_denied": (
        "This service is not allowed to look at the {kind} {name!r} ({said}).",
        "Allow {permission} on {arn} to its role, or check whose {kind} that is.",
    ),
    "credentials_missing": (
        "There are no AWS credentials, or only half of them.",
        "Give the container a role, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; a stand-in takes any.",
    ),
    "credentials_unavailable": (
        "AWS credentials could not be fetched from where this container gets them ({said}).",
        "Check the role, the profile (AWS_PROFILE), and that the container reaches its metadata service.",
    ),
    "credentials_expired": (
        "The AWS credentials have expired.",
        "Renew them: role credentials are renewed by themselves, pasted ones (AWS_SESSION_TOKEN) are not.",
    ),
    "credentials_refused": (
        "{service} does not accept the AWS credentials ({said}).",
        "Check the role, or that AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together and to this account.",
    ),
    "clock_skew": (
        "The clock of this machine is wrong by more than {service} accepts ({said}).",
        "Set the clock (`timedatectl` on the host shows whether it is synchronised); containers have the host's.",
    ),
    "unreachable": (
        "{service} does not answer at {address} ({said}).",
        "Check {endpoint}, the network (security groups, a VPC endpoint for {service}), and that it is running.",
    ),
    "tls": (
        "The certificate of {service} at {address} is not accepted.",
        "Check the address and its scheme; for a certificate of your own set AWS_CA_BUNDLE.",
    ),
    "throttled": ("{service} asks for fewer requests ({said}).", "Nothing is wrong with the settings; try again."),
    "quota": ("A quota of the account is used up ({said}).", "See Service Quotas in the AWS console."),
    "kms": ("The KMS key of the {kind} {name!r} cannot be used ({said}).", "Enable it, and allow kms:Decrypt on it."),
    "trouble": ("{service} cannot say how the {kind} {name!r} is: it answers {said}.", "Try again; see its status."),
}

# What no setting has caused.
PASSING = frozenset({"trouble", "throttled"})


def explain(error: ClientError | BotoCoreError, about: Subject) -> Finding:
    """Why the thing itself could not be looked at: a service that cannot see its bucket or table does not start."""
    rule = rule_for(error)
    code = f"{about.kind}_missing" if rule.kind == "missing" else rule.kind
    what, fix = EXPLAINED.get(rule.kind, EXPLAINED["trouble"])
    words = {
        "kind": about.kind,
        "name": about.name,
        "service": about.service,
        "address": about.address,
        "region": about.region,
        "variable": about.variable,
        "maker": about.maker,
        "arn": about.arn,
        "permission": permission_of(error),
        "endpoint": f"AWS_ENDPOINT_URL or AWS_ENDPOINT_URL_{about.service.upper()}",
        "said": said(error),
    }
    return Finding(code, what.format(**words), fix.format(**words), transient=rule.kind in PASSING | {"unreachable"})


def passing(error: ClientError | BotoCoreError) -> bool:
    """Whether it says nothing about the bucket or the table, but that the service has no answer at the moment."""
    return rule_for(error).kind in PASSING


def unreadable(what: str, code: str, error: ClientError | BotoCoreError, about: Subject) -> Finding:
    """A detail that could not be looked at. It may well be right, so the service starts."""
    problem = f"The {what} of the {about.kind} {about.name!r} could not be read ({said(error)})."
    fix = f"Allow {permission_of(error)} on {about.arn}." if rule_for(error).kind == "access_denied" else "Try again."
    return Finding(code, problem, fix, stops=False)


def said(error: ClientError | BotoCoreError) -> str:
    """What AWS called it, or botocore if there was no answer. Never the message, which may name accounts."""
    if isinstance(error, ClientError):
        return code_of(error) or str(status_of(error))
    return type(error).__name__
