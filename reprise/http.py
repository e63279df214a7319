"""Steps as requests of httpx: what both drivers have in common."""

from collections.abc import Mapping
from typing import Any

import httpx

from reprise.steps import Answer, Ask

USER_AGENT = "reprise-client"
CONNECT = 10.0  # seconds
FAILURES = (httpx.TransportError, httpx.StreamError)


def settings(url: str, key: str | None) -> tuple[str, dict[str, str]]:
    """
    Return the address without a slash at its end, and the headers for the service (and for nobody else).

    Raises `ValueError` for what cannot be asked: it would otherwise look like a service that is away.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"{url} is no address: {error}") from None
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ValueError(f"{url} is no address; it begins with http:// or https://, and names a host")
    if key is not None and not (key.isascii() and key.isprintable()):
        raise ValueError("the API key has characters in it that no key has; was it copied whole, and nothing else?")
    headers = {"User-Agent": USER_AGENT} | ({"Authorization": f"Bearer {key}"} if key else {})
    return url.rstrip("/"), headers


def request(base: str, headers: Mapping[str, str], ask: Ask) -> dict[str, Any]:
    """Return the arguments for httpx; a presigned URL is asked without the headers of the service."""
    own = {"User-Agent": USER_AGENT} if ask.elsewhere else dict(headers)
    wanted: dict[str, Any] = {
        "method": ask.method,
        "url": ask.to if ask.elsewhere else base + ask.to,
        "headers": own | dict(ask.headers),
        "timeout": httpx.Timeout(ask.seconds, connect=CONNECT),
    }
    if ask.params:
        wanted["params"] = dict(ask.params)
    if ask.json is not None:
        wanted["json"] = ask.json
    if ask.content is not None:
        wanted["content"] = ask.content
    return wanted


def answer_of(response: httpx.Response) -> Answer:
    """Return what was read of a response."""
    return Answer(response.status_code, dict(response.headers.items()), response.content)


def reason_of(error: Exception) -> str:
    """Return one line that says what happened, without an address: a presigned URL is a secret for a while."""
    return f"{type(error).__name__}: {str(error).partition('http')[0].strip() or 'no answer'}"
