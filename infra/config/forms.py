"""The forms that a setting can have. Each function returns the value, or raises `ValueError`."""

import ipaddress
import json
import re
from collections.abc import Callable

_TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def one_of(*allowed: str) -> Callable[[str], str]:
    """One of these words."""

    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(text)
        return text

    return read


def whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number within these bounds."""

    def read(text: str) -> int:
        number = int(text)
        if not least <= number <= most:
            raise ValueError(text)
        return number

    return read


def among(*allowed: float) -> Callable[[str], float]:
    """One of these numbers."""

    def read(text: str) -> float:
        number = float(text)
        if number not in allowed:
            raise ValueError(text)
        return number

    return read


def flag(text: str) -> bool:
    """`true` or `false`."""
    if text not in {"true", "false"}:
        raise ValueError(text)
    return text == "true"


def like(pattern: str) -> Callable[[str], str]:
    """What matches a pattern as a whole."""

    def read(text: str) -> str:
        if re.fullmatch(pattern, text) is None:
            raise ValueError(text)
        return text

    return read


def many(form: Callable[[str], str]) -> Callable[[str], tuple[str, ...]]:
    """A JSON list, each item of this form, none twice."""

    def read(text: str) -> tuple[str, ...]:
        items = json.loads(text)  # its JSONDecodeError is a ValueError
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise ValueError(text)
        found = tuple(form(item) for item in items)
        if len(set(found)) != len(found):
            raise ValueError(text)
        return found

    return read


def network(text: str) -> str:
    """A private IPv4 network that can be a VPC's."""
    found = ipaddress.IPv4Network(text)
    if not found.is_private or not 16 <= found.prefixlen <= 28:
        raise ValueError(text)
    return str(found)


def api_keys(text: str) -> str:
    """`tenant:SHA-256,tenant:SHA-256` or `none`, as the service reads REPRISE_API_KEYS. Its errors quote nothing."""
    if text.lower() == "none":
        return "none"
    entries = []
    for number, entry in enumerate(text.split(","), 1):
        tenant, _, digest = (part.strip() for part in entry.partition(":"))
        if _TENANT.fullmatch(tenant) is None or _DIGEST.fullmatch(digest.lower()) is None:
            raise ValueError(f"entry {number} is not")
        entries.append(f"{tenant}:{digest.lower()}")
    if len({entry.partition(":")[2] for entry in entries}) != len(entries):
        raise ValueError("the same hash is there twice")
    return ",".join(entries)


def token(text: str) -> str:
    """A password that ElastiCache takes and that needs no escaping in an address. Its errors quote nothing."""
    if re.fullmatch(r"[A-Za-z0-9_-]{32,128}", text) is None:
        raise ValueError(f"{len(text)} characters were found")
    return text


def webhooks(text: str) -> str:
    """The endpoints of tenants, as the service reads REPRISE_WEBHOOKS, https alone. Its errors quote nothing."""
    try:
        found = json.loads(text)
        entries = [(tenant, entry["url"], entry["secrets"]) for tenant, entry in found.items()]
    except (ValueError, AttributeError, KeyError, TypeError):
        raise ValueError("it is not") from None
    for tenant, url, secrets in entries:
        good = isinstance(url, str) and re.fullmatch(r"https://[^/@#\s]+(/[^#\s]*)?", url)
        if not good or not isinstance(secrets, list) or not secrets or not all(map(_is_secret, secrets)):
            raise ValueError(f"the entry of {tenant!r} is not")
    return json.dumps(found, separators=(",", ":"))


def _is_secret(text: object) -> bool:
    return isinstance(text, str) and re.fullmatch(r"whsec_[A-Za-z0-9+/]{32,86}={0,2}", text) is not None
