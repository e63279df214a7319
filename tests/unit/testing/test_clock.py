import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.testing.clock import NOON, SeededIds, SteppingClock, settle


async def test_fake_clock_stands_still_until_it_is_moved() -> None:
    """Nothing but `advance` moves the clock."""
    clock = SteppingClock()
    before = clock.wall(), clock.monotonic()
    await settle()

    assert (clock.wall(), clock.monotonic()) == before == (NOON, 0.0)


async def test_sleepers_wake_in_order_at_their_own_time() -> None:
    """Each sleeper finds the clock at its own moment, also one that falls asleep again on the way."""
    clock = SteppingClock()
    woke: list[tuple[str, float]] = []

    async def sleeper(name: str, *naps: float) -> None:
        for nap in naps:
            await clock.sleep(nap)
            woke.append((name, clock.monotonic()))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(sleeper("late", 3.0))
        tasks.create_task(sleeper("twice", 1.0, 1.5))
        tasks.create_task(sleeper("never", 5.1)).add_done_callback(lambda _: None)
        await clock.until_asleep(3)
        await clock.advance(5.0)

        assert woke == [("twice", 1.0), ("twice", 2.5), ("late", 3.0)]
        assert clock.monotonic() == 5.0
        assert clock.asleep == 1
        await clock.advance(0.2)

    assert woke[-1] == ("never", 5.1)


async def test_cancelled_sleeper_is_forgotten() -> None:
    """A sleeper that is cancelled is no sleeper any more."""
    clock = SteppingClock()
    task = asyncio.create_task(clock.sleep(1.0))
    await clock.until_asleep()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert clock.asleep == 0


async def test_sleep_of_no_length_lets_other_tasks_run() -> None:
    """A sleep of nought returns without an advance, but not before others had a turn."""
    clock = SteppingClock()
    happened: list[str] = []
    task = asyncio.create_task(settle())
    task.add_done_callback(lambda _: happened.append("other"))

    for _ in range(60):
        await clock.sleep(0)

    assert happened == ["other"]


async def test_wall_clock_can_be_wrong() -> None:
    """A jump of the wall clock is not seen on the monotonic one."""
    clock = SteppingClock()
    await clock.advance(10.0)

    clock.set_wall(NOON - 3600)

    assert (clock.wall(), clock.monotonic()) == (NOON - 3600, 10.0)
    await clock.advance(1.0)
    assert (clock.wall(), clock.monotonic()) == (NOON - 3599, 11.0)


def test_ids_follow_from_the_seed() -> None:
    """The same seed gives the same ids and draws; another seed gives others; none repeats."""
    one, same, other = SeededIds(1), SeededIds(1), SeededIds(2)
    ids = [one.new() for _ in range(100)]

    assert ids == [same.new() for _ in range(100)]
    assert len({*ids, *(other.new() for _ in range(100))}) == 200
    assert one.draw() == same.draw()
    assert all(re.fullmatch("[a-z2-7]{26}", new) for new in ids)


@given(seed=st.integers())
def test_seeded_draws_are_below_one(seed: int) -> None:
    """A draw is in [0, 1)."""
    assert 0 <= SeededIds(seed).draw() < 1
