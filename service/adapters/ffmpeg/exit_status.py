"""What the end of an ffmpeg process means. Pure."""

import errno
import signal
from collections.abc import Mapping
from dataclasses import dataclass

from service.adapters.ffmpeg.sandbox import enter
from service.core.errors import (
    BadMedia,
    DiskFull,
    EmptyRange,
    FfmpegCrashed,
    MemoryExceeded,
    NoFfmpeg,
    OutputTooLarge,
    RepriseError,
    TimeExceeded,
    TranscodeFailed,
)

MAX_LINES = 20
_TOO_MANY_ERRORS = 69  # the exit code of ffmpeg for more errors than `-max_error_rate` allows
_NO_TRACK = "Failed to set value '0:a:"  # for the option `map`: a film without sound
# The exit codes of ffmpeg when it could not allocate, or had no room for the stack of a thread: AVERROR, in eight bits.
NO_MEMORY = frozenset({256 - errno.ENOMEM, 256 - errno.EAGAIN})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessEnd:
    """How a process ended that we did not stop. `exit_code` is that of Popen: negative for a signal."""

    exit_code: int
    output_size: int
    max_output_bytes: int
    last_lines: tuple[str, ...]
    doubt: str | None = None  # why an exit code of 0 is not to be believed
    empty_range: bool = False  # whether `doubt` is about the part that was asked for, and not about the file
    disk_full: bool = False
    killed_for_memory: bool = False  # the kernel ended something of this container for want of memory meanwhile

    @property
    def diagnostics(self) -> Mapping[str, object]:
        """What the job's record says about it."""
        return diagnostics(self.exit_code, self.last_lines)


def outcome_of(end: ProcessEnd) -> RepriseError | None:
    """Return the error that it means, or None if all is well."""
    code, facts = end.exit_code, end.diagnostics
    last = end.last_lines[-1] if end.last_lines else ""
    if code == enter.FAILED and last.startswith(enter.MARK):
        return NoFfmpeg(f"ffmpeg could not be started here: {last.removeprefix(enter.MARK)}")
    if code != 0 and end.disk_full:
        return DiskFull("not enough disk space for the output")
    if code == -signal.SIGXFSZ or (code != 0 and end.output_size >= end.max_output_bytes):
        return OutputTooLarge(f"The output grew beyond {end.max_output_bytes} bytes.", diagnostics=facts)
    if code == -signal.SIGXCPU:
        return TimeExceeded("The conversion used more processor time than allowed.", diagnostics=facts)
    if code in NO_MEMORY or (code == -signal.SIGKILL and end.killed_for_memory):
        return MemoryExceeded("The conversion needed more memory than it may use.", diagnostics=facts)
    if code < 0:
        return FfmpegCrashed(f"ffmpeg was killed by {signal_name(-code)}.", diagnostics=facts)
    return _outcome_of_media(end)


def _outcome_of_media(end: ProcessEnd) -> BadMedia | None:
    """Return what the input is to blame for, where ffmpeg ended by itself."""
    code, facts = end.exit_code, end.diagnostics
    if code == _TOO_MANY_ERRORS:
        return BadMedia(f"More than a tenth of the sound could not be decoded (exit code {code}).", diagnostics=facts)
    if code > 0 and any(_NO_TRACK in line for line in end.last_lines):
        return BadMedia("There is no track of sound in the file.", diagnostics=facts)
    if code > 0:
        return BadMedia(f"ffmpeg could not convert the file (exit code {code}).", diagnostics=facts)
    if end.doubt is not None:
        kind = EmptyRange if end.empty_range else BadMedia
        return kind(f"{end.doubt[:1].upper()}{end.doubt[1:]}.", diagnostics=facts)
    if end.output_size == 0:
        return BadMedia("ffmpeg found nothing to convert in the file.", diagnostics=facts)
    return None


def with_diagnostics(error: TranscodeFailed, exit_code: int, last_lines: tuple[str, ...]) -> TranscodeFailed:
    """Return the error with what ffmpeg logged added; for errors that we raised while it was running."""
    return type(error)(error.detail, diagnostics=diagnostics(exit_code, last_lines))


def diagnostics(exit_code: int, last_lines: tuple[str, ...]) -> Mapping[str, object]:
    """Return how it ended and its last lines, for the job's record."""
    return {
        "stage": "convert",
        "exit_code": exit_code if exit_code >= 0 else None,
        "signal": signal_name(-exit_code) if exit_code < 0 else None,
        "last_lines": list(last_lines[-MAX_LINES:]),
    }


def signal_name(number: int) -> str:
    """Return `SIGSEGV`, or `signal 40` for those without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
