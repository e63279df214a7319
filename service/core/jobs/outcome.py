"""The five ways in which an attempt can end, and the one place where an exception becomes one of them."""

from dataclasses import dataclass

from service.core.backoff import JOB_FAULT
from service.core.errors import (
    DiskFull,
    Fenced,
    NoFfmpeg,
    ObjectChanged,
    ObjectGone,
    RepriseError,
    StoreError,
    TranscodeFailed,
)
from service.core.jobs.job import Failure, Output
from service.core.jobs.lease import Lease

MAX_STORE_FAULTS = 20
NO_DISK = "No container had enough disk space to convert this file."
MAX_START_FAULTS = 6  # with the delays between them about half a minute: time for another container to take the job


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The output is complete in the object store."""

    output: Output


@dataclass(frozen=True, slots=True)
class Failed:
    """The job cannot be done."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Stopped:
    """The client cancelled and ffmpeg was stopped."""


@dataclass(frozen=True, slots=True)
class Released:
    """Given back, to be claimed again `delay` seconds from now; `fault` counts against the job."""

    delay: float
    fault: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Lost:
    """We were replaced, or can no longer prove that we were not: write nothing."""

    reason: str


Outcome = Succeeded | Failed | Stopped | Released | Lost


def of_exception(error: Exception, faults: int, draw: float) -> Outcome:
    """
    Return what an attempt that ended in `error` means.

    `faults` counts the attempts before it that ended in a passing fault; `draw` in [0, 1) jitters the next delay.
    """
    match error:
        case Fenced():
            return Lost("fenced")
        case ObjectGone() | ObjectChanged():
            return Failed(Failure(code="input_gone", detail="The uploaded file is not there any more."))
        case TranscodeFailed(retryable=True) if faults == 0:
            return Released(JOB_FAULT.delay(1, draw), fault=True, reason=error.code)
        case TranscodeFailed():
            return Failed(Failure(code=error.code, detail=error.detail, diagnostics=error.diagnostics))
        case NoFfmpeg() if faults >= MAX_START_FAULTS:
            detail = "The conversion could not be started, for a reason inside the service."
            return Failed(Failure(code="internal", detail=detail, diagnostics={"last": error.detail}))
        case StoreError() if faults < MAX_STORE_FAULTS:
            return Released(JOB_FAULT.delay(faults + 1, draw), fault=True, reason=error.code)
        case StoreError():
            detail = NO_DISK if isinstance(error, DiskFull) else "The storage did not work for too long."
            return Failed(Failure(code="storage_failed", detail=detail, diagnostics={"last": error.detail}))
        case RepriseError():
            return Failed(Failure(code=error.code, detail=error.detail))
        case _ if faults == 0:
            return Released(JOB_FAULT.delay(1, draw), fault=True, reason="internal")
        case _:
            detail = "The conversion failed for a reason inside the service."
            return Failed(Failure(code="internal", detail=detail, diagnostics={"kind": type(error).__name__}))


def exhausted(lease: Lease) -> Failure:
    """Return the failure of a job whose attempts kept ending without a word."""
    return Failure(
        code="attempts_exhausted",
        detail=f"{lease.lapses + lease.excused + 1} attempts ended without a word; the file may be what ends them.",
        diagnostics={"attempts": lease.attempt},
    )
