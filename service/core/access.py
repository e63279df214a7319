"""
API keys, of which the service knows the hashes alone.

A key is long and random, so a plain SHA-256 of it gives nothing away and a slow hash would protect nothing more. What
is compared are two hashes of equal length, each with every entry, in constant time: how long it takes tells neither
whether a key is nearly right nor which tenant it is of.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass

_TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key of a tenant, which may have several. `digest` is the SHA-256 of the key in hex."""

    tenant: str
    digest: str


def parse_keys(text: str) -> tuple[ApiKey, ...]:
    """
    Parse ``tenant:sha256,tenant:sha256``, or ``none`` for an open service.

    Raises `ValueError` with what is wrong where. It counts and never quotes: what was put in the wrong place may be
    the key itself.
    """
    if text.strip().lower() == "none":
        return ()
    keys: list[ApiKey] = []
    for number, entry in enumerate(text.split(","), 1):
        tenant, colon, digest = (part.strip() for part in entry.partition(":"))
        digest = digest.lower()
        if not colon:
            raise ValueError(f"entry {number} has no colon between tenant and hash")
        if _TENANT.fullmatch(tenant) is None:
            raise ValueError(f"the tenant of entry {number} must be 1 to 63 of a-z, 0-9, _ and -")
        if _HASH.fullmatch(digest) is None:
            raise ValueError(f"entry {number} has no SHA-256 (64 hexadecimal digits) after its colon")
        if any(key.digest == digest for key in keys):
            raise ValueError(f"entry {number} repeats the hash of an earlier one")
        keys.append(ApiKey(tenant, digest))
    return tuple(keys)


def tenant_with(keys: Iterable[ApiKey], presented: str) -> str | None:
    """Return the tenant of this key, or None if it is of none. Looks at all entries, also after it found one."""
    digest = hashlib.sha256(presented.encode("utf-8", "surrogateescape")).hexdigest()
    found: str | None = None
    for key in keys:
        if hmac.compare_digest(key.digest, digest):
            found = key.tenant
    return found
