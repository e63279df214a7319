"""
The sandbox: a script, run as a child process, that gives up what ffmpeg must not have and then becomes ffmpeg.

    python -I -S sandbox.py PARENT_PID name=value … -- /path/to/ffmpeg argument …

ffmpeg parses bytes that strangers sent, so it gets as little as it can work with: an empty environment, no network, no
sockets of any kind, no look into other processes, no children, limits on memory, files and time, and a parent whose
death it does not survive. All that happens here and not between fork and exec of the service, because Python code
between the two is not safe in a process with threads; starting this script costs about 10 ms.

Standard library only, and no import from this package: the script runs alone (`-I -S`). Limits are those of
setrlimit(2): `as` and `fsize` in bytes, `cpu` in seconds, `nofile`. Exits with `FAILED` and one line on stderr
that starts with `MARK` if ffmpeg could not be started. The network namespace is best effort, because many container
platforms forbid it; the filter against sockets holds there as well.
"""

import contextlib
import ctypes
import os
import resource
import signal
import struct
import sys

FAILED = 125
MARK = "sandbox: "

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 22, 38
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SECCOMP_MODE_FILTER = 2
ALLOW, REFUSE, UNKNOWN, KILL = 0x7FFF0000, 0x00050000 | 13, 0x00050000 | 38, 0x80000000  # EACCES, ENOSYS
BPF_LOAD, BPF_EQUAL, BPF_AT_LEAST, BPF_HAS_BITS, BPF_RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ABI, FIRST_ARGUMENT = 0, 4, 16  # offsets in the struct that the filter sees
FOREIGN = 0x40000000  # calls with this bit are those of x32, numbered differently
CLONE_THREAD = 0x10000
CLONE3 = 435  # its flags are out of a filter's sight; libc falls back to clone if there is no such call

# Per machine: its ABI, the number of clone, and those of fork, vfork, socket, socketpair, ptrace, process_vm_readv,
# process_vm_writev and io_uring_setup (a ring can open sockets by itself), as far as they exist.
MACHINES = {
    "x86_64": (0xC000003E, 56, (57, 58, 41, 53, 101, 310, 311, 425)),
    "aarch64": (0xC00000B7, 220, (198, 199, 117, 270, 271, 425)),
}

LIMITS = {
    "as": resource.RLIMIT_AS,
    "cpu": resource.RLIMIT_CPU,
    "fsize": resource.RLIMIT_FSIZE,
    "nofile": resource.RLIMIT_NOFILE,
}


def main(arguments: list[str]) -> None:
    """Apply all restrictions and become ffmpeg. Returns only if that failed."""
    split = arguments.index("--")
    parent, settings, command = int(arguments[0]), arguments[1:split], arguments[split + 1 :]
    libc = ctypes.CDLL(None, use_errno=True)
    leave_the_network(libc)
    die_with(libc, parent)
    limit_resources(settings)
    forbid_calls(libc)
    # Python ignores these two, and what is ignored stays ignored across exec: ffmpeg would not die of its output cap.
    for name in (signal.SIGXFSZ, signal.SIGPIPE):
        signal.signal(name, signal.SIG_DFL)
    os.execve(command[0], command, {})  # noqa: S606  # the point of this script


def leave_the_network(libc: ctypes.CDLL) -> None:
    """Move into a network of our own, with nothing in it, where an unprivileged process may do so."""
    libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)


def die_with(libc: ctypes.CDLL, parent: int) -> None:
    """
    Have the kernel kill us when the thread that started us ends.

    `system/child.py` does the same. It is not shared: both scripts run alone (`-I -S`, no package to import from), this
    one in an empty environment, and two lines cost less than making one script find the other.

    After the namespaces, because a change of credentials resets it. A parent that died before this line sends no
    signal any more; then we have another parent by now.
    """
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def limit_resources(settings: list[str]) -> None:
    """Apply `name=value` limits, soft and hard; never above the present hard limit."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for setting in settings:
        name, _, value = setting.partition("=")
        hard = resource.getrlimit(LIMITS[name])[1]
        allowed = int(value) if hard == resource.RLIM_INFINITY else min(int(value), hard)
        resource.setrlimit(LIMITS[name], (allowed, allowed))


def forbid_calls(libc: ctypes.CDLL) -> None:
    """Refuse the calls of `MACHINES` (EACCES) from now on, also in the program that this process becomes."""
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    machine = os.uname().machine
    if machine not in MACHINES:
        return
    program = filter_program(*MACHINES[machine])
    code = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))

    wanted = Program(len(program) // 8, ctypes.addressof(code))
    libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(wanted), 0, 0)


def filter_program(abi: int, clone: int, forbidden: tuple[int, ...]) -> bytes:
    """Return the filter as classic BPF, 8 bytes a step: code, steps to skip if true, if false, operand."""
    count = len(forbidden)
    to_refuse, to_unknown, to_allow = count + 5, count + 5, 2  # steps from where they are used
    steps = [
        (BPF_LOAD, 0, 0, ABI),
        (BPF_EQUAL, 1, 0, abi),
        (BPF_RETURN, 0, 0, KILL),
        (BPF_LOAD, 0, 0, NUMBER),
        (BPF_AT_LEAST, to_refuse, 0, FOREIGN),
        (BPF_EQUAL, to_unknown, 0, CLONE3),
        *((BPF_EQUAL, to_refuse - 2 - n, 0, call) for n, call in enumerate(forbidden)),
        (BPF_EQUAL, 0, to_allow, clone),
        (BPF_LOAD, 0, 0, FIRST_ARGUMENT),
        (BPF_HAS_BITS, 0, 1, CLONE_THREAD),  # a thread may be made, a child may not: it would survive our parent
        (BPF_RETURN, 0, 0, ALLOW),
        (BPF_RETURN, 0, 0, REFUSE),
        (BPF_RETURN, 0, 0, UNKNOWN),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        try:
            main(sys.argv[1:])
        except OSError as error:
            sys.stderr.write(f"{MARK}cannot start: {error}\n")
    sys.exit(FAILED)
