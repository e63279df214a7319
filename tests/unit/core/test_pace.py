"""How long a slow transfer is waited for."""

import pytest

from service.core.limits.descriptors import ENOUGH, OF_A_SLOT, RESERVE, connections_within
from service.core.limits.pace import Pace


def waited_for(rate: float, seconds: int) -> int:
    """Seconds for which a transfer of `rate` bytes a second is waited for, of a pace of 100 bytes and 20 s."""
    pace = Pace(100, 20)
    for second in range(seconds):
        if pace.left <= 0:
            return second
        pace.moved(int(rate), 1.0)
    return seconds


@pytest.mark.parametrize(("rate", "seconds"), [(0, 20), (50, 40), (90, 200), (100, 1000), (5000, 1000)])
def test_pace_waits_for_a_steady_transfer_and_not_for_a_slow_one(rate: float, seconds: int) -> None:
    """A transfer at the pace is waited for without end, silence for the grace, and what is between for longer."""
    assert waited_for(rate, 1000) == pytest.approx(seconds, abs=1)


def test_pace_saves_no_patience_for_later() -> None:
    """A transfer that was quick and has fallen silent is waited for no longer than one that never began."""
    pace = Pace(100, 20)
    pace.moved(10**9, 1.0)
    pace.moved(0, 20.0)

    assert pace.left <= 0


@pytest.mark.parametrize("limit", [256, 1024, 4096, 20_000, 2**31])
def test_connections_leave_descriptors_for_the_worker(limit: int) -> None:
    """Under each limit clients may have so many connections that the reserve is left, or a quarter of very few."""
    found = connections_within(limit, 4, 2000)

    assert 64 <= found <= 2000
    assert found <= max(limit // 4, limit - RESERVE - 4 * OF_A_SLOT)
    assert (found == 2000) == (limit >= ENOUGH)
