import pytest

from service.adapters.system.ambient import SystemClock
from service.adapters.system.in_process import LocalWakeups, SilentBoard
from service.core.progress import Hint
from service.testing.contracts.wakeups import WakeupsContract


class TestLocalWakeups(WakeupsContract):
    @pytest.fixture
    def wakeups(self) -> LocalWakeups:
        return LocalWakeups(SystemClock())


async def test_progress_board_without_redis_shows_nothing_and_is_degraded() -> None:
    """The silent board takes readings, shows none, and says that it is degraded."""
    board = SilentBoard()

    await board.publish("a", Hint(10.0, 1))
    await board.forget("a")

    assert await board.read("a") is None
    assert board.degraded is True
