"""
Errors as ``application/problem+json`` (RFC 9457).

Our own errors carry their public face on their class, so there is no table here: status, code, hint and retry-after are
theirs, the title is the first line of their docstring. What a backing service answered stays in the log; the client
gets the first line of its class. Litestar's own errors are translated, and anything unexpected becomes a bare 500 whose
request id leads to the traceback in the log.
"""

import math
import re
import traceback
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, InternalServerException, SerializationException, ValidationException
from litestar.plugins.problem_details import ProblemDetailsConfig, ProblemDetailsException, ProblemDetailsPlugin
from litestar.serialization import decode_json
from litestar.types import Receive, Scope, Send

from service.core.errors import (
    Overloaded,
    RangeUnsatisfiable,
    Refused,
    RepriseError,
    StoreError,
    Unauthorized,
    UploadIncomplete,
)
from service.telemetry import emit, events
from service.web.http.fields import wrong_fields

MEDIA_TYPE = "application/problem+json"
RESERVED = frozenset({"type", "title", "status", "detail", "code", "request_id", "hint", "retry_after"})

GONE = "client disconnected prematurely"  # litestar's words, in an error of class 500
_MISSING = re.compile(r"Missing required (?P<place>[a-z]+) parameter '(?P<name>[^']{1,80})'")
# As RFC 9110 has them. Python took over some of them later than others: what a client reads must not depend on that.
PHRASES = {413: "Content Too Large", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}


class ProblemException(ProblemDetailsException):
    """A problem on its way out; it learns the request's id when it is rendered."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        title: str | None = None,
        hint: str | None = None,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(
            detail=detail, status_code=status, title=title or PHRASES.get(status) or HTTPStatus(status).phrase
        )
        self.code = code
        self.hint = hint
        self.retry_after = retry_after
        self.headers = dict(headers or {})
        self.members = {name: value for name, value in (extra or {}).items() if name not in RESERVED}
        if retry_after is not None:
            self.headers["Retry-After"] = str(max(1, math.ceil(retry_after)))

    def to_response(self, request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        """Render the problem, and leave its code for the access log."""
        document = self.to_document(request.scope)
        return Response(document, status_code=self.status_code, media_type=MEDIA_TYPE, headers=self.headers)

    def to_document(self, scope: Scope) -> dict[str, Any]:
        """Return the body of the answer, and leave the code for the access log."""
        scope["state"]["problem"] = self.code
        document: dict[str, Any] = {
            "type": f"urn:reprise:problem:{self.code}",
            "title": self.title,
            "status": self.status_code,
            "detail": self.detail,
            "code": self.code,
            "request_id": scope["state"].get("request_id", ""),
        }
        if self.hint is not None:
            document["hint"] = self.hint
        if self.retry_after is not None:
            document["retry_after"] = self.retry_after
        members: dict[str, Any] = msgspec.to_builtins(self.members, enc_hook=str)
        return document | members


async def malformed_host(scope: Scope, _: Receive, send: Send) -> None:
    """Answer a request whose address cannot be told, which litestar could not even count. An ASGI application."""
    problem = ProblemException(400, "bad_request", "The Host header names no host.")
    body = msgspec.json.encode(problem.to_document(scope))
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def from_ours(error: RepriseError) -> ProblemException:
    """Translate one of our errors by its public face."""
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, StoreError | Overloaded):
        return from_unexpected(error)  # not meant for clients: a worker's error has no business here
    summary = first_line(type(error))
    return ProblemException(
        error.status,
        error.code,
        summary if isinstance(error, StoreError | Refused) else error.detail,
        title=summary.rstrip("."),
        hint=error.hint,
        retry_after=error.retry_after,
        headers=headers_of(error),
        extra=error.extra,
    )


def headers_of(error: RepriseError) -> Mapping[str, str] | None:
    """Return what HTTP demands in a header as well; None if nothing."""
    match error:
        case RangeUnsatisfiable():
            return {"Content-Range": f"bytes */{error.extra['size']}"}
        case Unauthorized():
            return {"WWW-Authenticate": 'Bearer realm="reprise"'}
    return None


def from_litestar(error: HTTPException) -> ProblemException:
    """Translate what litestar raises: routing, parsing and validation."""
    if isinstance(error, ValidationException):
        return invalid(error)
    if isinstance(error.__cause__, SerializationException):
        return malformed()
    if isinstance(error, InternalServerException) and error.detail == GONE:
        return from_ours(UploadIncomplete())
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            return ProblemException(
                404, "not_found", "There is nothing at this address.", hint="GET /schema lists what there is."
            )
        case HTTPStatus.METHOD_NOT_ALLOWED:
            headers = error.headers
            return ProblemException(
                405, "method_not_allowed", "This address does not know this method.", headers=headers
            )
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return ProblemException(413, "body_too_large", "The body is larger than this address accepts.")
        case status if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return ProblemException(status, "bad_request", error.detail, headers=error.headers)
    return from_unexpected(error)


class InvalidFields(ProblemException):
    """A request that litestar refused; the fields of its body are looked at one by one when it is rendered."""

    def to_response(self, request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        """Render the problem with every wrong field of the body, where there is one that says more."""
        data = getattr(request.route_handler, "parsed_data_field", None)
        if data is not None and isinstance(data.annotation, type) and issubclass(data.annotation, msgspec.Struct):
            wrong = wrong_fields(_body_that_was_read(request), data.annotation)
            if wrong:
                self.members["errors"] = wrong
                self.detail = _in_words(wrong)
        return super().to_response(request)


def invalid(error: ValidationException) -> ProblemException:
    """Name every field that is wrong, with what was expected."""
    errors = [
        {
            "field": str(entry.get("key", "")),
            "in": getattr(entry.get("source"), "value", entry.get("source")) or "request",
            "message": _readable(entry),
        }
        for entry in (error.extra if isinstance(error.extra, list) else [])
    ]
    if not errors and (missing := _MISSING.match(error.detail)):
        errors = [{"field": missing["name"], "in": missing["place"], "message": "is required"}]
    return InvalidFields(
        422, "invalid_request", _in_words(errors) or "The request is not valid.", extra={"errors": errors}
    )


def _in_words(errors: Sequence[Mapping[str, str]]) -> str:
    return "; ".join(f"{entry['field']}: {entry['message']}" for entry in errors)


def _body_that_was_read(request: Request[Any, Any, Any]) -> bytes:
    """Return the body if litestar has read it: it keeps the bytes, so that asking again does not wait."""
    reading = request.body()
    try:
        reading.send(None)
    except StopIteration as read:
        return bytes(read.value)
    except (HTTPException, RuntimeError):
        return b""
    reading.close()
    return b""


def from_unexpected(error: Exception) -> ProblemException:
    """Translate a mistake of ours: the log gets the traceback, the client nothing of it."""
    emit(events.UNEXPECTED, where="web", exc_info=error)
    return ProblemException(
        500, "internal", "Something went wrong on our side; the request id leads to it in the logs."
    )


def from_nesting(error: RecursionError | UnicodeError) -> ProblemException:
    """Translate what msgspec raises for JSON that is nested too deeply, or not UTF-8; elsewhere it is our mistake."""
    frames = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
    return malformed() if decode_json.__code__ in frames else from_unexpected(error)


def malformed() -> ProblemException:
    """Say that a body is no JSON."""
    return ProblemException(400, "malformed_json", "The body is not valid JSON.")


def first_line(error: type[RepriseError]) -> str:
    """Return what this class of errors means, in one sentence."""
    return next((cls.__doc__.strip().splitlines()[0] for cls in error.__mro__ if cls.__doc__), "")


def _readable(entry: Mapping[str, Any]) -> str:
    if entry.get("key") == "data" and entry.get("message") == "'data'":
        return "a JSON object is expected as the body"  # litestar's way of saying that there is none
    return str(entry.get("message", "")).replace("`", "")


plugin = ProblemDetailsPlugin(
    ProblemDetailsConfig(
        exception_to_problem_detail_map={
            RepriseError: from_ours,
            HTTPException: from_litestar,
            RecursionError: from_nesting,
            UnicodeError: from_nesting,
            Exception: from_unexpected,
        }
    )
)
