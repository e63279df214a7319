"""
Starts a program that must not outlive its parent: `python child.py PARENT_PID PROGRAM ARGUMENT…`.

Run as a script, it asks the kernel to be killed when its parent dies (`PR_SET_PDEATHSIG`), and becomes the program.
The signal is tied to the parent's *thread*: start it from one that lives as long as the program should.

`ffmpeg/sandbox.py` asks the kernel for the same in its own two lines, and says there why they are not shared.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO

PR_SET_PDEATHSIG = 1


def mortal(command: Sequence[str]) -> list[str]:
    """`command` (a full path first) so that it ends with the thread that starts it."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def start(
    command: Sequence[str], *, environment: Mapping[str, str], log: IO[bytes] | int = subprocess.DEVNULL
) -> "subprocess.Popen[bytes]":
    """Start `command` (a full path first) in a session of its own, so that no Ctrl-C meant for us reaches it."""
    return subprocess.Popen(  # a fixed list, no shell
        mortal(command),
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def _main(parent: int, command: list[str]) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606  # no shell wanted


if __name__ == "__main__":
    _main(int(sys.argv[1]), sys.argv[2:])
