"""
The root of the tree of errors, and its first branch: what only the client can mend. `errors` shows the whole tree.
"""

from collections.abc import Mapping


class RepriseError(Exception):
    """Base of the tree. The class docstring is the default detail."""

    status: int = 500
    code: str = "internal"
    hint: str | None = None
    retry_after: float | None = None  # seconds

    def __init__(self, detail: str | None = None, /, **extra: object) -> None:
        self.detail = detail or (self.__doc__ or "").strip().splitlines()[0]
        self.extra: Mapping[str, object] = extra
        super().__init__(self.detail)


class ClientError(RepriseError):
    """The request cannot be carried out as it stands."""

    status = 400
    code = "bad_request"


class InvalidRequest(ClientError):
    """A field of the request is not acceptable."""

    status = 422
    code = "invalid_request"


class UnknownFormat(InvalidRequest):
    """This output format does not exist."""

    code = "unknown_format"


class InvalidOption(InvalidRequest):
    """An option is unknown, out of range, or does not go with the format."""

    code = "invalid_option"


class EmptyUpload(InvalidRequest):
    """The upload has no bytes."""

    code = "empty_upload"


class LargerThanDeclared(InvalidRequest):
    """More bytes have arrived than were announced when the upload was begun; nothing was kept."""

    code = "larger_than_declared"


class IdempotencyReuse(InvalidRequest):
    """This Idempotency-Key was used for a different request."""

    code = "idempotency_key_reused"


class UnsupportedMedia(ClientError):
    """The bytes are not audio in a container that is accepted."""

    status = 415
    code = "unsupported_media"
    hint = "GET /v1/formats lists what goes in and what comes out."


class UnsupportedCodec(UnsupportedMedia):
    """The sound is stored in a way that is not supported."""

    code = "unsupported_codec"


class NotJson(ClientError):
    """The body has to be JSON, and has to be called so."""

    status = 415
    code = "not_json"
    hint = "Send it with `Content-Type: application/json`; curl does with `--json`."


class UploadTooLarge(ClientError):
    """The upload is larger than this service accepts."""

    status = 413
    code = "upload_too_large"


class UploadIncomplete(ClientError):
    """The body ended before it was complete; nothing was kept."""

    code = "upload_incomplete"


class BodyTooSlow(ClientError):
    """The body comes too slowly; nothing was kept."""

    status = 408
    code = "body_too_slow"
    hint = "Send the file in parts: what has arrived stays, and a part that breaks is sent again."


class UploadPending(ClientError):
    """Not all of the upload has arrived yet."""

    status = 409
    code = "upload_pending"
    hint = "GET /v1/uploads/{upload_id} lists the parts that have arrived; send the rest, then complete it."


class Unauthorized(ClientError):
    """A valid API key is needed."""

    status = 401
    code = "unauthorized"
    hint = "Send the key as `Authorization: Bearer KEY` or as `X-API-Key: KEY`."


class CrossSite(ClientError):
    """This service is open, so no web page from elsewhere may change anything in it."""

    status = 403
    code = "cross_site"
    hint = "REPRISE_CORS_ORIGINS names the origins of pages that may."


class UnknownHost(ClientError):
    """This service does not go by this name."""

    status = 421
    code = "unknown_host"
    hint = "REPRISE_HOSTS lists the names of an open service, besides localhost; with API keys it goes by any."


class NotFound(ClientError):
    """There is no such upload or job."""

    status = 404
    code = "not_found"


class Expired(ClientError):
    """It was here, but its time to live is over."""

    status = 410
    code = "expired"


class NotReady(ClientError):
    """The job has no output to download (yet)."""

    status = 409
    code = "not_ready"


class PreconditionFailed(ClientError):
    """The file is not the one that If-Match names."""

    status = 412
    code = "precondition_failed"


class RangeUnsatisfiable(ClientError):
    """The requested range lies outside the file."""

    status = 416
    code = "range_not_satisfiable"
