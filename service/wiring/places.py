"""
Where S3, DynamoDB and Redis are, and what decided that: a variable, a file of AWS, or nothing but a default.

The variables are those of every AWS tool; this module only tells what came of them. Nothing secret passes through it.
"""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from service.adapters.aws.clients import Aws, is_aws
from service.settings import Settings

EMBEDDED = "embedded, as REPRISE_BUCKET is not set"
INSIDE = (".internal", ".local", ".localdomain", ".lan", ".svc", ".intranet", ".corp", ".home.arpa")


@dataclass(frozen=True, slots=True)
class Place:
    """One outside service: its name, its address for people (never with a password), and what chose it."""

    name: str
    address: str
    chosen_by: str


def places(settings: Settings, aws: Aws, *, embedded: bool = False) -> tuple[Place, ...]:
    """S3, DynamoDB, Redis, and where clients are sent for their bytes."""
    s3 = _aws_place("S3", aws.s3_address, settings.s3_endpoint, "AWS_ENDPOINT_URL_S3", settings)
    dynamodb = _aws_place(
        "DynamoDB", aws.dynamodb_address, settings.dynamodb_endpoint, "AWS_ENDPOINT_URL_DYNAMODB", settings
    )
    redis = _redis_place(settings)
    if embedded:
        s3, dynamodb = (Place(place.name, place.address, EMBEDDED) for place in (s3, dynamodb))
        redis = Place("Redis", redis.address, EMBEDDED if settings.redis_url else "redis-server is not installed")
    return s3, dynamodb, redis, _signed_for(settings, s3)


def unreachable_for_clients(settings: Settings, aws: Aws) -> str | None:
    """The host in presigned URLs, if it has a meaning only inside a network that browsers are not in."""
    if settings.s3_public_endpoint or is_aws(aws.s3_address):
        return None
    host = urlsplit(aws.s3_address).hostname or ""
    return host if _is_inside(host) else None


def _aws_place(name: str, address: str, own: str | None, variable: str, settings: Settings) -> Place:
    if own:
        return Place(name, address, variable)
    if settings.any_endpoint:
        return Place(name, address, "AWS_ENDPOINT_URL")
    if is_aws(address):
        return Place(name, f"AWS, {settings.region}", "no endpoint is set")
    return Place(name, address, "endpoint_url in the AWS configuration file")


def _redis_place(settings: Settings) -> Place:
    if settings.redis_url is None:
        return Place("Redis", "none: progress comes from DynamoDB", "REDIS_URL is not set")
    url = urlsplit(settings.redis_url)
    where = url.path if url.scheme == "unix" else f"{url.hostname}:{url.port or 6379}"
    return Place("Redis", f"{url.scheme}://{where}{' (TLS)' if url.scheme == 'rediss' else ''}", "REDIS_URL")


def _signed_for(settings: Settings, s3: Place) -> Place:
    name = "presigned URLs"
    if settings.s3_public_endpoint:
        return Place(name, settings.s3_public_endpoint, "REPRISE_S3_PUBLIC_ENDPOINT")
    return Place(name, s3.address, "as S3")


def _is_inside(host: str) -> bool:
    """A container's name, a private address; not this machine, which a browser on it reaches."""
    if host == "localhost" or host.endswith(".localhost"):
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(INSIDE)
    return not address.is_loopback and (address.is_private or address.is_link_local)
