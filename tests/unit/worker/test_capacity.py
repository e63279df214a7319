"""A worker whose container runs out of something."""

import pytest
from structlog.testing import capture_logs

from service.core.jobs.lease import State
from service.core.limits.capacity import Load
from tests.unit.worker.world import World, in_virtual_time

pytestmark = pytest.mark.requirement("6.15")


class Tank:
    """A `ports.Capacity` that is as full as a test says."""

    def __init__(self) -> None:
        self.now = Load()

    def load(self) -> Load:
        return self.now


@in_virtual_time
async def test_a_full_container_claims_nothing() -> None:
    """Without memory nothing is claimed, another container takes the job; it is said once, and once when it is over."""
    world, tank = World(), Tank()
    tank.now = Load(memory=0.97)
    with capture_logs() as said:
        full = world.start("full", capacity=tank)
        await world.submit(job_id="job1")
        await world.clock.sleep(30)
        assert (await world.job()).state is State.QUEUED
        assert full.worker.status().short_of == ("memory",)
        world.start("other")
        await world.until(lambda job: job.state is State.SUCCEEDED)
        assert (await world.job()).attempt == 1
        await world.settle()
    names = [event["event"] for event in said if event["event"].startswith("worker.claiming")]
    assert names == ["worker.claiming_paused"]


@in_virtual_time
async def test_container_with_room_again_claims_again() -> None:
    """When there is room again the worker claims without being told."""
    world, tank = World(), Tank()
    tank.now = Load(disk_free=0)
    with capture_logs() as said:
        world.start("one", capacity=tank)
        await world.submit(job_id="job1")
        await world.clock.sleep(5)
        tank.now = Load()
        await world.until(lambda job: job.state is State.SUCCEEDED, within=15)
        await world.settle()
    names = [event["event"] for event in said if event["event"].startswith("worker.claiming")]
    assert names == ["worker.claiming_paused", "worker.claiming_resumed"]


@in_virtual_time
async def test_a_full_container_takes_nothing_over() -> None:
    """A lapsed job is left to a container with room, and what this one converts already goes on."""
    world, tank = World(), Tank()
    victim = world.start("victim")
    await world.submit(job_id="job1")
    await world.until(lambda job: job.state is State.RUNNING)
    tank.now = Load(memory=1.0)
    world.start("full", capacity=tank)
    victim.kill()
    await world.clock.sleep(20)
    assert (await world.job()).owner == "victim"
    tank.now = Load()
    await world.until(lambda job: job.owner == "full", within=5)
    tank.now = Load(memory=1.0)
    await world.until(lambda job: job.state is State.SUCCEEDED)
    assert (await world.job()).attempt == 2
    await world.settle()


@in_virtual_time
async def test_pressure_on_the_cpu_stops_no_idle_worker() -> None:
    """However busy the machine is, a worker with nothing to do takes a job."""
    world, tank = World(), Tank()
    tank.now = Load(cpu=1.0)
    world.start("one", capacity=tank)
    await world.submit(job_id="job1")
    await world.until(lambda job: job.state is State.SUCCEEDED)
    await world.settle()
