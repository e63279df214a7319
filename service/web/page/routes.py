"""The built-in page: three files without anything from elsewhere, read once, served from memory."""

from importlib.resources import files

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
FILES = {
    "/": ("index.html", "text/html"),
    "/app.js": ("app.js", "text/javascript"),
    "/style.css": ("style.css", "text/css"),
}


def page_routes() -> list[HTTPRouteHandler]:
    """Make a handler for each file."""
    return [_served(path, name, media_type) for path, (name, media_type) in FILES.items()]


def _served(path: str, name: str, media_type: str) -> HTTPRouteHandler:
    content = files("service.web.page").joinpath(name).read_bytes()
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}

    @get(path, include_in_schema=False, media_type=media_type)
    async def serve() -> Response[bytes]:
        return Response(content, media_type=media_type, headers=headers)

    return serve
