"""
The built-in page: one document with its style and its modules, read once, served from memory.

It loads nothing from elsewhere and may run nothing else. It may talk to the service, and to the storage, where it sends
files and fetches them.
"""

from collections.abc import Mapping, Sequence
from importlib.resources import files

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

DOCUMENTS = {"/": ("index.html", "text/html"), "/style.css": ("style.css", "text/css")}
SCRIPTS = "/page/"


def policy(storage: Sequence[str]) -> str:
    """Return what the page may do; `storage` are the origins that files are sent to and fetched from."""
    there = " ".join(["'self'", *storage])
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; connect-src {there}; media-src {there} blob:; "
        "img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def page_routes(storage: Sequence[str] = ()) -> list[HTTPRouteHandler]:
    """Make a handler for each file."""
    here = files("service.web.page")
    headers = {"Content-Security-Policy": policy(storage), "Cache-Control": "no-cache"}
    served = [(path, here.joinpath(name), kind) for path, (name, kind) in DOCUMENTS.items()]
    scripts = sorted(here.joinpath("scripts").iterdir(), key=lambda one: one.name)
    served += [(SCRIPTS + one.name, one, "text/javascript") for one in scripts if one.name.endswith(".js")]
    return [_served(path, one.read_bytes(), kind, headers) for path, one, kind in served]


def _served(path: str, content: bytes, media_type: str, headers: Mapping[str, str]) -> HTTPRouteHandler:
    @get(path, include_in_schema=False, media_type=media_type)
    async def serve() -> Response[bytes]:
        return Response(content, media_type=media_type, headers=dict(headers))

    return serve
