"""
``multipart/form-data`` as a stream: the one file passes through in pieces, nothing of it is held.

The file is the part named `file`, with or without a file name, or else a part that has a file name. Browsers send a
file input in which nothing was chosen as a part without a name and without bytes: that is no file.

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

FILE_FIELD = "file"
MAX_PARTS = 32
MAX_FIELD_BYTES = 64 * 1024  # all ordinary fields together
MAX_NAMED = 8  # fields that a message lists
MAX_SHOWN = 40  # characters of a field's name in a message
OVERHEAD = 256 * 1024  # what a form may add to the size of its file: fields, headers, boundaries


@dataclass(frozen=True, slots=True)
class FormPart:
    """A part of a form begins; `filename` is None where it has none, and empty where nothing was chosen."""

    name: str
    filename: str | None

    @property
    def may_be_file(self) -> bool:
        """Whether this is a file if it has any bytes."""
        return self.name == FILE_FIELD or self.filename is not None


@dataclass(frozen=True, slots=True)
class FormFile:
    """The file of a form: the name it came with, if any, and its bytes."""

    filename: str | None
    chunks: AsyncGenerator[bytes, None]


async def open_file(body: AsyncIterator[bytes], boundary: str) -> FormFile:
    """
    Read a form up to its file.

    The file's `chunks` read on to the end of the form and raise what is wrong there. Raises `InvalidRequest` if there
    is no file, `ClientError` if this is no form, and whatever `body` raises.
    """
    pieces = parsed(body, boundary)
    part: FormPart | None = None
    fields: list[str] = []
    spare = MAX_FIELD_BYTES
    async for piece in pieces:
        if isinstance(piece, FormPart):
            part = piece
            fields.append(piece.name)
            if part.filename:
                return FormFile(part.filename, _file(part, b"", pieces, spare))
        elif part is not None and part.may_be_file and piece:
            return FormFile(part.filename or None, _file(part, piece, pieces, spare))
        else:
            spare = _spend(spare, piece, part)
    raise _no_file(fields)


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
                    yield _part(event) if isinstance(event, MultipartSegment) else bytes(event)
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


def _part(segment: Any) -> FormPart:
    return FormPart(name=segment.name or "", filename=filename_of(segment))


async def _file(
    file: FormPart, begin: bytes, pieces: AsyncGenerator[FormPart | bytes, None], spare: int
) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of `file`, of which `begin` has been read, and read the form to its end."""
    if begin:
        yield begin
    part = file
    async for piece in pieces:
        if isinstance(piece, FormPart):
            part = piece
            if part.filename:
                raise _second_file(file, part)
        elif part is file:
            yield piece
        elif part.may_be_file and piece:
            raise _second_file(file, part)
        else:
            spare = _spend(spare, piece, part)


def _spend(spare: int, data: bytes, part: FormPart | None) -> int:
    if len(data) > spare:
        where = f"; {_quoted(part.name)} is one of them" if part else ""
        raise InvalidRequest(f"The fields around the file are larger than {MAX_FIELD_BYTES} bytes{where}.")
    return spare - len(data)


def _no_file(fields: list[str]) -> InvalidRequest:
    if FILE_FIELD in fields:
        problem = f"The field '{FILE_FIELD}' of the form is empty: no file was chosen."
    else:
        sent = f"; it has {', '.join(map(_quoted, fields[:MAX_NAMED]))}" if fields else ""
        problem = f"The form has no file{sent}. Send the file as its field '{FILE_FIELD}'."
    wrong = {"field": FILE_FIELD, "in": "body", "message": problem}
    return InvalidRequest(problem, errors=[wrong])


def _second_file(first: FormPart, second: FormPart) -> InvalidRequest:
    problem = (
        f"The form has more than one file, {_quoted(first.name)} and {_quoted(second.name)}; send one for each upload."
    )
    wrong = {"field": _shown(second.name), "in": "body", "message": problem}
    return InvalidRequest(problem, errors=[wrong])


def _quoted(name: str) -> str:
    return f"'{_shown(name)}'"


def _shown(name: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in name[:MAX_SHOWN])
