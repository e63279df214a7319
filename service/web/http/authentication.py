"""
Whose request this is, decided once, before anything of it is read.

With keys configured, every call under ``/v1`` needs one, in a header: a query string ends up in logs and histories.
What gives nothing away is kept outside of the guarded router. Without keys there is one tenant without a name, to whom
everything belongs.
"""

from collections.abc import Callable, Sequence
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from service.core.access import ApiKey, tenant_with
from service.core.errors import Unauthorized

NOBODY = ""  # the one tenant of an open service
LONGEST_KEY = 512

Connection = ASGIConnection[Any, Any, Any, Any]
Guard = Callable[[Connection, BaseRouteHandler], None]


def guard(keys: Sequence[ApiKey]) -> Guard:
    """A guard that finds the tenant and leaves it for `lookup.tenant_of`. It raises `Unauthorized`."""

    def admit(connection: Connection, _: BaseRouteHandler) -> None:
        connection.scope["state"]["tenant"] = tenant_by(keys, presented(connection)) if keys else NOBODY

    return admit


def tenant_by(keys: Sequence[ApiKey], key: str | None) -> str:
    """Whose key it is. Raises `Unauthorized`, which never repeats the key."""
    if key is None:
        raise Unauthorized("This address needs an API key.")
    tenant = tenant_with(keys, key) if len(key) <= LONGEST_KEY else None
    if tenant is None:
        raise Unauthorized("This API key is not valid.")
    return tenant


def presented(connection: Connection) -> str | None:
    """The key that came with a request: ``Authorization: Bearer …`` first, ``X-API-Key`` otherwise."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return connection.headers.get("x-api-key", "").strip() or None
