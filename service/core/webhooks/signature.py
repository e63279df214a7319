"""
Signatures after the Standard Webhooks specification: https://www.standardwebhooks.com.

These few lines are written out because the core needs no package; the tests verify what they make with the library of
the specification's authors.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping

PREFIX = "whsec_"
LEAST, MOST = 24, 64  # bytes of a secret, as the specification asks


def parse_secret(text: str) -> bytes:
    """Return the bytes of ``whsec_<base64>``. Raises `ValueError`, which does not quote it."""
    try:
        secret = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not text.startswith(PREFIX) or not LEAST <= len(secret) <= MOST:
        raise ValueError(f"a secret must be {PREFIX} and {LEAST} to {MOST} bytes in base64")
    return secret


def signed_headers(secrets: Iterable[bytes], message_id: str, timestamp: int, body: bytes) -> Mapping[str, str]:
    """
    Return the headers of a message; `timestamp` is when it is sent, in seconds since the epoch.

    There is one signature for each secret: while a secret is rotated, receivers with either of them accept it.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode() for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
