"""Workers as processes of the simulation: they start, are told to stop, are killed, and are replaced after a while."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from benchmarks.scale.ports import Backing, CountedJobs
from benchmarks.scale.ring_ports import CountedWorkers
from benchmarks.scale.work import NothingLeft, waiting
from service.core import defaults
from service.testing.clock import SeededIds
from service.testing.memory_hints import MemoryBoard, MemoryChannel, MemoryWakeups
from service.testing.memory_presence import MemoryConnections, MemoryPresence
from service.testing.virtual_time import Process, VirtualClock
from service.worker.context import WorkerConfig, WorkerPorts
from service.worker.loop import Worker
from service.worker.queue_depth import INTERVAL, QueueDepth

REPLACED = 40.0  # seconds until ECS has started another task in the place of one that ended
SHOWN = 2.0  # seconds between two readings that go to Redis, which is not counted
STARTING = 2.0  # seconds within which workers that are started together begin


@dataclass(slots=True)
class Instance:
    """One worker process."""

    name: str
    process: Process
    worker: Worker
    ending: asyncio.Task[None] | None = None  # the worker's own; what else runs in the process goes on


@dataclass(slots=True)
class Fleet:
    """`seconds`: how long the conversion of each job takes, by its id."""

    backing: Backing
    seconds: Mapping[str, float]
    heard: bool = False  # whether the connections to a Redis tell of deaths
    connections: MemoryConnections = field(default_factory=MemoryConnections)
    board: MemoryBoard = field(default_factory=MemoryBoard)
    channel: MemoryChannel = field(default_factory=MemoryChannel)
    instances: dict[str, Instance] = field(default_factory=dict)
    _all: list[Instance] = field(default_factory=list)
    _background: set[asyncio.Task[Any]] = field(default_factory=set)
    _count: int = 0

    def start(self, workers: int) -> None:
        """Start so many within `STARTING` seconds."""
        for number in range(workers):
            self._later(STARTING * number / workers)

    # ── what can be done to a worker ─────────────────────────────────────────────────────────────────────────────

    def kill(self, name: str) -> None:
        """SIGKILL; another one comes."""
        instance = self.instances.pop(name)
        self.backing.watching.lost(name, self.backing.store.held_by(name), "killed")
        self._gone(instance)

    async def stop(self, name: str) -> None:
        """SIGTERM, as before a Spot task is taken away; another one comes."""
        instance = self.instances.pop(name)
        self.backing.watching.lost(name, self.backing.store.held_by(name), "stopped")
        instance.worker.stop()
        if instance.ending is not None:
            await asyncio.wait({instance.ending})
        self._gone(instance)

    def _gone(self, instance: Instance) -> None:
        instance.process.halt()
        self.connections.cut(instance.name)
        self.channel.ends = [end for end in self.channel.ends if getattr(end, "owner", "") != instance.name]
        self._later(REPLACED)

    # ── starting ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _later(self, seconds: float) -> None:
        async def start() -> None:
            await VirtualClock().sleep(seconds)
            self._start()

        self._keep(asyncio.create_task(start()))

    def _start(self) -> None:
        self._count += 1
        name = f"ip-10-0-{self._count // 250}-{self._count % 250}.ec2.internal-7-{self._count:06x}"
        process, clock, ids = Process(name), VirtualClock(), SeededIds(self._count)
        jobs, nothing = cast("Any", CountedJobs(self.backing, name)), cast("Any", NothingLeft())
        wakeups = OwnWakeups(clock, self.channel, name)
        ports = WorkerPorts(
            jobs=jobs,
            leases=jobs,
            workers=CountedWorkers(self.backing, name),
            objects=nothing,
            board=self.board,
            wakeups=wakeups,
            transcoder=nothing,
            clock=clock,
            ids=ids,
            presence=MemoryPresence(self.connections, name) if self.heard else None,
        )
        self.connections.connect(name)
        worker = Worker(ports, WorkerConfig(instance=name, show_interval=SHOWN), waiting(self.seconds))
        instance = Instance(name, process, worker)

        async def depth() -> None:
            await clock.sleep(INTERVAL * ids.draw())  # containers start at different moments of a minute
            await QueueDepth(jobs, clock, defaults.MAX_QUEUED, worker.on_duty).run()

        instance.ending = self._run(instance, worker.run())
        self._run(instance, depth())
        self.instances[name] = instance
        self._all.append(instance)
        self.backing.watching.came(name)

    def _run(self, instance: Instance, work: Any) -> asyncio.Task[None]:
        return self._keep(asyncio.get_running_loop().create_task(work, context=instance.process.context.copy()))

    def _keep(self, task: asyncio.Task[Any]) -> asyncio.Task[Any]:
        self._background.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error  # the loop's exception handler ends the scene

    async def close(self) -> None:
        """End everything, without any effect on the store that counts."""
        for instance in self._all:
            instance.process.resume()
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=1.0)


class OwnWakeups(MemoryWakeups):
    """The wake-ups of one worker, which are found by its name when it has gone."""

    def __init__(self, clock: VirtualClock, channel: MemoryChannel, owner: str) -> None:
        super().__init__(clock, channel)
        self.owner = owner
