"""A world for workers: shared fakes, workers that can be frozen and thawed, and a client that watches."""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, cast

from service.core.jobs.job import Job
from service.core.jobs.progress import must_note, shown
from service.core.limits.capacity import UnlimitedCapacity
from service.core.naming import input_key
from service.ports.capacity import Capacity
from service.ports.objects import Stored
from service.testing.clock import SeededIds
from service.testing.factories import a_job
from service.testing.memory_hints import MemoryBoard, MemoryWakeups
from service.testing.memory_jobs import MemoryJobs
from service.testing.memory_objects import MemoryObjects
from service.testing.memory_presence import MemoryConnections, MemoryPresence
from service.testing.memory_workers import MemoryWorkers
from service.testing.transcoder import ScriptedTranscoder
from service.testing.virtual_time import VirtualClock, run
from service.worker.context import WorkerConfig, WorkerPorts
from service.worker.loop import Worker
from service.worker.steps import CONVERSION, Plan


def in_virtual_time(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test on a loop whose clock jumps."""

    @functools.wraps(test)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        run(test(*args, **kwargs))

    return wrapper


class Freezer:
    """While it is on, no call of the ports that it guards begins or returns: the process is stopped, or dead."""

    def __init__(self) -> None:
        self._going = asyncio.Event()
        self._going.set()

    def freeze(self) -> None:
        self._going.clear()

    def thaw(self) -> None:
        self._going.set()

    def guard(self, port: Any) -> Any:
        return _Guarded(port, self._going)


class _Guarded:
    def __init__(self, port: Any, going: asyncio.Event) -> None:
        self._port, self._going = port, going

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._port, name)
        if not inspect.iscoroutinefunction(attribute):
            return attribute

        async def call(*args: Any, **kwargs: Any) -> Any:
            await self._going.wait()
            result = await attribute(*args, **kwargs)
            await self._going.wait()
            return result

        return call


@dataclass(slots=True)
class Instance:
    """One process with a worker in it."""

    worker: Worker
    freezer: Freezer
    transcoder: ScriptedTranscoder
    task: asyncio.Task[None]
    hang_up: Callable[[], None]

    def kill(self) -> None:
        """SIGKILL, as the rest of the world sees it: nothing more comes from there, and its connections are closed."""
        self.freezer.freeze()
        self.hang_up()

    async def stop(self) -> None:
        """SIGTERM."""
        self.worker.stop()
        await self.task


@dataclass(slots=True)
class World:
    """Everything outside the workers, and the workers."""

    jobs: MemoryJobs = field(default_factory=MemoryJobs)
    objects: MemoryObjects = field(default_factory=MemoryObjects)
    workers: MemoryWorkers = field(init=False)
    board: MemoryBoard = field(default_factory=MemoryBoard)
    wakeups: MemoryWakeups = field(default_factory=lambda: MemoryWakeups(VirtualClock()))
    connections: MemoryConnections | None = None  # to Redis, if there is one that shows them
    clock: VirtualClock = field(default_factory=VirtualClock)
    instances: list[Instance] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.workers = MemoryWorkers(self.jobs)

    def start(
        self,
        name: str,
        *,
        seconds: float = 10.0,
        fails: list[Exception] | None = None,
        jobs: Any = None,
        skew: float = 0.0,
        objects: Any = None,
        capacity: Capacity | None = None,
        slots: int = 1,
        plan: Plan = CONVERSION,
    ) -> Instance:
        """Start a worker; `jobs` may stand between it and the store."""
        freezer = Freezer()
        clock = freezer.guard(VirtualClock(skew))
        transcoder = ScriptedTranscoder(freezer.guard(objects or self.objects), clock, seconds, fails or [])
        ports = WorkerPorts(
            jobs=freezer.guard(jobs or self.jobs),
            leases=freezer.guard(jobs or self.jobs),
            workers=freezer.guard(self.workers),
            objects=freezer.guard(objects or self.objects),
            board=freezer.guard(self.board),
            wakeups=freezer.guard(self.wakeups),
            transcoder=cast("Any", transcoder),
            clock=clock,
            ids=SeededIds(len(self.instances)),
            capacity=capacity or UnlimitedCapacity(),
            presence=freezer.guard(MemoryPresence(self.connections, name)) if self.connections else None,
        )
        if self.connections:
            self.connections.connect(name)
        worker = Worker(ports, WorkerConfig(instance=name, slots=slots), plan)
        task, connections = asyncio.create_task(worker.run(), name=name), self.connections or MemoryConnections()
        instance = Instance(worker, freezer, transcoder, task, lambda: connections.cut(name))
        self.instances.append(instance)
        return instance

    async def submit(self, **interesting: Any) -> Job:
        """Upload a file and submit a job for it."""
        stored = await self._upload(interesting.get("upload_id", "upload1"))
        job = a_job(input_etag=stored.etag, input_size=stored.size, created_at=self.clock.wall(), **interesting)
        await self.jobs.submit(job)
        await self.wakeups.announce()
        return job

    async def _upload(self, upload_id: str) -> Stored:
        async def chunks() -> Any:
            yield b"RIFF and so on"

        return await self.objects.receive(input_key(upload_id), chunks(), content_type="audio/wav", limit=1000)

    async def job(self, job_id: str = "job1") -> Job:
        """The record."""
        job = await self.jobs.get(job_id)
        assert job is not None
        return job

    async def answer(self, job_id: str = "job1") -> float:
        """What a client that asks now reads, as the API answers it."""
        job, hint = await self.job(job_id), await self.board.read(job_id)
        percent = shown(job, hint)
        if must_note(job, hint):
            await self.jobs.note_shown(job_id, percent)
        return percent

    async def until(self, fact: Callable[[Job], bool], *, within: float = 120, job_id: str = "job1") -> list[float]:
        """Poll like a client until `fact` is true of the record; returns all readings."""
        readings = []
        end = self.clock.monotonic() + within
        while True:
            readings.append(await self.answer(job_id))
            if fact(await self.job(job_id)):
                return readings
            assert self.clock.monotonic() < end, f"not within {within} s: {await self.job(job_id)}"
            await self.clock.sleep(0.05)

    async def settle(self) -> None:
        """Stop every worker that can still be stopped, and wait for it."""
        for instance in self.instances:
            instance.freezer.thaw()
            instance.worker.stop()
        await asyncio.gather(*(instance.task for instance in self.instances))


class Troubled:
    """A store in front of the real one: `trouble` may raise before or after each call."""

    def __init__(self, store: Any, trouble: Callable[[str, Callable[[], Awaitable[Any]]], Awaitable[Any]]) -> None:
        self._store, self._trouble = store, trouble

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await self._trouble(name, lambda: method(*args, **kwargs))

        return call
