"""
What web pages beside an open service cannot do with it, and which names it answers to.

A key travels in a header that a page has to know. Without keys any page that somebody opens could send requests to a
service on the same machine, blind and without a preflight (a form, an image, a POST of text), or point a name of its
own at it and read the answers. So an open service refuses what creates or changes something if a browser says that it
comes from elsewhere, and any host that is not its own. Health needs neither: platforms ask for it by address.
"""

from litestar.handlers import BaseRouteHandler

from service.core.errors import CrossSite, NotJson, UnknownHost
from service.web.http.authentication import NAMELESS, Connection, Guard
from service.web.http.config import WebConfig

OWN = frozenset({"localhost", "127.0.0.1", "[::1]"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
CREATING = "creates"
"""The option of a GET handler that creates something: an image on a page could ask for it."""


def open_guard(config: WebConfig) -> Guard:
    """Make the guard of an open service: all are the nameless tenant. It raises `UnknownHost` and `CrossSite`."""
    named = frozenset(origin.lower() for origin in config.cors_origins if origin != "*")
    known = OWN | frozenset(config.hosts)

    async def admit(connection: Connection, handler: BaseRouteHandler) -> None:
        connection.scope["state"]["tenant"] = NAMELESS
        if connection.scope["path"].startswith("/health/"):
            return
        host = connection.headers.get("host", "").lower()
        if "*" not in known and host and name_in(host) not in known | {address_of(connection)}:
            raise UnknownHost
        method = connection.scope.get("method")
        if (method not in SAFE or handler.opt.get(CREATING)) and from_elsewhere(connection, host, named):
            raise CrossSite

    return admit


def from_elsewhere(connection: Connection, host: str, named: frozenset[str]) -> bool:
    """Tell whether a browser says that a page of another origin asks, and of none that is `named`."""
    origin = connection.headers.get("origin", "").lower()
    if origin in named:
        return False
    if origin and origin.partition("://")[2] != host:
        return True
    return connection.headers.get("sec-fetch-site", "").lower() in {"cross-site", "same-site"}


def name_in(host: str) -> str:
    """Return a `Host` without its port, and without the dot that may end a name."""
    name, colon, port = host.rpartition(":")
    return (name if colon and (port.isdigit() or not port) else host).removesuffix(".")


def address_of(connection: Connection) -> str:
    """Return the address that this connection came to, as a `Host` names it."""
    address = (connection.scope.get("server") or ("", 0))[0]
    return f"[{address}]" if ":" in address else address


async def only_json(connection: Connection, _: BaseRouteHandler) -> None:
    """
    Guard a handler that reads JSON. Raises `NotJson` for a body that is not called `application/json`.

    Pages may send other types, and bodies without one, to any address without asking it first.
    """
    if connection.headers.get("content-length", "0") == "0" and "transfer-encoding" not in connection.headers:
        return  # without a body, what is missing is another matter
    media_type = connection.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise NotJson
