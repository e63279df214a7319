"""
Everything that can go wrong, in one tree. Each class carries its public face.

    RepriseError                      anything we raise on purpose
    ├── ClientError                   the request cannot be carried out as it stands
    │   ├── InvalidRequest       422  a field, option or header that is not acceptable
    │   │   ├── UnknownFormat    422  names the formats that exist
    │   │   ├── InvalidOption    422  names what is allowed
    │   │   ├── EmptyUpload      422  no bytes at all
    │   │   ├── LargerThanDeclared 422  more bytes than were announced
    │   │   └── IdempotencyReuse 422  same key, other request
    │   ├── UnsupportedMedia     415  the bytes are no audio that we accept
    │   │   └── UnsupportedCodec 415  they are, of a codec that we do not decode; found out late, the job fails with it
    │   ├── NotJson              415  a body of another type than application/json
    │   ├── UploadTooLarge       413  above the limit, refused before the body is read
    │   ├── UploadIncomplete     400  the client went away in the middle
    │   ├── BodyTooSlow          408  the client sends so slowly that it holds a place for nothing
    │   ├── UploadPending        409  parts of it have not arrived yet
    │   ├── Unauthorized         401  no API key, or none that is known
    │   ├── CrossSite            403  a web page from elsewhere, on an open service
    │   ├── UnknownHost          421  a name that an open service does not have
    │   ├── NotFound             404  no such upload or job (for this caller)
    │   ├── Expired              410  it was here, its time is over
    │   ├── NotReady             409  the job has no output (yet)
    │   ├── PreconditionFailed   412  If-Match names another file
    │   └── RangeUnsatisfiable   416  a Range outside the object
    ├── Overloaded           503  nothing is wrong with the request, there is too much of it at the moment
    │   ├── QueueFull        429  as many jobs wait as may wait
    │   ├── UploadsOpen      429  as many uploads of this tenant are unfinished as may be
    │   ├── TooManyStreams   429  as many event streams and waits of this tenant are open here as may be
    │   ├── TenantLimitReached 429  this tenant takes as much as one may (this branch is in `core.limits.shares`)
    │   │   ├── TenantQueueFull    429  as many of its jobs wait as may wait
    │   │   ├── TenantUploadsBusy  429  as many of its uploads are received here as may be at once
    │   │   └── TenantStorageFull  429  it stores as much as it may
    │   ├── Busy             503  this container has no room for another upload, stream or wait
    │   └── NoCapacity       503  no container has room to convert
    ├── TranscodeFailed               the media is at fault, or ffmpeg gave up: the job ends `failed`
    │   ├── BadMedia                  truncated, corrupt, no audio stream
    │   │   └── EmptyRange            no sound between start_seconds and end_seconds
    │   ├── OutputTooLarge            the output cap was hit
    │   ├── FfmpegStalled             ffmpeg was silent and not paused
    │   ├── FfmpegCrashed             a signal that we did not send
    │   ├── TimeExceeded              the wall-clock cap was hit
    │   ├── MemoryExceeded            ffmpeg reached its limit of memory, or the kernel ended it for want of memory
    │   └── WindowViolated            the muxer wrote behind the window: convert on the local path
    ├── StoreError                    a backing service did not do what was asked
    │   ├── Definite                  the effect certainly did not happen
    │   │   ├── Unavailable      503  refused for now: the connection, or the request
    │   │   │   ├── DiskFull     503  this container has too little disk space for a file
    │   │   │   ├── NoFfmpeg     503  this container cannot start it
    │   │   │   ├── Throttled    503  it asks for fewer requests
    │   │   │   ├── QuotaReached 503  a quota is used up
    │   │   │   └── CircuitOpen  503  not even asked, because it failed several times in a row
    │   │   ├── Misconfigured    500  the service is not set up for this; only operators can mend it
    │   │   ├── ObjectGone       410  the object is not there (any more)
    │   │   └── ObjectChanged    409  If-Match failed: these are other bytes than before
    │   └── Indefinite       503  time-out, reset, 500: it may have happened; read the state back
    └── Refused                       a conditional write found another state than it was told to
        ├── Fenced                    you were replaced: stop, clean up your own, touch nothing else
        └── IllegalTransition    409  the job is not in a state where this can be done

*Definite or not* decides about retries: definite failures and idempotent calls are repeated, after an
indefinite one the state is read back first. The *public face* (``status``, ``code``, ``hint``, ``retry_after``)
is all that a client ever sees; the web layer needs no table of its own.
"""

from service.core.errors.client import (
    BodyTooSlow,
    ClientError,
    CrossSite,
    EmptyUpload,
    Expired,
    IdempotencyReuse,
    InvalidOption,
    InvalidRequest,
    LargerThanDeclared,
    NotFound,
    NotJson,
    NotReady,
    PreconditionFailed,
    RangeUnsatisfiable,
    RepriseError,
    Unauthorized,
    UnknownFormat,
    UnknownHost,
    UnsupportedCodec,
    UnsupportedMedia,
    UploadIncomplete,
    UploadPending,
    UploadTooLarge,
)
from service.core.errors.conversion import (
    BadMedia,
    EmptyRange,
    FfmpegCrashed,
    FfmpegStalled,
    MemoryExceeded,
    OutputTooLarge,
    TimeExceeded,
    TranscodeFailed,
    WindowViolated,
)

# The root and two branches have files of their own; this one is the door to the whole tree.
__all__ = [
    "BadMedia",
    "BodyTooSlow",
    "ClientError",
    "CrossSite",
    "EmptyRange",
    "EmptyUpload",
    "Expired",
    "FfmpegCrashed",
    "FfmpegStalled",
    "IdempotencyReuse",
    "InvalidOption",
    "InvalidRequest",
    "LargerThanDeclared",
    "MemoryExceeded",
    "NotFound",
    "NotJson",
    "NotReady",
    "OutputTooLarge",
    "PreconditionFailed",
    "RangeUnsatisfiable",
    "RepriseError",
    "TimeExceeded",
    "TranscodeFailed",
    "Unauthorized",
    "UnknownFormat",
    "UnknownHost",
    "UnsupportedCodec",
    "UnsupportedMedia",
    "UploadIncomplete",
    "UploadPending",
    "UploadTooLarge",
    "WindowViolated",
]


# ── too much at the moment ───────────────────────────────────────────────────────────────────────────────────────


class Overloaded(RepriseError):
    """There is too much to do at the moment."""

    status = 503
    code = "overloaded"
    hint = "Nothing is wrong with the request; send it again after the pause."
    retry_after: float | None = 5.0


class QueueFull(Overloaded):
    """As many jobs are waiting as this service lets wait."""

    status = 429
    code = "queue_full"
    retry_after: float | None = 15.0


class UploadsOpen(Overloaded):
    """As many uploads are open as this service lets one tenant have open."""

    status = 429
    code = "too_many_open_uploads"
    hint = "Complete those that were begun, or delete them; what nobody completes ends by itself."
    retry_after: float | None = 60.0


class TooManyStreams(Overloaded):
    """As many event streams and waits are open as one tenant may have at this container."""

    status = 429
    code = "too_many_streams"
    hint = "Follow fewer jobs at once, or ask for their progress now and then, which takes no place."


class Busy(Overloaded):
    """This container has as much to do at once as it can."""

    code = "busy"
    retry_after: float | None = 2.0


class NoCapacity(Overloaded):
    """The only container that is known to convert has run out of memory or disk space."""

    code = "no_capacity"
    retry_after: float | None = 15.0


# ── a backing service let us down ────────────────────────────────────────────────────────────────────────────────


class StoreError(RepriseError):
    """A backing service did not do what was asked."""

    status = 503
    code = "unavailable"
    retry_after: float | None = 2.0


class Definite(StoreError):
    """The effect certainly did not happen."""


class Unavailable(Definite):
    """A backing service refuses work at the moment."""


class DiskFull(Unavailable):
    """This container has too little disk space for a file; another one may have more, or this one later."""

    code = "disk_full"


class NoFfmpeg(Unavailable):
    """ffmpeg cannot be started in this container; it may be in another one, or later."""

    code = "ffmpeg_not_started"


class Throttled(Unavailable):
    """A backing service asks for fewer requests at the moment."""

    code = "throttled"
    hint = "Nothing is wrong with the request; send it again after the pause, and fewer at once."
    retry_after: float | None = 5.0


class QuotaReached(Unavailable):
    """A quota of a backing service is used up."""

    code = "quota_reached"
    hint = "Nothing is wrong with the request; it can be served when the operators have raised the quota."
    retry_after: float | None = 60.0


class CircuitOpen(Unavailable):
    """A backing service failed several times in a row and is left alone for a moment."""

    code = "circuit_open"
    hint = "Nothing was tried and nothing was lost; send the request again after the pause."

    def __init__(self, detail: str | None = None, /, *, retry_after: float = 1.0) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Misconfigured(Definite):
    """The service is not set up to do this; its operators have to mend it."""

    status = 500
    code = "misconfigured"
    hint = "Repeating the request will not help; tell the operators the request id."
    retry_after: float | None = None


class ObjectGone(Definite):
    """The stored object is not there (any more)."""

    status = 410
    code = "object_gone"
    retry_after = None


class ObjectChanged(Definite):
    """The stored object is not the one that was asked for."""

    status = 409
    code = "object_changed"
    retry_after = None


class Indefinite(StoreError):
    """No answer came back: it may or may not have happened."""


# ── a conditional write was refused ──────────────────────────────────────────────────────────────────────────────


class Refused(RepriseError):
    """The record is in another state than the write expected."""

    status = 409
    code = "conflict"


class Fenced(Refused):
    """This attempt was replaced; nothing of it counts any more."""

    code = "fenced"


class IllegalTransition(Refused):
    """The job is not in a state in which this can be done."""

    code = "illegal_transition"
