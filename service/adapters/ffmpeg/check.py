"""Whether there is an ffmpeg that runs: start it as a conversion does, and ask for its version."""

import os
import shutil
import subprocess

from service.adapters.ffmpeg import sandbox
from service.adapters.ffmpeg.config import FfmpegConfig
from service.adapters.ffmpeg.process import FfmpegProcess
from service.core.findings import Finding

VERSION_TIMEOUT = 20.0  # seconds; it takes a fraction of one, on a machine that has nothing else to do
FIX = "Check REPRISE_FFMPEG, or leave it out to use the bundled one."


def check_ffmpeg(config: FfmpegConfig) -> list[Finding]:
    """Return what is wrong with it, empty if nothing is. Blocks for as long as ffmpeg takes to start."""
    program = config.ffmpeg
    if shutil.which(program) is None:
        return [Finding("ffmpeg_missing", f"There is no program {program!r} to convert with.", FIX)]
    if (trouble := _trouble(config)) is not None:
        return [Finding("ffmpeg_unusable", f"The program {program!r} cannot be used to convert with: {trouble}.", FIX)]
    return []


def _trouble(config: FfmpegConfig) -> str | None:
    limits = {"as": config.memory_bytes, "nofile": config.open_files}
    try:
        running = FfmpegProcess([config.ffmpeg, "-version"], limits, stdin=subprocess.DEVNULL, keep=())
    except OSError as error:
        return str(error)
    try:
        running.wait(VERSION_TIMEOUT)
        code, last = running.exit_code(), running.read_stderr(0).decode(errors="replace").strip().rpartition("\n")[2]
    finally:
        running.end(0)
        running.close()
    if code is None:
        return f"it did not tell its version within {VERSION_TIMEOUT:g} seconds"
    if code == sandbox.FAILED and last.startswith(sandbox.MARK):
        return last.removeprefix(sandbox.MARK)
    return None if code == os.EX_OK else f"asked for its version it ended with {code}, and said {last[-200:]!r}"
