import struct

import pytest

from service.adapters import guest

THREAD = guest.CLONE_THREAD


def run(program: bytes, abi: int, call: int, first_argument: int = 0) -> int:
    """What the kernel would make of a call: the filter, interpreted step by step."""
    steps = list(struct.iter_unpack("=HBBI", program))
    seen = {guest.NUMBER: call, guest.ABI: abi, guest.FIRST_ARGUMENT: first_argument}
    value = at = 0
    while True:
        code, if_true, if_false, operand = steps[at]
        at += 1
        if code == guest.BPF_RETURN:
            return int(operand)
        if code == guest.BPF_LOAD:
            value = seen[operand]
            continue
        holds = {
            guest.BPF_EQUAL: value == operand,
            guest.BPF_AT_LEAST: value >= operand,
            guest.BPF_HAS_BITS: bool(value & operand),
        }[code]
        at += if_true if holds else if_false


@pytest.mark.parametrize("machine", guest.MACHINES)
def test_the_filter_says_what_the_table_says(machine: str) -> None:
    """On every machine the forbidden calls are refused, processes are refused but threads are not, the rest passes."""
    abi, clone, forbidden = guest.MACHINES[machine]
    program = guest.filter_program(abi, clone, forbidden)
    for call in range(500):
        expected = guest.REFUSE if call in forbidden or call == clone else guest.ALLOW
        assert run(program, abi, call) == (guest.UNKNOWN if call == guest.CLONE3 else expected), call
    assert run(program, abi, clone, THREAD | 17) == guest.ALLOW
    assert run(program, abi, guest.FOREIGN | 1) == guest.REFUSE


@pytest.mark.parametrize("machine", guest.MACHINES)
def test_calls_of_another_abi_are_deadly(machine: str) -> None:
    """A program that turns to 32-bit calls, whose numbers mean something else, is killed."""
    abi, clone, forbidden = guest.MACHINES[machine]
    assert run(guest.filter_program(abi, clone, forbidden), 0x40000003, 1) == guest.KILL
