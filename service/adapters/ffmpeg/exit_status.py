"""What the end of an ffmpeg process means. Pure."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass

from service.adapters.ffmpeg import sandbox
from service.core.errors import (
    BadMedia,
    GuestDied,
    NoFfmpeg,
    OutputTooLarge,
    RepriseError,
    TimeExceeded,
    TranscodeFailed,
    Unavailable,
)

LAST_LINES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a process that was left to itself ended. `exit_code` is that of Popen: negative for a signal."""

    exit_code: int
    output_size: int
    max_output_bytes: int
    last_lines: tuple[str, ...]
    doubt: str | None = None  # why an exit code of 0 is not to be believed
    disk_full: bool = False

    @property
    def diagnostics(self) -> Mapping[str, object]:
        """For the job's record."""
        return diagnostics(self.exit_code, self.last_lines)


def judge(ending: Ending) -> RepriseError | None:
    """The error that it comes to, or None if all is well."""
    code, facts = ending.exit_code, ending.diagnostics
    last = ending.last_lines[-1] if ending.last_lines else ""
    if code == sandbox.FAILED and last.startswith(sandbox.MARK):
        return NoFfmpeg(f"ffmpeg could not be started here: {last.removeprefix(sandbox.MARK)}")
    if code != 0 and ending.disk_full:
        return Unavailable("not enough disk space for the output")
    if code == -signal.SIGXFSZ or (code != 0 and ending.output_size >= ending.max_output_bytes):
        return OutputTooLarge(f"The output grew beyond {ending.max_output_bytes} bytes.", diagnostics=facts)
    if code == -signal.SIGXCPU:
        return TimeExceeded("The conversion used more processor time than allowed.", diagnostics=facts)
    if code < 0:
        return GuestDied(f"ffmpeg was killed by {signal_name(-code)}.", diagnostics=facts)
    if code > 0:
        return BadMedia(f"ffmpeg could not convert the file (exit code {code}).", diagnostics=facts)
    if ending.doubt is not None:
        return BadMedia(f"{ending.doubt[:1].upper()}{ending.doubt[1:]}.", diagnostics=facts)
    if ending.output_size == 0:
        return BadMedia("ffmpeg found nothing to convert in the file.", diagnostics=facts)
    return None


def with_diagnostics(error: TranscodeFailed, exit_code: int, last_lines: tuple[str, ...]) -> TranscodeFailed:
    """The same error with what ffmpeg said; for those that we raised while it was running."""
    return type(error)(error.detail, diagnostics=diagnostics(exit_code, last_lines))


def diagnostics(exit_code: int, last_lines: tuple[str, ...]) -> Mapping[str, object]:
    """How it ended, and its last words."""
    return {
        "stage": "convert",
        "exit_code": exit_code if exit_code >= 0 else None,
        "signal": signal_name(-exit_code) if exit_code < 0 else None,
        "last_lines": list(last_lines[-LAST_LINES:]),
    }


def signal_name(number: int) -> str:
    """``SIGSEGV``, or ``signal 40`` for those without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
