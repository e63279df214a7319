"""
The system calls that ffmpeg may make: seccomp, as a list of what is allowed. Pure.

Found with strace over the whole matrix of formats, streaming and local, with every kind of option (glibc, x86_64), and
written down by name for both machines. `HARMLESS` is what other libcs and builds of ffmpeg ask for in its place: these
calls wait, or tell a process about itself.

All else is refused with EPERM and does not kill: a build of ffmpeg that asks for something more (a scheduling hint, the
number of NUMA nodes) goes on without it, as it does on a kernel without that call, and a refused call gains nothing.
Calls that are newer than this list are unknown (ENOSYS), so that a libc falls back to the older one. A call of another
ABI, whose numbers mean other things, kills.
"""

import os
import struct
from collections.abc import Sequence

from service.adapters.ffmpeg.sandbox.enter import OWN_PID, TOKEN_HIGH, TOKEN_LOW

ALLOW, REFUSE, UNKNOWN, KILL = 0x7FFF0000, 0x00050000 | 1, 0x00050000 | 38, 0x80000000  # EPERM, ENOSYS
LOAD, EQUAL, AT_LEAST, HAS_BITS, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # classic BPF
NUMBER, ABI, ARGUMENTS = 0, 4, 16  # offsets in the struct that the filter sees; 8 bytes for each argument
FOREIGN = 0x40000000  # calls with this bit are those of x32, numbered differently
NEW = 424  # from here on, calls have one number on all machines; none of those is needed

ABIS = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# name: numbers on x86_64 and aarch64; None where the machine has no such call.
SEEN: dict[str, tuple[int | None, int | None]] = {
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "fstat": (5, 80), "lseek": (8, 62), "mprotect": (10, 226),
    "munmap": (11, 215), "brk": (12, 214), "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139), "pread64": (17, 67), "access": (21, None), "mremap": (25, 216), "madvise": (28, 233),
    "dup": (32, 23), "exit": (60, 93), "getrusage": (98, 165), "futex": (202, 98), "sched_getaffinity": (204, 123),
    "set_tid_address": (218, 96), "exit_group": (231, 94), "openat": (257, 56), "newfstatat": (262, 79),
    "set_robust_list": (273, 99), "getrandom": (318, 278), "rseq": (334, 293),
}  # fmt: skip
HARMLESS: dict[str, tuple[int | None, int | None]] = {
    "open": (2, None), "stat": (4, None), "lstat": (6, None), "faccessat": (269, 48), "getdents64": (217, 61),
    "pwrite64": (18, 68), "readv": (19, 65), "writev": (20, 66), "ftruncate": (77, 46), "fadvise64": (221, 223),
    "dup2": (33, None), "dup3": (292, 24), "getcwd": (79, 17),
    "poll": (7, None), "ppoll": (271, 73), "select": (23, None), "pselect6": (270, 72), "sched_yield": (24, 124),
    "nanosleep": (35, 101), "clock_nanosleep": (230, 115), "restart_syscall": (219, 128), "membarrier": (324, 283),
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "gettimeofday": (96, 169), "time": (201, None),
    "uname": (63, 160), "sysinfo": (99, 179), "sigaltstack": (131, 132),
    "getpid": (39, 172), "gettid": (186, 178), "getppid": (110, 173),
    "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177),
}  # fmt: skip

TCGETS, TIOCGWINSZ, FIOCLEX = 0x5401, 0x5413, 0x5451  # is it a terminal?, and close-on-exec; never TIOCSTI
F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC = 0, 1, 2, 3, 1030  # never F_SETOWN: it sends signals
PR_SET_NAME, PR_SET_VMA = 15, 0x53564D41  # names of threads and of memory; never the signal at the parent's death
ARCH_SET_FS = 0x1002
MAP_SHARED = 1  # memory that no limit of this process counts
# CLONE_VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, SETTLS, PARENT_SETTID, CHILD_CLEARTID; musl adds DETACHED.
CLONE_THREAD, FLAGS_OF_A_THREAD = 0x10000, 0x7D0F00
ALL_BITS = 0xFFFFFFFF

Step = tuple[int, int, int, int]  # code, steps to skip if true, if false, operand


def filter_for(machine: str) -> bytes:
    """
    Return the filter as classic BPF, 8 bytes a step, with the place-holders of `enter.py`.

    Empty for a machine whose calls are not known here.
    """
    if machine not in ABIS:
        return b""
    column = list(ABIS).index(machine)
    allowed = [number for numbers in (*SEEN.values(), *HARMLESS.values()) if (number := numbers[column]) is not None]
    steps: list[Step] = [
        (LOAD, 0, 0, ABI),
        (EQUAL, 1, 0, ABIS[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
    ]
    for number in allowed:
        steps += [(EQUAL, 0, 1, number), (RETURN, 0, 0, ALLOW)]
    for numbers, tests in RESTRICTED:
        if (number := numbers[column]) is not None:
            steps += _block(number, tests)
    steps += [(AT_LEAST, 0, 1, FOREIGN), (RETURN, 0, 0, REFUSE)]
    steps += [(AT_LEAST, 0, 1, NEW), (RETURN, 0, 0, UNKNOWN), (RETURN, 0, 0, REFUSE)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def filter_here() -> bytes:
    """Return the filter for this machine."""
    return filter_for(os.uname().machine)


def _one_of(argument: int, *values: int) -> list[Sequence[int]]:
    """Allow if the argument is one of these. Only its lower half counts: the kernel takes these for 32 bits."""
    return [(LOAD, 0, 0, ARGUMENTS + 8 * argument), *((EQUAL, *_THEN_ALLOW, value) for value in values)]


def _token(argument: int) -> list[Sequence[int]]:
    """Allow if the argument is the token, all 64 bits of it."""
    at = ARGUMENTS + 8 * argument
    return [
        (LOAD, 0, 0, at),
        (EQUAL, *_ELSE_REFUSE, TOKEN_LOW),
        (LOAD, 0, 0, at + 4),
        (EQUAL, *_THEN_ALLOW, TOKEN_HIGH),
    ]


def _bits(argument: int, *, never: int, needed: int | None = None) -> list[Sequence[int]]:
    """Allow if the argument has none of the bits `never`, and one of `needed`."""
    tests: list[Sequence[int]] = [(LOAD, 0, 0, ARGUMENTS + 8 * argument)]
    if needed is None:
        return [*tests, (HAS_BITS, *_ALLOW_UNLESS, never)]
    return [*tests, (HAS_BITS, *_REFUSE_IF, never), (HAS_BITS, *_THEN_ALLOW, needed)]


# Where a test leads: 0 is the next step, 1 the end of the block that refuses, 2 the one that allows.
_THEN_ALLOW, _ELSE_REFUSE, _REFUSE_IF, _ALLOW_UNLESS = (2, 0), (0, 1), (1, 0), (1, 2)

RESTRICTED: tuple[tuple[tuple[int | None, int | None], list[Sequence[int]]], ...] = (
    ((9, 222), _bits(3, never=MAP_SHARED)),  # mmap
    ((16, 29), _one_of(1, TCGETS, TIOCGWINSZ, FIOCLEX)),  # ioctl
    ((56, 220), _bits(0, never=ALL_BITS & ~FLAGS_OF_A_THREAD, needed=CLONE_THREAD)),  # clone: no child, only a thread
    ((59, 221), _token(5)),  # execve: once, by `enter.py`
    ((72, 25), _one_of(1, F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC)),  # fcntl
    ((157, 167), _one_of(0, PR_SET_NAME, PR_SET_VMA)),  # prctl
    ((158, None), _one_of(0, ARCH_SET_FS)),  # arch_prctl
    ((234, 131), _one_of(0, OWN_PID)),  # tgkill: abort() and raise() signal the own process
    ((302, 261), _one_of(0, 0)),  # prlimit64: of the own process
)


def _block(number: int, tests: Sequence[Sequence[int]]) -> list[Step]:
    """The steps for one call: pass on if it is another one, else the tests, then refuse; allowing comes last."""
    count = len(tests)
    steps: list[Step] = [(EQUAL, 0, count + 2, number)]
    for index, (code, if_true, if_false, operand) in enumerate(tests):
        to_refuse = count - index - 1
        skip = (0, to_refuse, to_refuse + 1)
        steps.append((code, skip[if_true], skip[if_false], operand))
    return [*steps, (RETURN, 0, 0, REFUSE), (RETURN, 0, 0, ALLOW)]
