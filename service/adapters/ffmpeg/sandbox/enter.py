"""
The script that enters the sandbox: run as a child process, it gives up what ffmpeg must not have, then becomes ffmpeg.

    python -I -S enter.py PARENT_PID name=value … -- /path/to/ffmpeg argument …

ffmpeg parses bytes that strangers sent, so it gets as little as it can work with: an empty environment, the system
calls of one list, the files it was given, limits on memory, files and time, and a parent whose death it does not
survive. All that happens here and not between fork and exec of the service, because Python code between the two is not
safe in a process with threads.

    filter=HEX           seccomp: the list of system calls (`calls.py`), with the place-holders below
    token=NUMBER         64 random bits, with which the filter lets one execve through
    execute=PATH         Landlock: may be executed and read
    read=PATH            Landlock: may be read, with what is in it if it is a directory
    input=FD output=FD   Landlock: files that were inherited, and may be opened again under /proc/self/fd
    optional=1           go on without seccomp where the kernel has none, and without a Landlock that fails
    report=1             say on stderr what is in force, before ffmpeg says anything
    as= data= stack= fsize= cpu= nofile=   limits of setrlimit(2), in bytes, seconds and files

Seccomp is required, since nothing else holds everywhere. Landlock is used as far as the kernel has it (ABI 1: files and
ptrace; 4: TCP; 6: signals, abstract sockets), and so is a network namespace: some kernels have no Landlock, and most
container platforms grant no namespace.

Standard library only, and no import from this package: the script runs alone (`-I -S`). Exits with `FAILED` and one
line on stderr that starts with `MARK` if ffmpeg could not be started.
"""

import contextlib
import ctypes
import errno
import os
import resource
import signal
import stat
import struct
import sys

FAILED = 125
MARK = "sandbox: "
REPORT = MARK + "in force: "

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 22, 38
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SECCOMP_MODE_FILTER = 2

# Operands of the filter that are known here only. `calls.py` uses no others above OWN_PID.
OWN_PID, TOKEN_LOW, TOKEN_HIGH = 0xFFFFFF01, 0xFFFFFF02, 0xFFFFFF03
EXECVE = {"x86_64": 59, "aarch64": 221}

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # landlock(7); the same numbers on every machine
VERSION, PATH_BENEATH = 1, 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE = 1, 2, 4, 8, 1 << 14
RIGHTS_OF_ABI = (0, 13, 14, 15, 15, 16)  # how many rights on files an ABI knows; no more since ABI 5
BIND_OR_CONNECT_TCP = 3
ABSTRACT_SOCKETS_AND_SIGNALS = 3

LIMITS = {
    "as": resource.RLIMIT_AS,
    "cpu": resource.RLIMIT_CPU,
    "data": resource.RLIMIT_DATA,
    "fsize": resource.RLIMIT_FSIZE,
    "nofile": resource.RLIMIT_NOFILE,
    "stack": resource.RLIMIT_STACK,
}


def main(arguments: list[str]) -> None:
    """Apply all restrictions and become ffmpeg. Returns only if that failed."""
    split = arguments.index("--")
    parent, command = int(arguments[0]), arguments[split + 1 :]
    settings = [argument.partition("=")[::2] for argument in arguments[1:split]]
    named, libc = dict(settings), ctypes.CDLL(None, use_errno=True)
    optional = "optional" in named
    die_first_for_memory()
    namespace = leave_the_network(libc)
    drop_capabilities(libc)
    die_with(libc, parent)
    limit_resources(settings)
    # Python ignores these two, and what is ignored stays ignored across exec: ffmpeg would not die of its output cap.
    for name in (signal.SIGXFSZ, signal.SIGPIPE):
        signal.signal(name, signal.SIG_DFL)
    call(libc.prctl, "no_new_privs", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    landlock, seccomp, token = 0, False, int(named.get("token", "0"))
    with tolerating(optional=optional):
        landlock = hide_files(libc, settings)
    with tolerating(optional=optional):
        forbid_calls(libc, bytes.fromhex(named.get("filter", "")), token)
        seccomp = True
    if "report" in named:
        report(namespace=namespace, landlock=landlock, seccomp=seccomp)
    become(libc, command, token)


def die_first_for_memory() -> None:
    """Have the kernel, short of memory, end this process and not the service."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123  # no import
        file.write("1000")


def leave_the_network(libc: ctypes.CDLL) -> bool:
    """Move into a network of our own, with nothing in it, where an unprivileged process may do so; say if it did."""
    return bool(libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0)


def drop_capabilities(libc: ctypes.CDLL) -> None:
    """Give up what root may do, for a service that runs as root; execve gives nothing back, by `no_new_privs`."""
    header, nothing = struct.pack("=Ii", 0x20080522, 0), bytes(24)  # version 3, this process; three sets of 64 bits
    call(libc.capset, "capabilities", header, nothing)


def die_with(libc: ctypes.CDLL, parent: int) -> None:
    """
    Have the kernel kill us when the thread that started us ends.

    `system/child.py` does the same. It is not shared: both scripts run alone (`-I -S`, no package to import from), this
    one in an empty environment, and two lines cost less than making one script find the other.

    After the namespaces, because a change of credentials resets it. A parent that died before this line sends no
    signal any more; then we have another parent by now.
    """
    call(libc.prctl, "the signal at the parent's death", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def limit_resources(settings: list[tuple[str, str]]) -> None:
    """Apply the limits, soft and hard; never above the present hard limit."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name, value in settings:
        if name in LIMITS:
            hard = resource.getrlimit(LIMITS[name])[1]
            allowed = int(value) if hard == resource.RLIM_INFINITY else min(int(value), hard)
            resource.setrlimit(LIMITS[name], (allowed, allowed))


# ── Landlock ─────────────────────────────────────────────────────────────────────────────────────────────────────


def hide_files(libc: ctypes.CDLL, settings: list[tuple[str, str]]) -> int:
    """Leave only the files that `settings` name; return the ABI in use, 0 where the kernel has no Landlock."""
    abi = libc.syscall(CREATE_RULESET, None, 0, VERSION)
    if abi < 1:
        return 0
    handled = (1 << RIGHTS_OF_ABI[min(abi, len(RIGHTS_OF_ABI) - 1)]) - 1
    fields = [handled]
    if abi >= 4:
        fields.append(BIND_OR_CONNECT_TCP)
    if abi >= 6:
        fields.append(ABSTRACT_SOCKETS_AND_SIGNALS)
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    rules = call(libc.syscall, "Landlock", CREATE_RULESET, attributes, len(attributes), 0)
    wanted = {"execute": EXECUTE | READ_FILE, "read": READ_FILE | READ_DIR, "input": READ_FILE}
    wanted["output"] = WRITE_FILE | READ_FILE | TRUNCATE
    for name, value in settings:
        if name not in wanted:
            continue
        rights, fd = wanted[name] & handled, int(value) if value.isdigit() else os.open(value, os.O_PATH | os.O_CLOEXEC)
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            rights &= ~READ_DIR
        rule = struct.pack("=Qi", rights, fd)
        # EBADFD: a pipe or an anonymous file in memory, which Landlock leaves to those who hold it.
        if libc.syscall(ADD_RULE, rules, PATH_BENEATH, rule, 0) != 0 and ctypes.get_errno() != errno.EBADFD:
            raise failure(f"Landlock for {value}")
    call(libc.syscall, "Landlock", RESTRICT_SELF, rules, 0)
    return int(abi)


# ── seccomp ──────────────────────────────────────────────────────────────────────────────────────────────────────


def forbid_calls(libc: ctypes.CDLL, program: bytes, token: int) -> None:
    """Allow nothing but the calls of the filter from now on, also in the program that this process becomes."""
    if not program:
        raise OSError(f"seccomp: there is no list of calls for a machine of the kind {os.uname().machine}")
    program = filled(program, {OWN_PID: os.getpid(), TOKEN_LOW: token & 0xFFFFFFFF, TOKEN_HIGH: token >> 32})
    code = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))

    wanted = Program(len(program) // 8, ctypes.addressof(code))
    call(libc.prctl, "seccomp", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(wanted), 0, 0)


def filled(program: bytes, operands: dict[int, int]) -> bytes:
    """Return the filter with its place-holders replaced."""
    steps = struct.iter_unpack("=HBBI", program)
    return b"".join(struct.pack("=HBBI", *step[:3], operands.get(step[3], step[3])) for step in steps)


def become(libc: ctypes.CDLL, command: list[str], token: int) -> None:
    """
    Execute the command with an empty environment. Raises OSError.

    The filter lets execve through only with `token` in a register that the kernel does not look at. The token is gone
    with this program, so the next one can execute nothing.
    """
    path, arguments = command[0].encode(), (ctypes.c_char_p * (len(command) + 1))()
    arguments[:] = [*(os.fsencode(argument) for argument in command), None]
    empty = (ctypes.c_char_p * 1)()
    number = EXECVE.get(os.uname().machine)
    if number is None:
        os.execve(command[0], command, {})  # noqa: S606  # the point of this script
    libc.syscall(number, path, arguments, empty, 0, 0, ctypes.c_uint64(token))
    raise failure(command[0])


# ── the rest ─────────────────────────────────────────────────────────────────────────────────────────────────────


def report(*, namespace: bool, landlock: int, seccomp: bool) -> None:
    """Say on stderr what is in force."""
    os.write(2, f"{REPORT}namespace={int(namespace)} landlock={landlock} seccomp={int(seccomp)}\n".encode())


@contextlib.contextmanager
def tolerating(*, optional: bool):  # type: ignore[no-untyped-def]  # Iterator would be one more import
    """Go on after an OSError, if that was asked for."""
    try:
        yield
    except OSError:
        if not optional:
            raise


def call(function, what: str, *arguments) -> int:  # type: ignore[no-untyped-def]  # a function of libc
    """Call it; raise an OSError that names `what` if the kernel refuses."""
    if (result := function(*arguments)) < 0:
        raise failure(what)
    return int(result)


def failure(what: str) -> OSError:
    """The error that the last call of libc met."""
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        try:
            main(sys.argv[1:])
        except OSError as error:
            sys.stderr.write(f"{MARK}cannot start: {error}\n")
    sys.exit(FAILED)
