"""
Janitors: one in each container that works; and when all is over, and a day later, three at once, two of them with a
clock that is an hour wrong.

Whatever they remove, and whatever a deletion removes, is compared with the records as they are at that very moment.
What the records own is written down here in other words, so that a mistake in `service.core.orphans` is not repeated.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from chaos.history.records import Removal
from service.core.naming import RESULTS
from service.ports.time import Ids
from service.testing.clock import SeededIds
from service.testing.memory_jobs import MemoryJobs
from service.testing.memory_objects import MemoryObjects
from service.testing.virtual_time import VirtualClock
from service.worker.janitor import Janitor, JanitorConfig, JanitorPorts
from tests.simulation.wire import Weather, Wire
from tests.simulation.world import World

GRACE = 30.0  # seconds; the longest freeze, and the longest call, end before that
INTERVAL = 10.0
SLACK = 2 * 3600.0  # how wrong a clock may be, by the documentation
PAGE = 4  # objects, in some histories: so few that pages have to be turned
HOUR = 3600.0
DAY = 24 * HOUR  # how long uploads and jobs are kept
REMOVING = frozenset({"delete", "abort_parts"})


class WatchedWire(Wire):
    """The bucket as a container has it: what is removed there is looked at."""

    def __init__(self, world: World, weather: Weather, objects: MemoryObjects, jobs: MemoryJobs) -> None:
        super().__init__(world, weather, objects)
        self._jobs = jobs

    async def _effect(self, verb: str, args: tuple[Any, ...], work: Callable[[], Awaitable[Any]]) -> Any:
        if verb != "delete_prefix":
            return await super()._effect(verb, args, work)
        now = VirtualClock().wall()
        owners = {key: owner_of(self._jobs, key, None, now) for key in self._target.objects if key.startswith(args[0])}
        result = await super()._effect(verb, args, work)
        for key, owner in owners.items():
            if owner is not None and key not in self._target.objects:
                self._world.history.removals.append(Removal(at=self._world.moment(), key=key, owner=owner))
        return result


class JanitorWire(WatchedWire):
    """The bucket as a janitor has it."""

    async def _effect(self, verb: str, args: tuple[Any, ...], work: Callable[[], Awaitable[Any]]) -> Any:
        world, objects = self._world, self._target
        if verb in REMOVING and not world.over:
            key, transfer = (args[0][0], None) if verb == "delete" else args
            there = key in objects.objects if transfer is None else transfer in objects.unfinished
            if there:
                owner = owner_of(self._jobs, key, transfer, VirtualClock().wall())
                world.history.removals.append(Removal(at=world.moment(), key=key, owner=owner))
                world.hit("a janitor removed something")
        return await super()._effect(verb, args, work)

    def _blame(self, verb: str, args: tuple[Any, ...]) -> None:
        """It will come again."""


def a_janitor(
    world: World,
    jobs: Any,
    wire: JanitorWire,
    clock: VirtualClock,
    ids: Ids,
    on_duty: Callable[[], bool] = lambda: True,
) -> Janitor:
    """With pages so small that they have to be turned, in some histories."""
    page = PAGE if world.small_pages else 500
    config = JanitorConfig(interval=INTERVAL, grace=GRACE, page=page)
    ports = JanitorPorts(jobs=jobs, leases=jobs, uploads=jobs, objects=cast("Any", wire), clock=clock, ids=ids)
    return Janitor(ports, config, on_duty)


def owner_of(jobs: MemoryJobs, key: str, transfer: str | None, now: float) -> str | None:
    """What still needs an object (or an unfinished upload), if anything does. `now` by a right clock."""
    kind, name, *rest = key.split("/")
    if f"{kind}/" == RESULTS:
        job = jobs.jobs.get(name)
        if job is None or (job.final and job.expires_at <= now):
            return None
        if transfer is None and job.output is not None and job.output.key == key:
            return f"{name} names it"
        return f"{name} is making it" if job.owner is not None and int(rest[0]) == job.attempt else None
    pending, upload = jobs.pending.get(name), jobs.uploads.get(name)
    record = pending or upload
    if record is None or record.expires_at <= now:
        return None
    if transfer is not None and (pending is None or pending.transfer != transfer):
        return None
    return f"{name} is an upload"


def ownerless(jobs: MemoryJobs, objects: MemoryObjects, now: float) -> list[str]:
    """What lies in the bucket and no record needs."""
    there = [(key, None) for key in objects.objects] + [(key, transfer) for transfer, key in objects.unfinished.items()]
    return sorted(
        key if transfer is None else f"{key} (unfinished)"
        for key, transfer in there
        if owner_of(jobs, key, transfer, now) is None
    )


async def clean(world: World, jobs: MemoryJobs, objects: MemoryObjects) -> None:
    """Three janitors go round at once, until each has seen everything twice, a grace apart."""

    async def sweep(skew: float) -> None:
        clock, wire = VirtualClock(skew), JanitorWire(world, Weather(), objects, jobs)
        janitor = a_janitor(world, jobs, wire, clock, SeededIds())
        for _ in range(2):
            # So many rounds show every page, also after a last one that was full.
            there = len(objects.objects) + len(objects.unfinished)
            for _ in range(1 + there // PAGE if world.small_pages else 1):
                await janitor.round()
            await clock.sleep(GRACE)

    await asyncio.gather(*(sweep(skew) for skew in (0.0, HOUR, -HOUR)))


async def a_day_later(world: World, jobs: MemoryJobs, objects: MemoryObjects) -> None:
    """Half an hour before all expires, nothing goes; when the clocks of all agree that it has, everything does."""
    clock = VirtualClock()
    began = clock.monotonic()
    await clock.sleep(DAY - HOUR / 2 - began)
    await clean(world, jobs, objects)
    # The slack, the hour of the fastest clock that has written a record, and that of the slowest that reads it.
    await clock.sleep(DAY + SLACK + 2 * HOUR + 60 + began - clock.monotonic())
    if world.dice.random() < 0.5:
        world.note("RECORDS EXPIRED")
        jobs.jobs.clear()
        jobs.uploads.clear()
        jobs.pending.clear()
    await clean(world, jobs, objects)
    world.history.remains.extend(ownerless(jobs, objects, clock.wall()))
    world.hit("a day later")
