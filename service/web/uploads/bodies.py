"""The body of an upload as it arrives: bounded, with an error of its own for a client that went away midway."""

from collections.abc import AsyncGenerator

from litestar.exceptions import InternalServerException

from service.core.errors import UploadIncomplete, UploadTooLarge
from service.web.http.parameters import HttpRequest
from service.web.uploads.forms import OVERHEAD


def refuse_too_large(request: HttpRequest, limit: int, *, form: bool) -> None:
    """Raise `UploadTooLarge` by the announced length, before anything of the body is read."""
    announced = request.content_length
    if announced is not None and announced > limit + (OVERHEAD if form else 0):
        raise too_large(limit)


async def arriving(request: HttpRequest, limit: int) -> AsyncGenerator[bytes, None]:
    """
    Yield the body in pieces.

    Raises `UploadIncomplete` if the client is gone, `UploadTooLarge` when more than `limit` bytes and a form's
    overhead have come.
    """
    arrived = 0
    try:
        async for chunk in request.stream():
            arrived += len(chunk)
            if arrived > limit + OVERHEAD:
                raise too_large(limit)
            yield chunk
    except InternalServerException as error:  # how litestar's stream says http.disconnect
        raise UploadIncomplete from error


def too_large(limit: int) -> UploadTooLarge:
    """Make the refusal, with the limit in it."""
    return UploadTooLarge(f"The upload is larger than the {limit} bytes that this service accepts.", limit=limit)
