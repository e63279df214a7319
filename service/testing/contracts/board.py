"""What every `ports.ProgressBoard` that shows something does; a subclass brings the fixture `board`."""

import asyncio

import pytest

from service.core.jobs.progress import Hint
from service.ports.hints import ProgressBoard


class ProgressBoardContract:
    """Readings that only rise."""

    async def test_nothing_is_shown_at_first(self, board: ProgressBoard) -> None:
        """A job of which no reading was published has no hint, and that is no degradation."""
        assert await board.read("a") is None
        assert board.degraded is False

    @pytest.mark.requirement("2.8")
    async def test_a_reading_is_shown(self, board: ProgressBoard) -> None:
        """What was published is read back exactly, and for this job only."""
        await board.publish("a", Hint(12.3, 1))

        assert await board.read("a") == Hint(12.3, 1)
        assert await board.read("b") is None

    async def test_many_are_read_at_once(self, board: ProgressBoard) -> None:
        """The readings of several jobs come in one answer, without those of which nothing is shown."""
        await board.publish("a", Hint(12.3, 1))
        await board.publish("c", Hint(0.0, 4))

        assert await board.read_many(["a", "b", "c"]) == {"a": Hint(12.3, 1), "c": Hint(0.0, 4)}
        assert await board.read_many(["b"]) == {}

    async def test_nought_is_a_reading(self, board: ProgressBoard) -> None:
        """A job at its very beginning is shown too."""
        await board.publish("a", Hint(0.0, 1))

        assert await board.read("a") == Hint(0.0, 1)

    @pytest.mark.requirement("2.5")
    async def test_a_lower_reading_is_ignored(self, board: ProgressBoard) -> None:
        """The percentage never falls, not even for a new attempt, whose number shows when it has caught up."""
        await board.publish("a", Hint(40.0, 1))

        await board.publish("a", Hint(9.5, 2))
        assert await board.read("a") == Hint(40.0, 1)

        await board.publish("a", Hint(40.0, 2))
        assert await board.read("a") == Hint(40.0, 2)

        await board.publish("a", Hint(100.0, 2))
        assert await board.read("a") == Hint(100.0, 2)

    async def test_the_attempt_never_falls(self, board: ProgressBoard) -> None:
        """A worker that was replaced may still speak; its attempt does not come back."""
        await board.publish("a", Hint(40.0, 2))
        await board.publish("a", Hint(41.0, 1))

        assert await board.read("a") == Hint(41.0, 2)

    async def test_forgotten_is_forgotten(self, board: ProgressBoard) -> None:
        """After it was taken down a reading is gone, twice is no error, and the job may start again low."""
        await board.publish("a", Hint(40.0, 2))
        for _ in range(2):
            await board.forget("a")
        assert await board.read("a") is None

        await board.publish("a", Hint(1.0, 1))
        assert await board.read("a") == Hint(1.0, 1)

    async def test_reading_that_was_overtaken_by_a_loss_is_not_shown(self, board: ProgressBoard) -> None:
        """What a publisher shows again is not shown if all was lost meanwhile; it is told so, and begins anew."""
        assert await board.publish("a", Hint(40.0, 2))
        assert await board.publish("a", Hint(41.0, 2), again=True)
        await board.forget("a")

        assert not await board.publish("a", Hint(42.0, 2), again=True)
        assert await board.read("a") is None

        assert await board.publish("a", Hint(43.0, 2))
        assert await board.read("a") == Hint(43.0, 2)

    async def test_many_at_once_never_fall(self, board: ProgressBoard) -> None:
        """Whatever the order in which fifty readings arrive, no reader sees one fall, and the highest stays."""
        order = [(number * 37) % 50 for number in range(50)]
        seen: list[float] = []

        async def publish_and_look(percent: int) -> None:
            await board.publish("a", Hint(float(percent), 1))
            hint = await board.read("a")
            assert hint is not None
            assert hint.percent >= percent

        async with asyncio.timeout(20):
            publishers = {asyncio.create_task(publish_and_look(percent)) for percent in order}
            while pending := {task for task in publishers if not task.done()}:
                hint = await board.read("a")
                seen.append(hint.percent if hint else -1.0)
                await asyncio.wait(pending, timeout=0)  # gives them a turn
            await asyncio.gather(*publishers)

        assert seen
        assert seen == sorted(seen)
        assert await board.read("a") == Hint(49.0, 1)
