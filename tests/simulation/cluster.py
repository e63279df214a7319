"""The containers that run at present, and new ones in the place of those that have died."""

import asyncio
import itertools
from collections.abc import Coroutine
from typing import Any

from service.core.jobs.trust import LeasePolicy
from service.testing.memory_hints import MemoryBoard, MemoryChannel
from service.testing.memory_objects import MemoryObjects
from service.testing.virtual_time import Dice, VirtualClock
from tests.simulation.container import Backing, Container, Role
from tests.simulation.presence import Connections
from tests.simulation.store import LoggedJobs, LoggedWorkers
from tests.simulation.world import World

GRACE = 8.0  # seconds from SIGTERM to SIGKILL
CROWD = 1 << 32  # beside the seed: the dice that decide about it have no other use
# Seconds without faults in which every job has to end. Longer than in the chaos suite: two poisonous files that one
# worker holds excuse each other until each has ended `max_takeovers` of them, thirteen seconds apart at the most.
PATIENCE = 2 * LeasePolicy().max_takeovers * 15.0
SKEWS = (3600.0, -3600.0, 20.0, -20.0)


class Cluster:
    """Places for containers; a place whose container has ended gets a new one after a while."""

    def __init__(self, world: World) -> None:
        self.world, self.clock = world, VirtualClock()
        jobs = LoggedJobs(world)
        self.backing = Backing(
            jobs, MemoryObjects(), MemoryBoard(), MemoryChannel(), LoggedWorkers(world, jobs), Connections(world)
        )
        self.containers: list[Container] = []
        self.everyone: list[Container] = []  # also those that have ended
        self.quiet = False
        self.broke: BaseException | None = None  # an error of the simulation itself
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False
        self._generations = itertools.count()
        dice = world.dice
        workers, together = 1 + int(4 * dice.random()), dice.random() < 0.3
        if Dice(world.seed + CROWD).random() < 0.3:
            workers += 4  # so many that they do not all watch everything
        roles = [Role(worker=True, api=together and place < 2) for place in range(workers)]
        roles += [Role(worker=False, api=True)] * (2 - sum(role.api for role in roles))
        for place, role in enumerate(roles):
            self.background(self._keep(place, role))

    async def _keep(self, place: int, role: Role) -> None:
        """One place: a container after the other."""
        dice = self.world.dice
        while not self._closed:
            skew = SKEWS[int(4 * dice.random())] if dice.random() < 0.2 else 0.0
            if skew:
                self.world.hit("a wall clock was wrong")
            slots = 1 + (dice.random() < 0.3)
            name = f"{'w' if role.worker else 'a'}{place}.{next(self._generations)}"
            self.world.note("STARTED", container=name, skew=skew)
            container = Container(self.world, self.backing, name, Role(role.worker, role.api, slots, skew))
            if not self.quiet and dice.random() < 0.2:
                container.weather.redis = "away"  # it has never reached it
            self.containers.append(container)
            self.everyone.append(container)
            await self._outlive(container)
            self.containers.remove(container)
            await self.clock.sleep(0.2 + 3 * dice.random())

    async def _outlive(self, container: Container) -> None:
        grace = GRACE
        while container.alive and not self._closed:
            await self.clock.sleep(0.25)
            if container.stopping:
                grace -= 0.25
                if container.working is None or container.working.done():
                    container.end()
                elif grace <= 0:
                    container.kill()
            elif container.working is not None and container.working.done() and not self._closed:
                error = container.working.exception()
                self.world.history.surprises.append(f"the loop ended: {error!r}")
                container.kill()

    # ── for clients ──────────────────────────────────────────────────────────────────────────────────────────────

    def apis(self) -> list[Container]:
        """All that answer requests, or should."""
        return [one for one in self.containers if one.role.api and one.alive]

    def any_api(self) -> Container:
        """One of them; if there is none, one that is gone."""
        apis = self.apis() or [one for one in self.everyone if one.role.api]
        return apis[int(len(apis) * self.world.dice.random())]

    def patient(self) -> bool:
        """Whether a client still waits."""
        return not self.quiet or self.clock.monotonic() < self.world.history.quiet_from + PATIENCE

    def background(self, work: Coroutine[Any, Any, None]) -> None:
        """Run beside everything else, outside of all containers."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self.world.over:
            self.broke = error
            asyncio.get_running_loop().stop()

    def calm(self) -> None:
        """No more noise, traps or late answers of the index; each fault is healed by the nemesis that injected it."""
        self.quiet = True
        self.world.noise = self.world.slow_clean_up = self.world.deaf = 0.0
        self.world.traps.clear()
        self.backing.jobs.stale = 0.0
        for container in self.containers:
            container.weather.redis = "fine"  # also for those that were started without it
        self.world.history.quiet_from = self.clock.monotonic()

    def close(self) -> None:
        """No containers any more."""
        self._closed = True
        for container in self.everyone:
            container.process.halt()
