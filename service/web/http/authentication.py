"""
Authentication: which tenant a request is of, decided once, before anything of it is read.

With keys configured, every call under ``/v1`` needs one, in a header: a query string ends up in logs and histories.
What gives nothing away is kept outside of the guarded router. Without keys there is one tenant without a name, to which
everything belongs.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from service.core.access import ApiKey, tenant_with
from service.core.errors import Unauthorized
from service.telemetry import bind_tenant

NAMELESS = ""  # the one tenant of an open service
MAX_KEY_LENGTH = 512

Connection = ASGIConnection[Any, Any, Any, Any]
Guard = Callable[[Connection, BaseRouteHandler], Awaitable[None]]
"""Asynchronous, or litestar calls it on a thread: that costs each request two changes of threads, and its context."""


def guard(keys: Sequence[ApiKey]) -> Guard:
    """Make a guard that finds the tenant and leaves it for `parameters.caller_in`. It raises `Unauthorized`."""

    async def admit(connection: Connection, _: BaseRouteHandler) -> None:
        tenant = authenticate(keys, key_in(connection)) if keys else NAMELESS
        connection.scope["state"]["tenant"] = tenant
        bind_tenant(tenant)

    return admit


def authenticate(keys: Sequence[ApiKey], key: str | None) -> str:
    """Return the tenant of a key. Raises `Unauthorized`, which never repeats the key."""
    if key is None:
        raise Unauthorized("This address needs an API key.")
    tenant = tenant_with(keys, key) if len(key) <= MAX_KEY_LENGTH else None
    if tenant is None:
        raise Unauthorized("This API key is not valid.")
    return tenant


def is_known(connection: Connection, keys: Sequence[ApiKey]) -> bool:
    """Tell whether a request comes with a valid key, or needs none."""
    key = key_in(connection)
    return not keys or (key is not None and len(key) <= MAX_KEY_LENGTH and tenant_with(keys, key) is not None)


def key_in(connection: Connection) -> str | None:
    """Find the key that came with a request: ``Authorization: Bearer …`` first, ``X-API-Key`` otherwise."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return connection.headers.get("x-api-key", "").strip() or None
