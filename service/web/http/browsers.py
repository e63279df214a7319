"""
What web pages beside an open service cannot do with it, and which names it answers to.

A key travels in a header that a page has to know. Without keys any page that somebody opens could send requests to a
service on the same machine, blind and without a preflight (a form, an image, a POST of text), or point a name of its
own at it and read the answers. So an open service refuses what creates or changes something if a browser says that it
comes from elsewhere, and any host that is not its own. Health needs neither: platforms ask for it by address.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request
from litestar.types import Scope

from service.core.errors import CrossSite, NotJson, UnknownHost
from service.web.http.authentication import NAMELESS
from service.web.http.config import WebConfig
from service.web.http.middleware import header

OWN = frozenset({"localhost", "127.0.0.1", "[::1]"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
CREATING = "creates"
"""The option of a GET handler that creates something: an image on a page could ask for it."""
READS_JSON = "reads_json"
"""The option of a handler whose body is JSON."""

Check = Callable[[Request[Any, Any, Any]], Awaitable[None]]


def check_of(config: WebConfig, *, keyed: bool) -> Check:
    """
    Make what litestar calls before each handler, when the guards have let a request in.

    It raises `UnknownHost`, `CrossSite` and `NotJson`, the first two where there are no keys: all are the nameless
    tenant then. It is no guard, because litestar copies the handler for each guard of each request.
    """
    named = frozenset(origin.lower() for origin in config.cors_origins if origin != "*")
    known = OWN | frozenset(config.hosts)

    async def check(request: Request[Any, Any, Any]) -> None:
        scope, options = request.scope, request.route_handler.opt
        if not keyed:
            scope["state"]["tenant"] = NAMELESS
            if not scope["path"].startswith("/health/"):
                host = told(scope, b"host")
                if "*" not in known and host and name_in(host) not in known | {address_of(scope)}:
                    raise UnknownHost
                if (scope["method"] not in SAFE or options.get(CREATING)) and from_elsewhere(scope, host, named):
                    raise CrossSite
        if options.get(READS_JSON):
            expect_json(scope)

    return check


def told(scope: Scope, name: bytes) -> str:
    """Return a header in small letters; empty if there is none."""
    return header(scope, name).decode("latin-1").lower()


def from_elsewhere(scope: Scope, host: str, named: frozenset[str]) -> bool:
    """Tell whether a browser says that a page of another origin asks, and of none that is `named`."""
    origin = told(scope, b"origin")
    if origin in named:
        return False
    if origin and origin.partition("://")[2] != host:
        return True
    return told(scope, b"sec-fetch-site") in {"cross-site", "same-site"}


def name_in(host: str) -> str:
    """Return a `Host` without its port, and without the dot that may end a name."""
    name, colon, port = host.rpartition(":")
    return (name if colon and (port.isdigit() or not port) else host).removesuffix(".")


def address_of(scope: Scope) -> str:
    """Return the address that this connection came to, as a `Host` names it."""
    address = (scope.get("server") or ("", 0))[0]
    return f"[{address}]" if ":" in address else address


def expect_json(scope: Scope) -> None:
    """
    Raise `NotJson` for a body that is not called `application/json`.

    Pages may send other types, and bodies without one, to any address without asking it first.
    """
    if told(scope, b"content-length") in {"", "0"} and not header(scope, b"transfer-encoding"):
        return  # without a body, what is missing is another matter
    media_type = told(scope, b"content-type").partition(";")[0].strip()
    if media_type != "application/json":
        raise NotJson
