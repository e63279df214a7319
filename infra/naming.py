"""Names for what Pulumi does not name by itself. Everything else gets its name, with a random suffix, from Pulumi."""

import hashlib


def hashed(prefix: str, *parts: str) -> str:
    """
    `prefix` and eight digits of a hash of `parts`: the same parts, the same name; others, another.

    For resources that cannot be changed in place: a changed setting makes a new one beside the old one, which goes once
    nothing uses it any more.
    """
    return f"{prefix}-{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:8]}"
