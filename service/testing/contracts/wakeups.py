"""What every `ports.Wakeups` does; a subclass brings `wakeups`, and `elsewhere`: the channel in another process."""

import asyncio
from collections.abc import Callable

import pytest

from service.ports.hints import Wakeups, for_all

LONG = 30.0  # seconds; no test lasts that long unless a wake-up was lost
SHORT = 0.02


async def asleep(wakeups: Wakeups, count: int, wakes: Callable[[str], bool] = for_all) -> list[asyncio.Task[bool]]:
    """So many sleepers, all of whom wait already."""
    sleepers = [asyncio.create_task(wakeups.wait(LONG, wakes)) for _ in range(count)]
    await asyncio.wait(sleepers, timeout=0)  # gives each its first turn
    return sleepers


class WakeupsContract:
    """Within one process."""

    async def test_silence_ends_with_the_time(self, wakeups: Wakeups) -> None:
        """Without an announcement a sleeper wakes by itself and knows it."""
        assert await wakeups.wait(SHORT) is False

    async def test_all_sleepers_wake(self, wakeups: Wakeups) -> None:
        """One announcement wakes every sleeper."""
        sleepers = await asleep(wakeups, 5)

        await wakeups.announce()

        async with asyncio.timeout(LONG / 2):
            assert await asyncio.gather(*sleepers) == [True] * 5

    async def test_an_announcement_between_two_waits_is_kept_once(self, wakeups: Wakeups) -> None:
        """A worker that was busy when work came hears of it at the next wait, and not again at the one after."""
        await wakeups.announce()
        await wakeups.announce()

        assert await wakeups.wait(LONG) is True
        assert await wakeups.wait(SHORT) is False

    async def test_what_woke_a_sleeper_is_used_up(self, wakeups: Wakeups) -> None:
        """An announcement that was heard does not ring a second time."""
        [sleeper] = await asleep(wakeups, 1)
        await wakeups.announce()
        async with asyncio.timeout(LONG / 2):
            assert await sleeper is True

        assert await wakeups.wait(SHORT) is False

    async def test_a_process_wakes_for_each_job_of_its_own(self, wakeups: Wakeups) -> None:
        """What is announced in a process wakes it, whichever jobs it wakes for: it may be the only one that heard."""
        [sleeper] = await asleep(wakeups, 1, lambda _: False)

        await wakeups.announce("job1")

        assert await sleeper is True

    async def test_a_sleeper_that_is_cancelled_passes_it_on(self, wakeups: Wakeups) -> None:
        """An announcement whose only hearer is cancelled in the same moment is kept for the next."""
        [sleeper] = await asleep(wakeups, 1)
        await wakeups.announce()
        if sleeper.cancel():
            with pytest.raises(asyncio.CancelledError):
                await sleeper
            assert await wakeups.wait(LONG) is True

    async def test_a_cancelled_sleeper_leaves_no_trace(self, wakeups: Wakeups) -> None:
        """Giving up waiting swallows nothing that comes later."""
        [sleeper] = await asleep(wakeups, 1)
        sleeper.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sleeper

        await wakeups.announce()

        assert await wakeups.wait(LONG) is True


class SharedWakeupsContract(WakeupsContract):
    """Between processes."""

    async def test_sleepers_elsewhere_wake(self, wakeups: Wakeups, elsewhere: Wakeups) -> None:
        """An announcement is heard in other processes, by all who sleep there."""
        sleepers = await asleep(elsewhere, 3)

        await wakeups.announce()

        async with asyncio.timeout(LONG / 2):
            assert await asyncio.gather(*sleepers) == [True] * 3

    async def test_process_wakes_only_for_the_jobs_of_others_that_it_wants(
        self, wakeups: Wakeups, elsewhere: Wakeups
    ) -> None:
        """A sleeper sleeps on when another process announces a job that it does not wake for."""
        [sleeper] = await asleep(elsewhere, 1, lambda job_id: job_id == "job2")

        for job_id in ("job1", "job3"):
            await wakeups.announce(job_id)
        await asyncio.wait([sleeper], timeout=SHORT)
        assert not sleeper.done()
        await wakeups.announce("job2")

        async with asyncio.timeout(LONG / 2):
            assert await sleeper is True

    async def test_it_works_both_ways(self, wakeups: Wakeups, elsewhere: Wakeups) -> None:
        """Neither end is the first."""
        for here, there in ((wakeups, elsewhere), (elsewhere, wakeups)):
            [sleeper] = await asleep(there, 1)
            await here.announce()
            async with asyncio.timeout(LONG / 2):
                assert await sleeper is True
            assert await here.wait(LONG) is True  # one's own announcement counts here as well
