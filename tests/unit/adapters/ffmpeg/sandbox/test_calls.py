import struct

import pytest

from service.adapters.ffmpeg.sandbox import calls, enter

PID, TOKEN = 4711, 0x0123456789ABCDEF
THREAD = 0x3D0F00  # what glibc makes a thread with
SIGCHLD = 17
ELSEWHERE = 1 << 20  # a value that no restricted argument may have


def program_for(machine: str) -> bytes:
    """The filter as it is given to the kernel."""
    known = {enter.OWN_PID: PID, enter.TOKEN_LOW: TOKEN & 0xFFFFFFFF, enter.TOKEN_HIGH: TOKEN >> 32}
    return enter.filled(calls.filter_for(machine), known)


def run(program: bytes, abi: int, call: int, *arguments: int) -> int:
    """What the kernel would make of a call: the filter, interpreted step by step."""
    steps = list(struct.iter_unpack("=HBBI", program))
    given = dict(enumerate(arguments))
    seen = {calls.NUMBER: call, calls.ABI: abi}
    for index in range(6):
        at, value = calls.ARGUMENTS + 8 * index, given.get(index, ELSEWHERE)
        seen |= {at: value & 0xFFFFFFFF, at + 4: value >> 32}
    value = at = 0
    while True:
        code, if_true, if_false, operand = steps[at]
        at += 1
        if code == calls.RETURN:
            return int(operand)
        if code == calls.LOAD:
            value = seen[operand]
            continue
        holds = {
            calls.EQUAL: value == operand,
            calls.AT_LEAST: value >= operand,
            calls.HAS_BITS: bool(value & operand),
        }[code]
        at += if_true if holds else if_false


@pytest.mark.parametrize("machine", calls.ABIS)
def test_seccomp_filter_allows_exactly_the_calls_of_its_lists(machine: str) -> None:
    """On every machine the listed calls pass, new ones are unknown, and all others are refused."""
    program, column = program_for(machine), list(calls.ABIS).index(machine)
    listed = {numbers[column] for numbers in (*calls.SEEN.values(), *calls.HARMLESS.values())}
    mmap = calls.RESTRICTED[0][0][column]
    for call in range(600):
        verdict = run(program, calls.ABIS[machine], call)
        expected = calls.ALLOW if call in listed else calls.REFUSE if call < calls.NEW else calls.UNKNOWN
        assert verdict == expected or call == mmap, call
    assert run(program, calls.ABIS[machine], calls.FOREIGN | 1) == calls.REFUSE


@pytest.mark.parametrize(
    ("names", "passes", "fails"),
    [
        (
            (56, 220),
            [(THREAD,), (0x7D0F00,)],
            [(SIGCHLD,), (0,), (THREAD | 1 << 28,), (1 << 30,), (THREAD & ~0x10000,)],
        ),
        (
            (59, 221),
            [(1, 2, 3, 0, 0, TOKEN)],
            [(1, 2, 3), (1, 2, 3, 0, 0, TOKEN ^ 1), (1, 2, 3, 0, 0, TOKEN ^ 1 << 40)],
        ),
        ((9, 222), [(0, 4096, 3, 0x22)], [(0, 4096, 3, 0x21), (0, 4096, 3, 3)]),
        ((16, 29), [(2, 0x5401)], [(2, 0x5412), (0, 0x541B), (2, 0x541C)]),  # TIOCSTI, FIONREAD, TIOCLINUX
        ((72, 25), [(3, 2), (3, 1030)], [(3, 8), (3, 10), (3, 4), (3, 15), (3, 1031)]),  # F_SETOWN, F_SETSIG, …
        ((157, 167), [(15,)], [(1,), (4,), (22,), (38,)]),  # PR_SET_PDEATHSIG, DUMPABLE, SECCOMP, …
        ((234, 131), [(PID, PID, 6)], [(1, 1, 9), (PID + 1, PID, 9), (0,)]),
        ((302, 261), [(0, 7)], [(1, 7), (PID, 7)]),
    ],
    ids=["clone", "execve", "mmap", "ioctl", "fcntl", "prctl", "tgkill", "prlimit64"],
)
@pytest.mark.parametrize("machine", calls.ABIS)
def test_seccomp_filter_looks_at_arguments_where_they_matter(
    machine: str, names: tuple[int, int], passes: list[tuple[int, ...]], fails: list[tuple[int, ...]]
) -> None:
    """Threads, own limits, own signals and the one execve pass; children, others' limits and other programs do not."""
    program, call = program_for(machine), names[list(calls.ABIS).index(machine)]
    verdicts = [run(program, calls.ABIS[machine], call, *arguments) for arguments in passes]
    assert verdicts == [calls.ALLOW] * len(passes)
    verdicts = [run(program, calls.ABIS[machine], call, *arguments) for arguments in fails]
    assert verdicts == [calls.REFUSE] * len(fails)


@pytest.mark.parametrize("machine", calls.ABIS)
def test_seccomp_filter_kills_on_calls_of_another_abi(machine: str) -> None:
    """A program that turns to 32-bit calls, whose numbers mean something else, is killed."""
    assert run(program_for(machine), 0x40000003, 1) == calls.KILL


def test_there_is_no_filter_for_an_unknown_machine() -> None:
    """A machine whose calls are not known gets no filter, which the sandbox takes for a failure."""
    assert calls.filter_for("riscv64") == b""
