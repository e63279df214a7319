"""Whether there is an ffmpeg that runs: started as a conversion starts it, and asked for its version."""

import os
import shutil
import subprocess

from service.adapters.ffmpeg import sandbox
from service.adapters.ffmpeg.config import FfmpegConfig
from service.adapters.ffmpeg.process import Guest
from service.core.findings import Finding

PATIENCE = 20.0  # seconds; it takes a fraction of one, on a machine that has nothing else to do
FIX = "Check REPRISE_FFMPEG, or leave it out to use the bundled one."


def check_ffmpeg(config: FfmpegConfig) -> list[Finding]:
    """What is wrong with it. Blocks for as long as it takes to start."""
    program = config.ffmpeg
    if shutil.which(program) is None:
        return [Finding("ffmpeg_missing", f"There is no program {program!r} to convert with.", FIX)]
    if (said := _trouble(config)) is not None:
        return [Finding("ffmpeg_unusable", f"The program {program!r} cannot be used to convert with: {said}.", FIX)]
    return []


def _trouble(config: FfmpegConfig) -> str | None:
    limits = {"as": config.memory_bytes, "nofile": config.open_files}
    try:
        running = Guest([config.ffmpeg, "-version"], limits, stdin=subprocess.DEVNULL, keep=())
    except OSError as error:
        return str(error)
    try:
        running.await_end(PATIENCE)
        code, last = running.exit_code(), running.listen(0).decode(errors="replace").strip().rpartition("\n")[2]
    finally:
        running.end(0)
        running.close()
    if code is None:
        return f"it did not tell its version within {PATIENCE:g} seconds"
    if code == sandbox.FAILED and last.startswith(sandbox.MARK):
        return last.removeprefix(sandbox.MARK)
    return None if code == os.EX_OK else f"asked for its version it ended with {code}, and said {last[-200:]!r}"
