"""What every `ports.workers.Workers` does; a subclass brings ``workers`` and ``jobs``, both empty, over one store."""

import pytest

from service.core.jobs.ring import Entry, position_of
from service.ports.workers import Workers
from service.testing.clock import NOON
from service.testing.contracts.jobs.store import Jobs, a_held_job
from service.testing.factories import a_job

NAMES = tuple(f"worker{n}" for n in range(9))
AROUND = sorted(NAMES, key=position_of)  # as they are on the ring


def entry(instance: str, beat: int = 1, *jobs: str) -> Entry:
    """Return the entry of a worker that holds these."""
    return Entry(instance=instance, beat=beat, jobs=jobs, idle=not jobs)


class WorkersContract:
    """Needs the fixtures ``workers`` and ``jobs``."""

    async def test_entry_is_read_as_it_was_written(self, workers: Workers) -> None:
        """An entry comes back with its jobs; a worker that has none is left out."""
        await workers.enter(entry("worker1", 1, "job1", "job2"))
        await workers.enter(entry("worker2", 7))

        found = await workers.entries(["worker2", "worker3", "worker1"])

        assert {one.instance: one for one in found} == {
            "worker1": entry("worker1", 1, "job1", "job2"),
            "worker2": entry("worker2", 7),
        }

    async def test_worker_can_say_that_it_lives_without_redis(self, workers: Workers) -> None:
        """An entry tells that its worker is apart, and the next one that it is not any more, at once."""
        for beat, apart in ((1, True), (2, False)):
            written = Entry(instance="worker1", beat=beat, apart=apart)
            await workers.enter(written)
            assert list(await workers.entries(["worker1"], strongly=True)) == [written]

    async def test_late_entry_changes_nothing(self, workers: Workers) -> None:
        """Of two writes of an entry the one with the higher beat stays, in whichever order they arrive."""
        await workers.enter(entry("worker1", 2, "new"))
        for beat in (1, 2):
            await workers.enter(entry("worker1", beat, "old"))

        assert [entry("worker1", 2, "new")] == list(await workers.entries(["worker1"]))

    @pytest.mark.parametrize("limit", [1, 3, 8, 20])
    async def test_places_before_one_come_nearest_first_and_once_round(self, workers: Workers, limit: int) -> None:
        """From each place, the others are found backwards around the ring, as many as are asked for, and not itself."""
        for name in NAMES:
            await workers.enter(entry(name))

        for number, name in enumerate(AROUND):
            behind = [AROUND[(number - step) % len(NAMES)] for step in range(1, len(NAMES))]
            places = await workers.before(position_of(name), limit)
            assert [place.instance for place in places] == behind[:limit]
            assert [place.position for place in places] == [position_of(other) for other in behind[:limit]]

    async def test_removed_entry_is_off_the_ring(self, workers: Workers) -> None:
        """A removed entry is neither found nor read, and removing it again does nothing."""
        for name in ("worker1", "worker2"):
            await workers.enter(entry(name))
        for _ in range(2):
            await workers.remove(entry("worker1"))

        assert [place.instance for place in await workers.before(position_of("worker1"), 5)] == ["worker2"]
        assert not await workers.entries(["worker1"])

    async def test_worker_that_has_written_meanwhile_stays_on_the_ring(self, workers: Workers) -> None:
        """An entry is only removed as it was seen."""
        await workers.enter(entry("worker1", 2))
        await workers.remove(entry("worker1", 1))

        assert [entry("worker1", 2)] == list(await workers.entries(["worker1"]))

    async def test_worker_that_was_removed_comes_back_with_its_next_entry(self, workers: Workers) -> None:
        """A removal by mistake lasts until the worker writes again."""
        await workers.enter(entry("worker1", 1))
        await workers.remove(entry("worker1", 1))
        await workers.enter(entry("worker1", 2))

        assert [place.instance for place in await workers.before(0, 5)] == ["worker1"]
        assert [entry("worker1", 2)] == list(await workers.entries(["worker1"]))

    async def test_entries_are_neither_jobs_nor_in_a_queue(self, workers: Workers, jobs: Jobs) -> None:
        """What lists the queue or the running jobs does not meet the ring."""
        await workers.enter(entry("worker1", 1, "job1"))

        assert not await jobs.claimable(NOON, 10)
        assert not await jobs.running()
        assert await jobs.oldest_due() is None
        assert await jobs.queued(10) == 0

    async def test_running_jobs_are_listed_and_looked_at(self, workers: Workers, jobs: Jobs) -> None:
        """The list has the keys of all running jobs; a look at some has those that exist, whatever their state."""
        held = await a_held_job(jobs)
        queued = await jobs.submit(a_job(job_id="job2"))

        assert list(await workers.running_keys()) == ["job1"]
        assert await workers.glance(["job1", "job2", "job3"]) == {"job1": held, "job2": queued}
        assert await workers.glance([]) == {}
