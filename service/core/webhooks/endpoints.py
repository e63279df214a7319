"""
The endpoints of tenants, as operators set them: never from a request, so no client can choose where the service calls.

::

    {"studio": {"url": "https://studio.example/hooks", "secrets": ["whsec_MfKQ9r8G…"]}}

The tenant of a service without keys has an empty name. Several secrets are for the time in which one is rotated.
"""

import json
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from service.core.webhooks.signature import parse_secret

MOST_SECRETS: Final = 4
HTTP, PRIVATE = "http", "private"  # what operators may allow beside https to public addresses


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the notifications of a tenant go. Neither its address nor its secrets are in its `repr`."""

    tenant: str
    url: str = field(repr=False)
    secrets: tuple[bytes, ...] = field(repr=False)

    @property
    def scheme(self) -> str:
        """``https`` or ``http``."""
        return urlsplit(self.url).scheme

    @property
    def host(self) -> str:
        """Its host, which may be logged: path and query may hold a token."""
        return urlsplit(self.url).hostname or ""


def parse_endpoints(text: str) -> tuple[Endpoint, ...]:
    """
    Parse the JSON of all endpoints.

    Raises `ValueError` with what is wrong where. It names tenants and quotes nothing else, because what is in the wrong
    place may be a secret.
    """
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError:
        raise ValueError("it is no JSON") from None
    if not isinstance(found, dict):
        raise ValueError("it is no object of JSON")  # noqa: TRY004  # as all else that is wrong in a setting
    return tuple(_endpoint(tenant, entry) for tenant, entry in found.items())


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse a name that comes twice: JSON would silently keep the last one."""
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError("a name comes twice")
    return dict(pairs)


def _endpoint(tenant: str, entry: object) -> Endpoint:
    if not isinstance(entry, dict) or set(entry) != {"url", "secrets"}:
        raise ValueError(f"{tenant!r} must have a url and secrets, and nothing else")
    url, secrets = entry["url"], entry["secrets"]
    if not isinstance(url, str) or not _is_good(url):
        raise ValueError(f"the url of {tenant!r} must be an http(s) address in ASCII, without user and fragment")
    if not isinstance(secrets, list) or not 1 <= len(secrets) <= MOST_SECRETS:
        raise ValueError(f"{tenant!r} must have a list of 1 to {MOST_SECRETS} secrets")
    try:
        return Endpoint(tenant, url, tuple(parse_secret(str(secret)) for secret in secrets))
    except ValueError as error:
        raise ValueError(f"{tenant!r}: {error}") from None


def _is_good(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port_is_good = parts.port != 0
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url
    return (
        plain
        and port_is_good
        and parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and not (parts.username or parts.password or parts.fragment or "@" in parts.netloc)
    )
