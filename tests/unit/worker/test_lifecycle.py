"""What an instance logs of its life: what it finds, how full it is, what a takeover costs, what it gives back."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from service.core.errors import Unavailable
from service.core.jobs.job import Job
from service.core.jobs.lease import State
from service.core.jobs.trust import Sighting
from service.core.limits.capacity import Load, Thresholds
from service.ports.time import Clock
from service.telemetry import emit, events
from service.testing.clock import SeededIds
from service.testing.factories import WAV, a_job
from service.testing.virtual_time import VirtualClock, run
from service.wiring.lifetime import Lifetime
from service.worker.fleet.first_look import look_around, was_here
from service.worker.fleet.takeover import log_takeover
from service.worker.janitor import Janitor, JanitorConfig, JanitorPorts
from service.worker.pressure import CALM, Pressure, nearly_out_of
from service.worker.queue_depth import QueueDepth
from tests.unit.worker.world import World, in_virtual_time

OURS = "host-7-aaaaaa"


@dataclass
class Hands(Clock):
    """A clock that a test sets."""

    now: float = 100.0

    def wall(self) -> float:
        """Return what is set."""
        return self.now

    def monotonic(self) -> float:
        """Return what is set."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Move on."""
        self.now += seconds


@dataclass
class Running:
    """A store that knows these running jobs, or is away."""

    jobs: Sequence[Job] = ()
    error: Exception | None = None

    async def running(self) -> Sequence[Job]:
        """Answer, or fail."""
        if self.error:
            raise self.error
        return self.jobs


@dataclass
class Gauge:
    """A `ports.Capacity` that a test sets."""

    now: Load = field(default_factory=Load)

    def load(self) -> Load:
        """Return what is set."""
        return self.now


def held(job_id: str, owner: str) -> Job:
    """A job that this instance is running."""
    return a_job(job_id=job_id, state=State.RUNNING, owner=owner, attempt=1)


def found(store: Running, *living: int) -> list[EventDict]:
    """What an instance logs of its first look, where these processes live."""
    with capture_logs() as lines:
        run(look_around(store, OURS, 15.0, lambda pid: pid in living))
    return lines


def test_start_names_the_instances_that_are_running_jobs() -> None:
    """Jobs of others are counted by instance; those of ours are none of theirs."""
    (line,) = found(Running([held("a", "other-1-x"), held("b", "other-1-x"), held("c", OURS)]))

    assert (line["event"], line["running"], line["owners"]) == ("service.found", 2, {"other-1-x": 2})


def test_start_after_a_crash_names_the_jobs_that_stand_still() -> None:
    """A process of this host that is gone was here before: its jobs are named, and when they go on."""
    store = Running([held("a", "host-7-bbbbbb"), held("b", "host-9-cccccc"), held("c", "other-3-dddddd")])
    _, *restarted = found(store, 9)

    assert [(it["previous"], it["jobs"], it["within"]) for it in restarted] == [("host-7-bbbbbb", ["a"], 15.0)]


@pytest.mark.parametrize("owner", ["", "host", "host-7", "host-x-bbbbbb", "other-7-bbbbbb"])
def test_what_is_no_name_of_our_host_was_not_here(owner: str) -> None:
    """Names of other releases or hosts are no restart of this container."""
    assert not was_here(owner, OURS, lambda _: False)


@pytest.mark.parametrize(
    ("error", "event"), [(Unavailable("gone"), "worker.trouble"), (ValueError("a mistake"), "service.unexpected")]
)
def test_first_look_that_fails_costs_itself_alone(error: Exception, event: str) -> None:
    """The start goes on, and the log says why nothing was found."""
    (line,) = found(Running(error=error))

    assert (line["event"], line["where"]) == (event, "first look")


def test_takeover_says_how_long_the_worker_was_silent_and_what_is_lost() -> None:
    """Seconds of silence, percent, seconds of sound and bytes of the input that are converted once more."""
    before = replace(held("a", "other-1-x"), percent=25.0, input_size=4000, source=replace(WAV, declared_seconds=60.0))
    with capture_logs() as lines:
        log_takeover(before.taken_over(OURS), before, Sighting(1, 5, since=88.0), 100.0, excused=False, cause="silence")

    (line,) = lines
    told = {name: line[name] for name in events.JOB_TAKEN_OVER.fields}
    assert told == {
        "job_id": "a", "attempt": 2, "previous_owner": "other-1-x", "excused": False, "cause": "silence",
        "silent": 12.0, "percent": 25.0, "lost_seconds": 15.0, "lost_bytes": 1000,
    }  # fmt: skip


def test_pressure_is_logged_when_it_begins_and_when_it_is_over() -> None:
    """One line with all readings and the jobs under way, one when it has been calm for a while, and none between."""
    gauge, clock, used = Gauge(), Hands(), [0.1]
    pressure = Pressure(gauge, Thresholds(memory=0.9), clock, lambda: 2, lambda: used[0])
    with capture_logs() as lines:
        pressure.look()
        gauge.now = Load(memory=0.95, cpu=0.5, disk_free=10**9)
        for _ in range(3):
            pressure.look()
        used[0] = 0.9
        pressure.look()
        gauge.now, used[0], clock.now = Load(memory=0.5, cpu=0.5, disk_free=10**9), 0.2, 130.0
        for _ in range(CALM + 3):
            pressure.look()

    high, higher, normal = lines
    assert (high["event"], high["short_of"], high["active"], high["memory"]) == (
        "resources.high", ("memory",), 2, 0.95,
    )  # fmt: skip
    assert (higher["short_of"], higher["descriptors"]) == (("memory", "descriptors"), 0.9)
    assert (normal["event"], normal["seconds"], normal["memory"]) == ("resources.normal", 30.0, 0.5)


def test_everything_that_runs_out_is_noticed_and_nothing_that_is_unknown() -> None:
    """Memory, CPU, disk and descriptors count, each at its threshold; a platform that tells nothing is not short."""
    limits = Thresholds(memory=0.8, disk_free=1000, cpu=0.9)
    assert nearly_out_of(Load(), None, limits) == ()
    assert nearly_out_of(Load(memory=0.79, cpu=0.89, disk_free=1000), 0.79, limits) == ()
    everything = ("memory", "cpu", "disk", "descriptors")
    assert nearly_out_of(Load(memory=0.8, cpu=0.9, disk_free=999), 0.8, limits) == everything


def test_stop_says_why_how_long_and_what_was_given_back() -> None:
    """The last line of an instance has the signal, its time of life, the time of the stop, and the jobs released."""
    clock = Hands()
    life = Lifetime(clock)
    with capture_logs() as lines, life.counting():
        clock.now = 160.0
        life.stopping("SIGTERM", 2)
        for reason in ("shutdown", "shutdown", "unavailable"):
            emit(events.JOB_RELEASED, reason=reason, delay=0.0)
        clock.now = 161.5
        life.ended()

    assert (lines[0]["event"], lines[0]["signal"], lines[0]["active"]) == ("service.stopping", "SIGTERM", 2)
    told = {name: lines[-1][name] for name in events.SERVICE_STOPPED.fields}
    assert told == {"reason": "SIGTERM", "uptime": 61.5, "seconds": 1.5, "released": 2}


@in_virtual_time
async def test_idle_hour_costs_a_line_a_minute() -> None:
    """A process that converts and has nothing to do logs the queue's depth once a minute, and nothing else."""
    world, clock = World(), VirtualClock()
    ports = JanitorPorts(
        jobs=world.jobs, leases=world.jobs, uploads=world.jobs, objects=world.objects, clock=clock, ids=SeededIds(1)
    )
    with capture_logs() as lines:
        worker = world.start("one")
        upkeep = (
            Janitor(ports, JanitorConfig()).run(),
            QueueDepth(world.jobs, clock, 250).run(),
            Pressure(Gauge(), Thresholds(), clock, lambda: 0, lambda: 0.1).run(),
        )
        tasks = [asyncio.create_task(one) for one in upkeep]
        await clock.sleep(3600 - 1)
        for task in tasks:
            task.cancel()
        await worker.stop()

    assert Counter(line["event"] for line in lines if line["log_level"] != "debug") == {"queue.depth": 60}
