"""Whether there is an ffmpeg that runs, and what confines it: started as by a conversion, asked for its version."""

import os
import shutil
import subprocess
from dataclasses import dataclass

from service.adapters.ffmpeg.config import FfmpegConfig
from service.adapters.ffmpeg.process import FfmpegProcess
from service.adapters.ffmpeg.sandbox import enter
from service.core.confinement import Confined
from service.core.findings import Finding

VERSION_TIMEOUT = 20.0  # seconds; it takes a fraction of one, on a machine that has nothing else to do
FIX = "Check REPRISE_FFMPEG, or leave it out to use the bundled one."
NO_SANDBOX = Finding(
    "sandbox_unavailable",
    "",
    "Use a platform with seccomp (Docker's default profile allows it); REPRISE_SANDBOX=best-effort goes on without it.",
)


@dataclass(frozen=True, slots=True)
class FfmpegCheck:
    """`confined` is None if ffmpeg did not start."""

    findings: list[Finding]
    confined: Confined | None = None


def check_ffmpeg(config: FfmpegConfig) -> FfmpegCheck:
    """Return what is wrong with it, and what confines it. Blocks for as long as ffmpeg takes to start."""
    program = config.ffmpeg
    if shutil.which(program) is None:
        return FfmpegCheck([Finding("ffmpeg_missing", f"There is no program {program!r} to convert with.", FIX)])
    try:
        said = _start(config)
    except _NotConfinedError as error:
        problem = f"ffmpeg is not started without its sandbox: {error}."
        return FfmpegCheck([Finding(NO_SANDBOX.code, problem, NO_SANDBOX.fix)])
    except OSError as error:
        problem = f"The program {program!r} cannot be used to convert with: {error}."
        return FfmpegCheck([Finding("ffmpeg_unusable", problem, FIX)])
    confined = _confined(said, config)
    return FfmpegCheck(confined.findings(), confined)


class _NotConfinedError(Exception):
    """The kernel refused what the sandbox must have."""


def _start(config: FfmpegConfig) -> str:
    """Run it once; return the report of the sandbox. Raises OSError that says why it cannot be used."""
    limits = config.limits() | {"nofile": config.open_files}
    running = FfmpegProcess(
        [config.ffmpeg, "-version"], limits, stdin=subprocess.DEVNULL, confinement=config.confinement, report=True
    )
    try:
        running.wait(VERSION_TIMEOUT)
        code, said = running.exit_code(), running.read_stderr(0).decode(errors="replace").strip()
    finally:
        running.end(0)
        running.close()
    last = said.rpartition("\n")[2]
    if code is None:
        raise OSError(f"it did not tell its version within {VERSION_TIMEOUT:g} seconds")
    if code == enter.FAILED and last.startswith(enter.MARK):
        reason = last.removeprefix(enter.MARK)
        raise OSError(reason) if said.startswith(enter.REPORT) else _NotConfinedError(reason)
    if code != os.EX_OK:
        raise OSError(f"asked for its version it ended with {code}, and said {last[-200:]!r}")
    return said.partition("\n")[0]


def _confined(report: str, config: FfmpegConfig) -> Confined:
    found = dict(word.partition("=")[::2] for word in report.removeprefix(enter.REPORT).split())
    return Confined(
        namespace=found.get("namespace") == "1",
        landlock=int(found.get("landlock", "0")),
        seccomp=found.get("seccomp") == "1",
        memory=config.memory_bytes,
    )
