"""A container of the simulation: a process with the real worker in it, the real API's functions, or both."""

import asyncio
import math
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

from service.application.context import Caller, ServiceContext
from service.testing.clock import SeededIds
from service.testing.memory_hints import MemoryBoard, MemoryChannel, MemoryWakeups
from service.testing.memory_objects import MemoryObjects
from service.testing.sniffer import DirectSniffer
from service.testing.virtual_time import Process, VirtualClock
from service.worker.context import WorkerConfig, WorkerPorts
from service.worker.loop import Worker
from tests.simulation.ffmpeg import SimulatedTranscoder
from tests.simulation.janitors import JanitorWire, WatchedWire, a_janitor
from tests.simulation.presence import Connections, SimulatedPresence
from tests.simulation.store import LoggedJobs, LoggedWorkers
from tests.simulation.wire import HintWire, Weather, Wire
from tests.simulation.world import World


@dataclass(slots=True)
class Backing:
    """What all containers share."""

    jobs: LoggedJobs
    objects: MemoryObjects
    board: MemoryBoard
    channel: MemoryChannel
    workers: LoggedWorkers
    connections: Connections


@dataclass(frozen=True, slots=True)
class Role:
    """What runs in a container."""

    worker: bool
    api: bool
    slots: int = 1
    skew: float = 0.0  # of its wall clock, seconds


class Bell(MemoryWakeups):
    """Wake-ups of one container: heard by all that reach Redis, and always by itself."""

    def __init__(self, clock: VirtualClock, channel: MemoryChannel, weather: Weather) -> None:
        super().__init__(clock, channel)
        self._weather = weather

    async def announce(self, job_id: str | None = None) -> None:
        for end in self._channel.ends:
            if end is self:
                end.ring()
            elif isinstance(end, Bell) and "away" not in {self._weather.redis, end._weather.redis}:
                end.ring(job_id)


class Container:
    """Starts when it is made."""

    def __init__(self, world: World, backing: Backing, name: str, role: Role) -> None:
        self.world, self.name, self.role = world, name, role
        self.process, self.weather, self.connections = Process(name), Weather(), backing.connections
        self.alive, self.stopping = True, False
        self.born, self.died = world.moment(), math.inf
        self.thawed = -math.inf  # when it was, the last time
        clock, ids = VirtualClock(role.skew), SeededIds(zlib.crc32(f"{world.seed}/{name}".encode()))
        jobs = cast("Any", Wire(world, self.weather, backing.jobs))
        objects = cast("Any", WatchedWire(world, self.weather, backing.objects, backing.jobs))
        board = HintWire(world, self.weather, backing.board)
        wakeups = Bell(clock, backing.channel, self.weather)

        async def checks() -> dict[str, str]:
            return {}

        self.context = ServiceContext(
            jobs=jobs,
            uploads=jobs,
            objects=objects,
            sniffer=DirectSniffer(),
            board=board,
            wakeups=wakeups,
            clock=clock,
            ids=ids,
            checks=checks,
        )
        self.worker: Worker | None = None
        self.transcoder: SimulatedTranscoder | None = None
        self.working: asyncio.Task[Any] | None = None
        if role.worker:
            world.slots[name] = role.slots
            self.transcoder = transcoder = SimulatedTranscoder(world, backing.objects, objects, self.process, self.kill)
            presence = SimulatedPresence(world, self.connections, name, self.weather) if self.connections.used else None
            if presence is not None:
                self.start(presence.keep())
            ports = WorkerPorts(
                jobs=jobs,
                leases=jobs,
                workers=cast("Any", Wire(world, self.weather, backing.workers)),
                objects=objects,
                board=board,
                wakeups=wakeups,
                transcoder=cast("Any", transcoder),
                clock=clock,
                ids=ids,
                presence=presence,
            )
            self.worker = Worker(ports, WorkerConfig(instance=name, slots=role.slots))
            self.working = self.start(self.worker.run())
            wire = JanitorWire(world, self.weather, backing.objects, backing.jobs)
            self.start(a_janitor(world, jobs, wire, clock, ids, self.worker.on_duty).run())

    def start(self, work: Any) -> asyncio.Task[Any]:
        """Run something inside of this container."""
        return asyncio.get_running_loop().create_task(work, context=self.process.context.copy())

    def serve(self, tenant: str, handler: Callable[[Caller], Awaitable[Any]]) -> asyncio.Task[Any]:
        """A request of this tenant, answered by this container."""

        async def answer() -> Any:
            self.world.check()
            return await handler(Caller(self.context, tenant))

        return self.start(answer())

    # ── what can be done to it ───────────────────────────────────────────────────────────────────────────────────

    def kill(self) -> None:
        """SIGKILL."""
        if not self.alive:
            return
        self.alive, self.died = False, self.world.moment()
        self.process.halt()
        self._hang_up()
        self._asleep()
        self.world.history.disturbed.add(self.name)
        self.world.note("KILLED", container=self.name)
        if self.world.converting(self.process):
            self.world.hit("killed in the middle of a conversion")
        for one in self.world.history.conversions:
            if one.via == self.name:
                self.world.excuses[one.job_id, one.attempt] = "its container was killed"
                if one.ended is None:
                    one.ended = self.world.moment()  # the kernel ends what it has started
        # Also those that had nothing to convert, as when a job was cancelled: they sweep up after earlier ones.
        for attempt, name in self.world.attempts.items():
            if name == self.name:
                self.world.excuses[attempt] = "its container was killed"

    def freeze(self) -> None:
        """SIGSTOP."""
        if self.alive and not self.process.halted:
            self.world.note("FROZEN", container=self.name)
            if self.world.converting(self.process):
                self.world.hit("frozen in the middle of a conversion")
            self.world.history.disturbed.add(self.name)
            self.process.halt()
            self.world.frozen.add(self.name)
            self._asleep()

    def thaw(self) -> None:
        """SIGCONT."""
        if self.alive and self.process.halted:
            self.thawed = self.world.moment()
            self.world.frozen.discard(self.name)
            self.world.hamper(self.name)
            self.world.note("THAWED", container=self.name)
            self._asleep()
            self.process.resume()

    def stop(self) -> None:
        """SIGTERM."""
        if self.alive and self.worker is not None and not self.stopping:
            self.world.note("SIGTERM", container=self.name)
            if self.world.converting(self.process):
                self.world.hit("told to stop in the middle of a conversion")
            self.stopping = True
            self.worker.stop()

    def end(self) -> None:
        """It has ended by itself, and whatever it was still taking back from the object store with it."""
        self.alive, self.died = False, self.world.moment()
        self.process.halt()
        self._hang_up()
        for upload in self.transcoder.clearing if self.transcoder else ():
            job_id, attempt = upload.split("/")
            self.world.excuses[job_id, int(attempt)] = "its container had ended"

    def _hang_up(self) -> None:
        self.world.dead.add(self.name)
        self.connections.cut(self.name)  # the kernel closes it

    def _asleep(self) -> None:
        for one in self.world.history.conversions:
            if one.via == self.name:
                one.asleep = self.world.moment()
