"""Real workers on a real Redis: deaths are heard, and faults of Redis itself cost no job."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from redis.asyncio import Connection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from service.adapters.redis.connection import RedisLink
from service.adapters.redis.presence import RedisPresence
from service.adapters.redis.progress import RedisBoard
from service.adapters.system.ambient import SystemClock, SystemIds
from service.adapters.system.in_process import LocalWakeups
from service.core.jobs.lease import State
from service.core.jobs.presence import PresencePolicy
from service.core.jobs.trust import LeasePolicy
from service.telemetry import events, subscribe
from service.telemetry.events import Event
from service.testing.factories import a_job, an_output
from service.testing.memory_jobs import MemoryJobs
from service.testing.memory_objects import MemoryObjects
from service.testing.memory_workers import MemoryWorkers
from service.testing.virtual_time import Dice
from service.worker.context import WorkerConfig, WorkerPorts
from service.worker.loop import Worker
from service.worker.steps import Work
from tests.support.redis_server import RedisServer, redis_or_skip

ROOT = Path(__file__).parents[3]
LEASE = LeasePolicy().duration
PATIENCE = 100.0  # seconds
CLOCK = SystemClock()


@dataclass(slots=True)
class Fleet:
    """Workers of one process each with links of its own, over one store in memory. Their jobs end when told."""

    url: str
    stack: AsyncExitStack
    jobs: MemoryJobs = field(default_factory=MemoryJobs)
    workers: MemoryWorkers = field(init=False)
    finish: asyncio.Event = field(default_factory=asyncio.Event)
    presences: dict[str, RedisPresence] = field(default_factory=dict)
    links: dict[str, "BarredLink"] = field(default_factory=dict)
    taken: list[Mapping[str, Any]] = field(default_factory=list)  # from whom, and why
    regretted: int = 0  # of these, those that had a worker which lives
    spared: int = 0  # times that one was not taken for dead, because it had said that it lives

    def __post_init__(self) -> None:
        self.workers = MemoryWorkers(self.jobs)

    async def start(self, name: str, slots: int = 1) -> None:
        """Start a worker; its connections bear its name."""
        link = self.links[name] = BarredLink(f"{self.url}?client_name={name}", CLOCK, reset=0.1)
        presence = RedisPresence(link, CLOCK, name)
        wakeups, objects = LocalWakeups(CLOCK), MemoryObjects()
        ports = WorkerPorts(
            jobs=self.jobs,
            leases=self.jobs,
            workers=self.workers,
            objects=objects,
            board=RedisBoard(link),
            wakeups=wakeups,
            transcoder=cast("Any", Idle()),
            clock=CLOCK,
            ids=SystemIds(),
            presence=presence,
        )
        worker = Worker(ports, WorkerConfig(instance=name, idle_poll=0.1, slots=slots), plan=(self._work,))
        await presence.start()
        running = asyncio.create_task(worker.run(), name=name)
        self.presences[name] = presence

        async def end() -> None:
            worker.stop()
            await running
            await presence.aclose()
            await link.aclose()

        self.stack.push_async_callback(end)

    async def submit(self, count: int) -> None:
        """Submit so many jobs, and wait until they all run."""
        for n in range(count):
            await self.jobs.submit(a_job(job_id=f"job{n:02}", created_at=CLOCK.wall()))
        await until(lambda: all(job.state is State.RUNNING for job in self.jobs.jobs.values()))

    async def until_seen(self) -> None:
        """Wait until every worker sees every other one."""
        for presence in self.presences.values():
            while True:
                look = await presence.look(self.presences)
                if look is not None and look.present >= self.presences.keys():
                    break
                await CLOCK.sleep(0.01)

    async def _work(self, work: Work, _: object) -> None:
        await self.finish.wait()
        work.job = await self.jobs.succeed(work.heartbeat.holding, an_output(work.job), CLOCK.wall())

    def note(self, event: Event, fields: Mapping[str, object]) -> None:
        """Count takeovers, and jobs that went back to the queue instead."""
        if event in (events.JOB_TAKEN_OVER, events.JOB_REQUEUED):
            self.taken.append(fields)
        self.regretted += event is events.JOB_TAKEN_FROM_LIVING
        self.spared += event is events.WORKER_APART


class BarredLink(RedisLink):
    """A link over which no new connection can be made for a while."""

    barred_until = 0.0  # monotonic seconds

    def connection(self) -> Connection:
        """Make one, or fail as if there were no way to the server."""
        if CLOCK.monotonic() < self.barred_until:
            raise RedisConnectionError("no route to host")
        return super().connection()


class Idle:
    """A transcoder that has nothing to clean up."""

    async def wait_for_cleanup(self, _: object) -> None:
        return None


@asynccontextmanager
async def a_fleet(url: str) -> AsyncIterator[Fleet]:
    """Nothing yet; what is started ends with the block."""
    async with AsyncExitStack() as stack:
        fleet = Fleet(url, stack)
        stack.enter_context(subscribe(fleet.note))
        yield fleet


async def until(fact: Callable[[], object]) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(PATIENCE):
        while not fact():
            await CLOCK.sleep(0.01)


@pytest.mark.requirement("1.6", "6.7")
async def test_killed_process_is_replaced_below_the_lease(mortal_redis: RedisServer) -> None:
    """A stopped process keeps its job while its lease lasts; killed, it is replaced by another one at once."""
    command = [sys.executable, "-m", "tests.support.presence_holder", mortal_redis.url, "victim"]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        async with a_fleet(mortal_redis.url) as fleet:
            assert child.stdout is not None
            while await asyncio.to_thread(child.stdout.readline) != b"connected\n":
                assert child.poll() is None  # what it logs comes before
            await fleet.jobs.submit(a_job(created_at=CLOCK.wall()))
            held = await fleet.jobs.claim("job1", "victim", CLOCK.wall())
            await fleet.start("heir")
            deaths = fleet.presences["heir"]
            await until(lambda: deaths._epoch)

            os.kill(child.pid, signal.SIGSTOP)
            for _ in range(8):  # about its heartbeats: the lease lasts
                await CLOCK.sleep(0.25)
                held = await fleet.jobs.renew(held.holding, 1.0, None)
            assert fleet.taken == []

            child.kill()
            killed = CLOCK.monotonic()
            await until(lambda: fleet.jobs.jobs["job1"].attempt == 2)

            assert CLOCK.monotonic() - killed < LEASE / 2
            assert [one["cause"] for one in fleet.taken] == ["gone"]
    finally:
        child.kill()
        child.wait()
        if child.stdout is not None:
            child.stdout.close()


class Nemesis:
    """Faults of Redis; each returns the workers whose connection alone it has cut."""

    def __init__(self, server: RedisServer, fleet: Fleet, other: RedisServer) -> None:
        self.server, self.fleet, self.other = server, fleet, other
        self.admin = RedisLink(server.url, CLOCK, timeout=10.0)
        self.dice = Dice(20)
        self.faults: tuple[tuple[int, Callable[[], Awaitable[list[str]]]], ...] = (
            (60, self.cut_one), (14, self.cut_all), (8, self.flush), (6, self.client_pause), (4, self.freeze),
            (4, self.fail_over), (4, self.restart),
        )  # fmt: skip

    async def cut_one(self) -> list[str]:
        """CLIENT KILL of the connection that shows a worker."""
        found = await self.admin.client.client_list(_type="pubsub")
        if not found:
            return []
        one = self.dice.choice(found)
        await self.admin.client.client_kill_filter(_id=one["id"])
        return [one["name"]]

    async def cut_all(self) -> list[str]:
        """CLIENT KILL of all those."""
        await self.admin.client.client_kill_filter(_type="pubsub")
        return []

    async def flush(self) -> list[str]:
        """FLUSHALL."""
        await self.admin.client.flushall()
        return []

    async def client_pause(self) -> list[str]:
        """Let all clients wait for their answers."""
        await self.admin.client.client_pause(200)
        return []

    async def freeze(self) -> list[str]:
        """SIGSTOP, and SIGCONT after a moment that is longer than a time-out."""
        self.server.pause()
        await CLOCK.sleep(0.4)
        self.server.resume()
        return []

    async def fail_over(self) -> list[str]:
        """Make it the replica of another one, and a primary again."""
        await self.admin.client.replicaof("127.0.0.1", self.other.port)
        await CLOCK.sleep(0.1)
        await self.admin.client.replicaof("NO", "ONE")
        return []

    async def restart(self) -> list[str]:
        """Kill -9, and start again with nothing."""
        self.server.kill()
        await asyncio.to_thread(self.server.start)
        return []


@pytest.mark.requirement("6.7")
async def test_faults_of_redis_lose_no_job(mortal_redis: RedisServer) -> None:
    """Through a hundred faults of Redis twenty jobs run on: none is taken over but for its own cut connection."""
    other = RedisServer(redis_or_skip())
    other.start()
    try:
        async with a_fleet(mortal_redis.url) as fleet:
            for n in range(12):  # some have nothing to do but to take over
                await fleet.start(f"worker{n:02}", slots=3)
            await fleet.submit(20)
            await fleet.until_seen()
            nemesis, cut = Nemesis(mortal_redis, fleet, other), Counter[str]()
            plan = [fault for times, fault in nemesis.faults for _ in range(times)]
            nemesis.dice.shuffle(plan)
            plan.sort(key=lambda fault: fault == nemesis.cut_one)  # first those that all workers have in common
            for fault in plan:
                with suppress(RedisError):
                    cut.update(await fault())
                assert cut or fleet.taken == []
                if nemesis.dice.random() < 0.2:
                    await fleet.until_seen()
                else:
                    await CLOCK.sleep(0.05 * nemesis.dice.random())
            await fleet.until_seen()
            fleet.finish.set()
            await until(lambda: all(job.final for job in fleet.jobs.jobs.values()))
            await nemesis.admin.aclose()

        assert len(plan) == 100
        assert {job.state for job in fleet.jobs.jobs.values()} == {State.SUCCEEDED}
        needless = Counter(str(one["previous_owner"]) for one in fleet.taken)
        assert needless <= cut
        assert sum(job.attempt - 1 for job in fleet.jobs.jobs.values()) == needless.total() == fleet.regretted
        assert all(job.lease.lapses == 0 for job in fleet.jobs.jobs.values())
    finally:
        other.close()


@pytest.mark.requirement("6.7")
async def test_worker_that_stays_cut_off_keeps_all_its_jobs(mortal_redis: RedisServer) -> None:
    """A worker of several jobs whose connection is away for long says that it lives, and loses none."""
    async with a_fleet(mortal_redis.url) as fleet:
        admin = RedisLink(mortal_redis.url, CLOCK, timeout=10.0)
        for n in range(5):
            await fleet.start(f"worker{n}", slots=3)
        await fleet.submit(12)
        for name in ("worker1", "worker3"):
            await fleet.until_seen()
            fleet.links[name].barred_until = CLOCK.monotonic() + 4 * PresencePolicy().grace
            for one in await admin.client.client_list(_type="pubsub"):
                if one["name"] == name:
                    await admin.client.client_kill_filter(_id=one["id"])
            for connected in (False, True):
                while fleet.presences[name].connected != connected:
                    await fleet.presences[name].changed()
        fleet.finish.set()
        await until(lambda: all(job.final for job in fleet.jobs.jobs.values()))
        await admin.aclose()

    assert fleet.spared
    assert fleet.taken == []
    assert {job.attempt for job in fleet.jobs.jobs.values()} == {1}
