"""
A program that runs in the place of ffmpeg, and tries everything that code which took ffmpeg over could want.

    python -I -S probe.py FACTS

`FACTS` is a JSON object: `service` (the process that started it), `files` (which this user may read and change),
`folders` (which it may write to), `control` (true outside of a sandbox: leave out what would end the probe).
One line of JSON on stderr: `met` has each attempt, and the errno it met, or `done` if it succeeded; `descriptors` are
those that it inherited. An attempt that the kernel looked at, and found its arguments wrong, was not refused.

Standard library only, and run alone: it must start inside of the sandbox.
"""

import ctypes
import errno
import json
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

Facts = dict[str, Any]
Attempts = Iterator[tuple[str, Callable[[], object]]]

LIBC = ctypes.CDLL(None, use_errno=True)
COLUMN = {"x86_64": 0, "aarch64": 1}[os.uname().machine]
CALLS = {
    "socket": (41, 198), "socketpair": (53, 199), "clone": (56, 220), "fork": (57, None), "vfork": (58, None),
    "execve": (59, 221), "kill": (62, 129), "msgget": (68, 186), "msgctl": (71, 187),
    "shmget": (29, 194), "semget": (64, 190),
    "chmod": (90, None), "fchmodat": (268, 53), "ptrace": (101, 117), "sched_setaffinity": (203, 122),
    "tkill": (200, 130), "tgkill": (234, 131), "mq_open": (240, 180), "add_key": (248, 217), "keyctl": (250, 219),
    "unshare": (272, 97), "prlimit64": (302, 261), "perf_event_open": (298, 241), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "kcmp": (312, 272), "setns": (308, 268), "seccomp": (317, 277),
    "memfd_create": (319, 279), "bpf": (321, 280), "execveat": (322, 281), "userfaultfd": (323, 282),
    "mount": (165, 40), "pivot_root": (155, 41), "chroot": (161, 51), "setpriority": (141, 140),
    "open_by_handle_at": (304, 265), "inotify_init1": (294, 26), "fanotify_init": (300, 262), "symlinkat": (266, 36),
    "linkat": (265, 37), "unlinkat": (263, 35), "renameat": (264, 38), "mkdirat": (258, 34),
    "utimensat": (280, 88),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "ioprio_set": (251, 30),
    "migrate_pages": (256, 238),
    "setsid": (112, 157), "setpgid": (109, 154), "personality": (135, 92), "reboot": (169, 142), "mlockall": (151, 230),
}  # fmt: skip
NEW = {"pidfd_send_signal": 424, "io_uring_setup": 425, "open_tree": 428, "fsopen": 430, "clone3": 435, "openat2": 437}
NEW |= {"pidfd_getfd": 438, "process_madvise": 440, "memfd_secret": 447, "pidfd_open": 434}
AT_FDCWD, AT_EMPTY_PATH, SIGCHLD = -100, 0x1000, 17
TIOCSTI, TIOCGPGRP, F_SETOWN, F_SETSIG, F_SETPIPE_SZ = 0x5412, 0x540F, 8, 10, 1031
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_PTRACER = 1, 4, 0x59616D61
MAP_SHARED_ANONYMOUS, PROT_READ_WRITE, CLONE_NEWUSER = 0x21, 3, 0x10000000


def call(name: str, *arguments: object) -> int:
    """Make a system call by its number. Raises OSError."""
    number = NEW[name] if name in NEW else CALLS[name][COLUMN]
    if number is None:
        raise OSError(errno.ENOSYS, name)
    ctypes.set_errno(0)
    result = LIBC.syscall(ctypes.c_long(number), *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return int(result)


def function(name: str, *arguments: object) -> int:
    """Call a function of libc. Raises OSError."""
    if (result := getattr(LIBC, name)(*arguments)) < 0:
        raise OSError(ctypes.get_errno(), name)
    return int(result)


def read(path: str) -> bytes:
    """Read something of a file."""
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.read(fd, 64)
    finally:
        os.close(fd)


def write(folder: str) -> None:
    """Make a file in a folder, and write to it."""
    fd = os.open(f"{folder}/reprise-probe-{os.getpid()}", os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(fd, b"here")
    os.close(fd)


def child(name: str, *arguments: int) -> None:
    """Make a child process, which ends at once."""
    if call(name, *arguments) == 0:
        os._exit(0)


def vector() -> ctypes.Array[ctypes.c_char_p]:
    """An argument list without arguments."""
    return (ctypes.c_char_p * 2)(b"sh", None)


def of_files(facts: Facts) -> Attempts:
    """Files that were not given: those that are read are everybody's, those that are changed were put there for it."""
    for path in [*facts["files"], "/etc/passwd", "/proc/self/environ", "/proc/self/maps", "/proc/1/status", "/bin/sh"]:
        yield f"read {path}", partial(read, path)
    for path in facts["files"]:
        name = path.encode()
        yield f"write to {path}", partial(os.open, path, os.O_WRONLY)
        yield f"truncate {path}", partial(os.truncate, path, 3)
        yield f"chmod {path}", partial(call, "fchmodat", AT_FDCWD, name, 0o644)
        yield f"touch {path}", partial(call, "utimensat", AT_FDCWD, name, None, 0)
        yield f"link {path}", partial(call, "linkat", AT_FDCWD, name, AT_FDCWD, name + b"-x", 0)
        yield f"rename {path}", partial(call, "renameat", AT_FDCWD, name, AT_FDCWD, name)
    for folder in facts["folders"]:
        yield f"list {folder}", partial(os.listdir, folder)
        yield f"make a file in {folder}", partial(write, folder)
        yield f"make a folder in {folder}", partial(call, "mkdirat", AT_FDCWD, f"{folder}/probe-d".encode(), 0o700)
        yield f"make a link in {folder}", partial(call, "symlinkat", b"/", AT_FDCWD, f"{folder}/probe-l".encode())
        yield f"remove from {folder}", partial(call, "unlinkat", AT_FDCWD, f"{folder}/probe-l".encode(), 0)
    yield "openat2", partial(call, "openat2", AT_FDCWD, b"/etc/passwd", bytes(24), 24)
    yield "open_by_handle_at", partial(call, "open_by_handle_at", AT_FDCWD, None, 0)
    yield "inotify_init1", partial(call, "inotify_init1", 0)
    yield "fanotify_init", partial(call, "fanotify_init", 0, 0)


def of_processes(facts: Facts) -> Attempts:
    """The service, and every other process."""
    service, room = facts["service"], ctypes.create_string_buffer(64)
    for what in ("environ", "mem", "maps", "cmdline", "status", "stat", "fd/0", "root/etc/passwd", "auxv"):
        yield f"read /proc/service/{what}", partial(read, f"/proc/{service}/{what}")
    yield "write the service's memory", partial(os.open, f"/proc/{service}/mem", os.O_RDWR)
    yield "write the service's oom_score_adj", partial(os.open, f"/proc/{service}/oom_score_adj", os.O_WRONLY)
    yield "list the service's descriptors", partial(os.listdir, f"/proc/{service}/fd")
    yield "list the processes", partial(os.listdir, "/proc")
    yield "ptrace", partial(call, "ptrace", 0x4206, service, 0, 0)  # PTRACE_SEIZE, which does not stop it
    for name in ("process_vm_readv", "process_vm_writev"):
        yield name, partial(call, name, service, 0, 0, 0, 0, 0)
    yield "pidfd_open", partial(call, "pidfd_open", service, 0)
    yield "pidfd_getfd", partial(call, "pidfd_getfd", 0, 0, 0)
    yield "pidfd_send_signal", partial(call, "pidfd_send_signal", 0, 0, 0, 0)
    yield "process_madvise", partial(call, "process_madvise", 0, 0, 0, 0, 0)
    yield "kcmp", partial(call, "kcmp", service, os.getpid(), 0, 0, 0)
    yield "prlimit", partial(call, "prlimit64", service, 7, 0, room)
    yield "sched_setaffinity", partial(call, "sched_setaffinity", service, 8, b"\xff" * 8)
    yield "setpriority", partial(call, "setpriority", 0, service, 1)
    yield "ioprio_set", partial(call, "ioprio_set", 1, service, 0)
    yield "migrate_pages", partial(call, "migrate_pages", service, 0, 0, 0)
    for number in (0, 18):  # SIGCONT: harmless, and SIGSTOP goes the same way
        yield f"kill {number}", partial(call, "kill", service, number)
        yield f"tkill {number}", partial(call, "tkill", service, number)
        yield f"tgkill {number}", partial(call, "tgkill", service, service, number)
    yield "kill all", partial(call, "kill", -1, 0)
    yield "rt_sigqueueinfo", partial(call, "rt_sigqueueinfo", service, 0, room)
    yield "rt_tgsigqueueinfo", partial(call, "rt_tgsigqueueinfo", service, service, 0, room)
    yield "signals by F_SETOWN", partial(function, "fcntl", 2, F_SETOWN, service)
    yield "signals by F_SETSIG", partial(function, "fcntl", 2, F_SETSIG, 9)


def of_ways_out(facts: Facts) -> Attempts:
    """The network, and other ways to talk to something."""
    room = ctypes.create_string_buffer(256)
    for name, family, kind in (
        ("unix", 1, 1), ("unix datagram", 1, 2), ("inet", 2, 1), ("inet datagram", 2, 2), ("inet raw", 2, 3),
        ("inet6", 10, 1), ("netlink", 16, 3), ("packet", 17, 3), ("crypto", 38, 5), ("vsock", 40, 1), ("xdp", 44, 3),
    ):  # fmt: skip
        yield f"socket {name}", partial(call, "socket", family, kind, 0)
    yield "socketpair", partial(call, "socketpair", 1, 1, 0, room)
    yield "io_uring_setup", partial(call, "io_uring_setup", 1, room)
    yield "msgget", message_queue
    if not facts["control"]:  # what works would outlive the probe
        yield "shmget", partial(call, "shmget", 0, 1, 0o600)
        yield "semget", partial(call, "semget", 0, 1, 0o600)
        yield "mq_open", partial(call, "mq_open", b"reprise-probe", 0o100, 0o600, None)
    yield "shared memory", shared_memory
    yield "memfd_create", partial(call, "memfd_create", b"x", 0)
    yield "memfd_secret", partial(call, "memfd_secret", 0)
    yield "add_key", partial(call, "add_key", b"user", b"x", b"x", 1, -1)
    yield "keyctl", partial(call, "keyctl", 0, -3, 0)
    yield "F_SETPIPE_SZ", partial(function, "fcntl", 2, F_SETPIPE_SZ, 1 << 20)
    for fd in (0, 1, 2):
        yield f"TIOCSTI on {fd}", partial(function, "ioctl", fd, TIOCSTI, room)
        yield f"TIOCGPGRP on {fd}", partial(function, "ioctl", fd, TIOCGPGRP, room)


def of_programs(facts: Facts) -> Attempts:
    """Children, other programs, and what would outlive the parent."""
    if not facts["control"]:  # what works would end the probe
        for path in ("/bin/sh", "/usr/bin/env", sys.executable):
            yield f"execve {path}", partial(call, "execve", path.encode(), vector(), vector())
        yield "execveat", partial(call, "execveat", AT_FDCWD, b"/bin/sh", vector(), vector(), 0)
        yield "vfork", partial(child, "vfork")
    yield "fork", partial(child, "fork")
    yield "clone", partial(child, "clone", SIGCHLD, 0, 0, 0, 0)
    yield "clone3", partial(child, "clone3", 0, 0)
    yield "clone into a user namespace", partial(child, "clone", SIGCHLD | CLONE_NEWUSER, 0, 0, 0, 0)
    yield "forget the parent", partial(function, "prctl", PR_SET_PDEATHSIG, 0, 0, 0, 0)
    yield "be dumpable", partial(function, "prctl", PR_SET_DUMPABLE, 1, 0, 0, 0)
    yield "be traced by all", partial(function, "prctl", PR_SET_PTRACER, -1, 0, 0, 0)
    yield "setsid", partial(call, "setsid")
    yield "setpgid", partial(call, "setpgid", 0, 0)


def of_the_kernel(_: Facts) -> Attempts:
    """Rights over the machine; the arguments are wrong where the call could do harm."""
    room = ctypes.create_string_buffer(256)
    yield "unshare", partial(call, "unshare", CLONE_NEWUSER)
    yield "setns", partial(call, "setns", -1, 0)
    yield "mount", partial(call, "mount", None, None, None, 0, None)
    yield "open_tree", partial(call, "open_tree", AT_FDCWD, b"/", 0)
    yield "fsopen", partial(call, "fsopen", b"tmpfs", 0)
    yield "pivot_root", partial(call, "pivot_root", None, None)
    yield "chroot", partial(call, "chroot", None)
    yield "bpf", partial(call, "bpf", 0, room, 48)
    yield "userfaultfd", partial(call, "userfaultfd", 1)
    yield "perf_event_open", partial(call, "perf_event_open", room, 0, -1, -1, 0)
    yield "seccomp", partial(call, "seccomp", 2, 0, 0)
    yield "personality", partial(call, "personality", 0)
    yield "mlockall", partial(call, "mlockall", 1)
    yield "reboot", partial(call, "reboot", 0, 0, 0, 0)


def message_queue() -> None:
    """Make a message queue of System V, and remove it."""
    call("msgctl", call("msgget", 0, 0o600), 0, 0)  # IPC_PRIVATE, IPC_RMID


def shared_memory() -> None:
    """Map memory that no limit of this process counts."""
    LIBC.mmap.restype = ctypes.c_void_p
    if LIBC.mmap(None, ctypes.c_size_t(4096), PROT_READ_WRITE, MAP_SHARED_ANONYMOUS, -1, ctypes.c_long(0)) == 2**64 - 1:
        raise OSError(ctypes.get_errno(), "mmap")


def descriptors() -> list[int]:
    """The open ones, of the first thousand."""
    found = []
    for fd in range(1000):
        try:
            os.fstat(fd)
        except OSError:
            continue
        found.append(fd)
    return found


def main() -> None:
    """Try all of it, and tell."""
    inherited, met, facts = descriptors(), {}, json.loads(sys.argv[-1])
    for attempts in (of_files, of_processes, of_ways_out, of_programs, of_the_kernel):
        for name, attempt in attempts(facts):
            try:
                attempt()
            except OSError as error:
                met[name] = errno.errorcode.get(error.errno or 0, str(error.errno))
            else:
                met[name] = "done"
    limits = {"uid": os.getuid(), "environment": sorted({*os.environ} - {"LC_CTYPE"}), "descriptors": inherited}
    sys.stderr.write(json.dumps({"met": met, **limits}) + "\n")


if __name__ == "__main__":
    main()
