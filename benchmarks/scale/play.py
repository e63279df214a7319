"""Play one scene on a loop whose clock jumps, and measure it."""

import asyncio
import contextlib
import contextvars
import gc
import logging
import traceback
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import structlog

from benchmarks.scale.fleet import Fleet
from benchmarks.scale.meter import Meter
from benchmarks.scale.ports import Backing, CountedJobs
from benchmarks.scale.results import Result, result_of
from benchmarks.scale.scenes import Scene
from benchmarks.scale.store import ScaleJobs
from benchmarks.scale.watching import Watching
from benchmarks.scale.work import a_job
from service.core.errors import Throttled
from service.core.jobs.lease import State
from service.core.jobs.queue import QUEUED, RUNNING, SHARDS, all_shards
from service.telemetry import events, subscribe
from service.telemetry.events import Event
from service.testing.clock import SeededIds
from service.testing.memory_hints import MemoryWakeups
from service.testing.memory_workers import MemoryWorkers
from service.testing.virtual_time import Dice, ShuffledLoop, VirtualClock

LAG = 0.02  # seconds by which the index is behind when all is well
STALE, STALE_EVERY, STALE_FOR = 3.0, 60.0, 10.0  # seconds: how far, how often, how long
THROTTLED_EVERY, THROTTLED_FOR = 30.0, 5.0  # seconds
TICK = 1.0  # virtual seconds between two reports of how far it is
GARBAGE = 20  # virtual seconds between two collections

Progress = Callable[[float], None]
"""Called with the share of the scene that has been played."""


def play(scene: Scene, seed: int = 0, progress: Progress = lambda _: None) -> Result:
    """Play a scene to its end. The same seed gives the same result."""
    dice = Dice(f"{seed}/{scene.name}/{scene.workers}")
    loop = ShuffledLoop(dice)
    problems: list[str] = []
    loop.set_exception_handler(
        lambda _, context: problems.append(_told(context.get("exception") or context["message"]))
    )

    def on_event(event: Event, fields: Mapping[str, object]) -> None:
        if event is events.UNEXPECTED:
            problems.append(f"{fields.get('where')}: {fields.get('exc_info')!r}")

    with _no_log(), _garbage_in_between(), subscribe(on_event):
        try:
            result = contextvars.Context().run(loop.run_until_complete, Stage(scene, dice, progress).run())
        finally:
            loop.close()
    if problems:
        raise RuntimeError(f"{scene.name} with {scene.workers} workers: {problems[0]}")
    return result


def _told(problem: object) -> str:
    """Return what is known of an error that no task waited for: the first one of a group, with its traceback."""
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    return "".join(traceback.format_exception(problem)) if isinstance(problem, BaseException) else str(problem)


class Stage:
    """One scene under way."""

    def __init__(self, scene: Scene, dice: Dice, progress: Progress) -> None:
        self.scene, self.dice, self.progress = scene, dice, progress
        self.clock, self.ids = VirtualClock(), SeededIds(1)
        self.store = ScaleJobs(self.clock.monotonic)
        self.meter = Meter(self.clock.monotonic)
        self.watching = Watching(self.clock.monotonic, self.clock.wall)
        self.backing = Backing(self.store, self.meter, self.watching, dice, MemoryWorkers(self.store))
        self.seconds: dict[str, float] = {}
        self.fleet = Fleet(self.backing, self.seconds, scene.heard)
        self.api, self.wakeups = CountedJobs(self.backing, "api"), MemoryWakeups(self.clock)
        self.busy_seconds = 0.0

    async def run(self) -> Result:
        """Warm up, measure, and tell."""
        scene = self.scene
        await self._fill()
        self.store.lag = LAG
        self.fleet.start(scene.workers)
        others = [asyncio.create_task(self._arrive())] if scene.load else []
        if not scene.counted_from_start:
            await self._pass(scene.warm_up, 0.0)
        self.meter.begin()
        self.watching.begin()
        if any(scene.deaths):
            others += [
                asyncio.create_task(work) for work in (self._kill(), self._stop(), self._age(), self._throttle())
            ]
        measured = await self._pass(scene.measured, scene.warm_up)
        self.meter.end()
        self.watching.end((job for job in self.store.jobs.values() if job.state is State.QUEUED), self.store.held())
        result = result_of(scene, measured, self.busy_seconds, self.meter, self.watching)
        for task in others:
            task.cancel()
        for ended in await asyncio.gather(*others, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended
        await self.fleet.close()
        return result

    async def _pass(self, seconds: float, before: float) -> float:
        """Let time pass, until everything is done where nothing else comes; returns how much it was."""
        passed = 0.0
        whole = self.scene.measured + (0.0 if self.scene.counted_from_start else self.scene.warm_up)
        while passed < seconds:
            step = min(TICK, seconds - passed)
            await self.clock.sleep(step)
            passed += step
            if self.watching.counting:
                self.busy_seconds += step * len(self.store.held())
            self.progress(min(1.0, (before + passed) / whole))
            if int(passed) % GARBAGE == 0:
                gc.collect()
            if self.scene.counted_from_start and self.watching.succeeded >= self.scene.waiting:
                break
        return passed

    # ── jobs ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _fill(self) -> None:
        """Put the jobs into the queue that are there at the beginning, the oldest first."""
        scene, now = self.scene, self.clock.wall()
        for number in range(scene.waiting):
            age = scene.came_within * (scene.waiting - number) / scene.waiting
            job = a_job(self.ids, self._tenant(), round(now - age, 3))
            longest = scene.mean if number < scene.begun else 0.0
            self.seconds[job.job_id] = 1 + longest * self.dice.random() if longest else self._length()
            await self.store.submit(job)

    async def _arrive(self) -> None:
        """Let jobs come at random moments, as from many clients that know nothing of each other."""
        ends = self.fleet.channel
        bell = MemoryWakeups(self.clock, ends)
        while True:
            await self.clock.sleep(self.dice.expovariate(self.scene.arrivals))
            job = a_job(self.ids, self._tenant(), self.clock.wall())
            self.seconds[job.job_id] = self._length()
            with contextlib.suppress(Throttled):  # the client is told so, and this one gives up
                await self.api.submit(job)
                await bell.announce(job.job_id)

    def _length(self) -> float:
        shortest, longest = self.scene.conversion
        return shortest + (longest - shortest) * self.dice.random()

    def _tenant(self) -> str:
        return f"tenant-{int(self.scene.tenants * self.dice.random())}"

    # ── faults ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _kill(self) -> None:
        async for name in self._victims(self.scene.deaths[0]):
            self.fleet.kill(name)

    async def _stop(self) -> None:
        async for name in self._victims(self.scene.deaths[1]):
            await self.fleet.stop(name)

    async def _victims(self, count: int) -> AsyncIterator[str]:
        """Return workers that are chosen by chance, at moments that are so too; none so late that nothing follows."""
        begun = self.clock.monotonic()
        for moment in sorted(0.85 * self.scene.measured * self.dice.random() for _ in range(count)):
            await self.clock.sleep(begun + moment - self.clock.monotonic())
            if self.fleet.instances:
                yield self.dice.choice(list(self.fleet.instances))

    async def _age(self) -> None:
        """Let the index be behind for a while, again and again."""
        while True:
            await self.clock.sleep(STALE_EVERY - STALE_FOR)
            self.store.lag = STALE
            await self.clock.sleep(STALE_FOR)
            self.store.lag = LAG

    async def _throttle(self) -> None:
        """Let one shard of the index refuse everything for a while, again and again."""
        shards = [*all_shards(QUEUED, SHARDS), *all_shards(RUNNING, SHARDS)]
        while True:
            await self.clock.sleep(THROTTLED_EVERY)
            self.meter.close(self.dice.choice(shards), THROTTLED_FOR)


@contextlib.contextmanager
def _no_log() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


@contextlib.contextmanager
def _garbage_in_between() -> Iterator[None]:
    """Collect garbage when the scene says so: a destructor at any other moment is a task that no seed has chosen."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.collect()
