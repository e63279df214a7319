"""
A stand-in for the service, which hides itself, starts the probe in the place of ffmpeg, and prints what it met.

    python probed.py FACTS [nouserns] [noseccomp] [optional]

`nouserns` refuses `unshare`, as Docker's default profile does for a process without capabilities; `noseccomp` refuses
the filter, as some sandboxes do. `optional` is REPRISE_SANDBOX=best-effort. `FACTS` are the probe's, without `service`.
"""

import ctypes
import json
import os
import struct
import subprocess
import sys
import sysconfig
from pathlib import Path

from service.adapters.ffmpeg.config import Confinement
from service.adapters.ffmpeg.process import FfmpegProcess
from service.adapters.ffmpeg.sandbox.calls import ALLOW, EQUAL, LOAD, NUMBER, REFUSE, RETURN
from service.adapters.system.private import hide_from_others

PROBE = Path(__file__).with_name("probe.py")
# What Python needs to read; the sandbox shows a program nothing but its own libraries.
PYTHON = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), "/lib", "/usr/lib", "/usr/local/lib")
UNSHARE = {"x86_64": 272, "aarch64": 97}[os.uname().machine]
PRCTL = {"x86_64": 157, "aarch64": 167}[os.uname().machine]
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, ARGUMENT = 22, 38, 16


def refuse(call: int, first_argument: int | None = None) -> None:
    """Refuse a system call from now on, here and in all children."""
    steps = [(LOAD, 0, 0, NUMBER), (EQUAL, 1, 0, call), (RETURN, 0, 0, ALLOW)]
    if first_argument is not None:
        steps += [(LOAD, 0, 0, ARGUMENT), (EQUAL, 1, 0, first_argument), (RETURN, 0, 0, ALLOW)]
    code = b"".join(struct.pack("=HBBI", *step) for step in [*steps, (RETURN, 0, 0, REFUSE)])
    buffer = ctypes.create_string_buffer(code, len(code))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, 2, program, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


def main(facts: str, *how: str) -> None:
    """Start it, and print all that it says."""
    hide_from_others()
    if "nouserns" in how:
        refuse(UNSHARE)
    if "noseccomp" in how:
        refuse(PRCTL, PR_SET_SECCOMP)
    given = json.dumps({**json.loads(facts), "service": os.getpid()})
    confinement = Confinement(
        optional="optional" in how, readable=(str(PROBE), *(path for path in PYTHON if Path(path).exists()))
    )
    running = FfmpegProcess(
        [sys.executable, "-I", "-S", str(PROBE), given],
        {"as": 2 << 30, "data": 512 << 20, "stack": 2 << 20, "nofile": 64, "fsize": 1 << 20},
        stdin=subprocess.DEVNULL,
        confinement=confinement,
        report=True,
    )
    said = b""
    while data := running.read_stderr(60):
        said += data
    running.wait(60)
    sys.stdout.write(said.decode() + f"exit code {running.exit_code()}\n")
    running.end(0)
    running.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
