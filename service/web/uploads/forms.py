"""
``multipart/form-data`` as a stream: the one file field passes through in pieces, nothing of it is held.

What is around the file is bounded too: a form may have a few ordinary fields, which are counted and dropped. A second
file, or a form that ends too early, is an error that surfaces where the file's bytes are being read, so the code that
stores them gives up and leaves nothing behind.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any

from multipart import MultipartError, MultipartSegment, PushMultipartParser  # type: ignore[import-untyped]

from service.core.errors import ClientError, InvalidRequest, UploadIncomplete
from service.web.uploads.disposition import extended_value, parameters

MAX_PARTS = 32
MAX_FIELD_BYTES = 64 * 1024  # all ordinary fields together
OVERHEAD = 256 * 1024  # what a form may add to the size of its file: fields, headers, boundaries


@dataclass(frozen=True, slots=True)
class FormPart:
    """A part of a form begins; an ordinary field has no file name."""

    filename: str | None


@dataclass(frozen=True, slots=True)
class FormFile:
    """The file field: the name it came with, and its bytes."""

    filename: str
    chunks: AsyncGenerator[bytes, None]


async def open_file(body: AsyncIterator[bytes], boundary: str) -> FormFile:
    """
    Read a form up to its file.

    The file's `chunks` read on to the end of the form and raise what is wrong there. Raises `InvalidRequest` if there
    is no file, `ClientError` if this is no form, and whatever `body` raises.
    """
    pieces = parsed(body, boundary)
    spare = MAX_FIELD_BYTES
    async for piece in pieces:
        if isinstance(piece, bytes):
            spare = _spend(spare, piece)
        elif piece.filename is not None:
            return FormFile(piece.filename, _file(pieces, spare))
    raise InvalidRequest("The form has no file field.")


async def parsed(body: AsyncIterator[bytes], boundary: str) -> AsyncGenerator[FormPart | bytes, None]:
    """
    Yield the parts of a form, each followed by what is in it.

    Raises `ClientError` where the body is no form, `UploadIncomplete` if it ends before the form does.
    """
    try:
        parser = PushMultipartParser(boundary, max_segment_count=MAX_PARTS)
        async for chunk in body:
            for event in parser.parse(chunk) if chunk else ():
                if event is not None:  # None: a part ends, which the next part or the end of the form says as well
                    yield FormPart(filename_of(event)) if isinstance(event, MultipartSegment) else bytes(event)
    except MultipartError as error:
        raise ClientError(f"The multipart/form-data body is malformed: {error.args[0]}.") from error
    try:
        parser.close()
    except MultipartError as error:
        raise UploadIncomplete("The form ends before its last boundary.") from error


def filename_of(segment: Any) -> str | None:
    """Return the name of a file as the client wrote it; None for an ordinary field."""
    header = next((value for name, value in segment.headerlist if name == "Content-Disposition"), "")
    name: str | None = segment.filename
    return extended_value(parameters(header).get("filename*")) or name


async def _file(pieces: AsyncGenerator[FormPart | bytes, None], spare: int) -> AsyncGenerator[bytes, None]:
    inside = True
    async for piece in pieces:
        if isinstance(piece, FormPart):
            if piece.filename is not None:
                raise InvalidRequest("The form has more than one file; send one per upload.")
            inside = False
        elif inside:
            yield piece
        else:
            spare = _spend(spare, piece)


def _spend(spare: int, data: bytes) -> int:
    if len(data) > spare:
        raise InvalidRequest(f"The fields around the file are larger than {MAX_FIELD_BYTES} bytes.")
    return spare - len(data)
