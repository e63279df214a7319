import pytest

from service.adapters.system.ambient import SystemClock
from service.core.jobs.progress import Hint
from service.testing.contracts.board import ProgressBoardContract
from service.testing.contracts.wakeups import SHORT, SharedWakeupsContract
from service.testing.memory_hints import MemoryBoard, MemoryChannel, MemoryWakeups


class TestMemoryBoard(ProgressBoardContract):
    @pytest.fixture
    def board(self) -> MemoryBoard:
        return MemoryBoard()


class TestMemoryWakeups(SharedWakeupsContract):
    @pytest.fixture
    def channel(self) -> MemoryChannel:
        return MemoryChannel()

    @pytest.fixture
    def wakeups(self, channel: MemoryChannel) -> MemoryWakeups:
        return MemoryWakeups(SystemClock(), channel)

    @pytest.fixture
    def elsewhere(self, channel: MemoryChannel) -> MemoryWakeups:
        return MemoryWakeups(SystemClock(), channel)


async def test_a_board_that_is_away_says_nothing() -> None:
    """While it is away it takes nothing in, shows nothing, and says that it is degraded."""
    board = MemoryBoard()
    await board.publish("a", Hint(10.0, 1))
    board.away = True
    await board.publish("a", Hint(20.0, 1))
    assert await board.read("a") is None
    assert board.degraded

    board.away = False
    assert await board.read("a") == Hint(10.0, 1)
    board.flush()
    assert await board.read("a") is None


async def test_a_channel_that_is_away_reaches_this_process_only() -> None:
    """Without the channel, an announcement is heard here and nowhere else."""
    channel = MemoryChannel()
    here, there = MemoryWakeups(SystemClock(), channel), MemoryWakeups(SystemClock(), channel)
    channel.away = True

    await here.announce()

    assert await here.wait(SHORT) is True
    assert await there.wait(SHORT) is False
