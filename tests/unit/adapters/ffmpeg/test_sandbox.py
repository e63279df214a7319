import struct

import pytest

from service.adapters.ffmpeg import sandbox

THREAD = sandbox.CLONE_THREAD


def run(program: bytes, abi: int, call: int, first_argument: int = 0) -> int:
    """What the kernel would make of a call: the filter, interpreted step by step."""
    steps = list(struct.iter_unpack("=HBBI", program))
    seen = {sandbox.NUMBER: call, sandbox.ABI: abi, sandbox.FIRST_ARGUMENT: first_argument}
    value = at = 0
    while True:
        code, if_true, if_false, operand = steps[at]
        at += 1
        if code == sandbox.BPF_RETURN:
            return int(operand)
        if code == sandbox.BPF_LOAD:
            value = seen[operand]
            continue
        holds = {
            sandbox.BPF_EQUAL: value == operand,
            sandbox.BPF_AT_LEAST: value >= operand,
            sandbox.BPF_HAS_BITS: bool(value & operand),
        }[code]
        at += if_true if holds else if_false


@pytest.mark.parametrize("machine", sandbox.MACHINES)
def test_seccomp_filter_refuses_exactly_the_calls_of_its_table(machine: str) -> None:
    """On every machine the forbidden calls are refused, processes are refused but threads are not, the rest passes."""
    abi, clone, forbidden = sandbox.MACHINES[machine]
    program = sandbox.filter_program(abi, clone, forbidden)
    for call in range(500):
        expected = sandbox.REFUSE if call in forbidden or call == clone else sandbox.ALLOW
        assert run(program, abi, call) == (sandbox.UNKNOWN if call == sandbox.CLONE3 else expected), call
    assert run(program, abi, clone, THREAD | 17) == sandbox.ALLOW
    assert run(program, abi, sandbox.FOREIGN | 1) == sandbox.REFUSE


@pytest.mark.parametrize("machine", sandbox.MACHINES)
def test_seccomp_filter_kills_on_calls_of_another_abi(machine: str) -> None:
    """A program that turns to 32-bit calls, whose numbers mean something else, is killed."""
    abi, clone, forbidden = sandbox.MACHINES[machine]
    assert run(sandbox.filter_program(abi, clone, forbidden), 0x40000003, 1) == sandbox.KILL
