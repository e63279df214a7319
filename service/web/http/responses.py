"""The problems that an address can answer with, as its OpenAPI description lists them; what is common has a name."""

from collections.abc import Sequence

from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Example

from service.core.errors import (
    BodyTooSlow,
    Busy,
    CrossSite,
    EmptyUpload,
    Expired,
    InvalidRequest,
    LargerThanDeclared,
    Misconfigured,
    NotFound,
    NotJson,
    RepriseError,
    StoreError,
    Unauthorized,
    UnknownHost,
    UnsupportedMedia,
    UploadIncomplete,
    UploadPending,
    UploadsOpen,
    UploadTooLarge,
)
from service.core.limits.shares import TenantStorageFull, TenantUploadsBusy
from service.web.http.problems import MEDIA_TYPE, first_line
from service.web.http.schemas import Problem

Errors = tuple[type[RepriseError], ...]

JSON: Errors = (NotJson, BodyTooSlow)
"""The body is JSON."""
READ: Errors = (NotFound, Expired)
"""An id in the path."""
READ_BY_KEY: Errors = (*READ, InvalidRequest)
"""An id in the path and a key in the query."""
UNFIT: Errors = (UnsupportedMedia, UploadTooLarge)
"""Bytes that are looked at."""
BEGIN: Errors = (InvalidRequest, *UNFIT, UploadsOpen, TenantStorageFull)
"""An upload past the service is begun."""
RECEIVE: Errors = (
    UploadTooLarge, UploadIncomplete, BodyTooSlow, UnsupportedMedia, EmptyUpload, TenantUploadsBusy, TenantStorageFull,
    Busy, StoreError,
)  # fmt: skip
"""The body is an upload, or a part of one."""
COMPLETE: Errors = (*READ, UploadPending, InvalidRequest, EmptyUpload, LargerThanDeclared, *UNFIT)
"""The parts of an upload become one file."""


def documented(*errors: type[RepriseError]) -> dict[int, ResponseSpec]:
    """Describe the problems that an address can answer with, and those that each address with a key can."""
    described = _anywhere() | _by_status(errors)
    described.setdefault(401, _described("`unauthorized`: A valid API key is needed", 401, (Unauthorized,)))
    described.setdefault(
        503,
        _described(
            "`unavailable`, `throttled`, `quota_reached`, `circuit_open`: A backing service is away; retry",
            503,
            (StoreError,),
        ),
    )
    return described


def documented_without_key() -> dict[int, ResponseSpec]:
    """Describe the problems of an address that asks for no key and no backing service."""
    return _anywhere()


def documented_mistake() -> dict[int, ResponseSpec]:
    """Describe what each address answers when the service has a mistake, or is not set up for what is asked."""
    text = (
        "`internal`: A mistake of the service, `request_id` leads to it in its log; `misconfigured`: Operators must act"
    )
    return {500: _described(text, 500, (Misconfigured,))}


def _by_status(errors: Sequence[type[RepriseError]]) -> dict[int, ResponseSpec]:
    by_status: dict[int, list[type[RepriseError]]] = {}
    for error in errors:
        by_status.setdefault(error.status, []).append(error)
    return {
        status: _described(
            "; ".join(f"`{error.code}`: {first_line(error).rstrip('.')}" for error in group), status, group
        )
        for status, group in by_status.items()
    }


def _anywhere() -> dict[int, ResponseSpec]:
    return {
        400: _described("`bad_request`, `malformed_json`: The request cannot be understood", 400, ()),
        403: _described("`cross_site`: A web page from elsewhere, on an open service", 403, (CrossSite,)),
        421: _described("`unknown_host`: A name that an open service has not", 421, (UnknownHost,)),
        **documented_mistake(),
    }


def _described(text: str, status: int, group: Sequence[type[RepriseError]]) -> ResponseSpec:
    return ResponseSpec(
        data_container=Problem,
        description=text,
        media_type=MEDIA_TYPE,
        generate_examples=False,
        examples=[
            Example(
                summary=first_line(error),
                value={
                    "type": f"urn:reprise:problem:{error.code}",
                    "title": first_line(error).rstrip("."),
                    "status": status,
                    "detail": first_line(error),
                    "code": error.code,
                    "request_id": "mfrggzdfmztwq2lknnwg23tpoa",
                },
            )
            for error in group
        ],
    )
