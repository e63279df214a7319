"""
Run a command, and fail if anything that it started outlives it: `leave_nothing_running.py COMMAND [ARGUMENT …]`.

The kernel hands every orphan to the nearest *subreaper* among its ancestors. This process makes itself one, so what
is left below it after the command has ended is exactly what the command forgot, also when it changed its process
group, session or environment (our ffmpeg has an empty one). Such processes are named and killed.

Exit status: that of the command; 1 if it was 0 and something was left.
"""

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
ROUNDS = 600  # how often to look whether the last ones are gone: a minute in all, for a busy machine
PAUSE = 0.1  # seconds between two looks, unless a child ends


def main(command: list[str]) -> int:
    """Run ``command`` to its end and return the exit status described above."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")
    status = subprocess.run(command, check=False).returncode
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    if not _wait_until_alone():
        for pid in (left := _children()):
            print(f"still running: {pid} {_command_line(pid)}", file=sys.stderr)
        _kill_all(left)
        status = status or 1
    return status if status >= 0 else 128 - status  # as a shell says that a signal ended it


def _wait_until_alone() -> bool:
    # A process that was told to end a moment ago is not forgotten; it gets ROUNDS × PAUSE seconds.
    for _ in range(ROUNDS):
        _reap()
        if not _children():
            return True
        signal.sigtimedwait({signal.SIGCHLD}, PAUSE)
    return False


def _kill_all(pids: list[int]) -> None:
    # Killing a parent hands its children to us, so this goes on until none is found.
    for _ in range(ROUNDS):
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        signal.sigtimedwait({signal.SIGCHLD}, PAUSE)
        _reap()
        if not (pids := _children()):
            return


def _children() -> list[int]:
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")
    return [int(pid) for pid in children.split()]


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        return


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return "(gone)"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
