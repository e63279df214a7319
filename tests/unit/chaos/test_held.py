"""What members work on, by their logs: faults spare a job that was cut short too often."""

import pytest

from chaos.history.events import CLAIMED, LOST, RELEASED, TAKEN_OVER
from chaos.stack.held import Held

Line = tuple[str, str, int]


@pytest.mark.parametrize(
    ("lines", "takeovers"),
    [
        ([("a", CLAIMED, 1)], 0),
        ([("a", CLAIMED, 1), ("b", TAKEN_OVER, 2)], 1),
        ([("a", CLAIMED, 1), ("b", CLAIMED, 2), ("c", TAKEN_OVER, 3)], 2),
        ([("a", CLAIMED, 1), ("b", TAKEN_OVER, 2), ("a", LOST, 1), ("c", TAKEN_OVER, 3)], 2),
        ([("a", CLAIMED, 1), ("a", RELEASED, 1), ("b", CLAIMED, 2)], 0),
    ],
    ids=["first", "taken over", "given back to the queue", "of the living", "released"],
)
def test_attempts_that_were_cut_short_are_counted(lines: list[Line], takeovers: int) -> None:
    """A job counts as cut short if an attempt at it never ended, however the next one began."""
    held = Held()
    for member, what, attempt in lines:
        held.note(member, what, "job1", attempt)

    last = max(held.without(()), key=lambda one: one.attempt)
    assert (last.member, last.takeovers) == (lines[-1][0], takeovers)


def test_member_that_is_gone_works_on_nothing() -> None:
    """What a member held when it died is held by none, until the next attempt begins."""
    held = Held()
    held.note("a", CLAIMED, "job1", 1)
    held.note("b", CLAIMED, "job2", 1)

    assert [one.member for one in held.without({"a"})] == ["b"]
    held.gone("a")
    assert [one.member for one in held.without(())] == ["b"]
