"""How far a job is: a wait for its end, and every change."""

import asyncio

import pytest

from service.application.progress import KEEPALIVE_INTERVAL, View, follow_job, view_job, wait_for_end
from service.core.errors import NotFound
from service.core.jobs.job import State
from service.testing.factories import changed
from tests.unit.application.world import JOB, ServiceWorld


async def followed(world: ServiceWorld, *, floor: float, seconds: float) -> list[View | None]:
    """All that is said in this time."""

    async def collect() -> list[View | None]:
        return [view async for view in follow_job(world.caller(), JOB, floor=floor, seconds=seconds)]

    task = asyncio.create_task(collect())
    while not task.done():
        await world.clock.advance(0.25)
    return task.result()


async def test_another_tenants_job_is_not_shown(world: ServiceWorld) -> None:
    """A job of another tenant does not exist, and nothing is noted about it."""
    world.running(percent=50.0)

    with pytest.raises(NotFound):
        await view_job(world.caller("stranger"), JOB)
    assert world.jobs.jobs[JOB].shown == 0.0


async def test_what_is_followed_never_falls_below_the_floor(world: ServiceWorld) -> None:
    """A follower that has seen 60 % is told 60 % while the reading is below it."""
    world.running(percent=50.0)

    said = await followed(world, floor=60.0, seconds=2.0)

    assert [view.percent for view in said if view is not None] == [60.0]


async def test_a_follower_is_told_that_nothing_has_changed(world: ServiceWorld) -> None:
    """Without news there is a None for each keep-alive interval, and no repeated view."""
    world.running(percent=50.0)

    said = await followed(world, floor=0.0, seconds=2.5 * KEEPALIVE_INTERVAL)

    assert [view is None for view in said] == [False, True, True]


async def test_following_ends_with_the_end_of_the_job(world: ServiceWorld) -> None:
    """The view of a job that has ended is the last one."""
    world.succeeded()

    said = await followed(world, floor=0.0, seconds=100.0)

    assert [(view.job.state, view.percent) for view in said if view is not None] == [(State.SUCCEEDED, 100.0)]


async def test_a_wait_ends_when_the_job_does_or_when_its_time_is_over(world: ServiceWorld) -> None:
    """The answer comes at once for a job that has ended, and otherwise after so many seconds."""
    job = world.running()
    began = world.clock.monotonic()
    task = asyncio.create_task(wait_for_end(world.caller(), JOB, 3.0))
    while not task.done():
        await world.clock.advance(0.5)
    assert not task.result().job.final
    assert world.clock.monotonic() - began == pytest.approx(3.0, abs=0.6)

    world.jobs.jobs[JOB] = changed(job, state=State.CANCELLED)
    assert (await wait_for_end(world.caller(), JOB, 3.0)).job.final


async def test_who_waits_is_answered_when_the_process_is_about_to_end(world: ServiceWorld) -> None:
    """A wait and a stream of events end at once on SIGTERM: the server would cut them off in the middle later."""
    world.running(percent=50.0)
    began = world.clock.monotonic()
    waiting = asyncio.create_task(wait_for_end(world.caller(), JOB, 60.0))
    following = asyncio.create_task(followed(world, floor=0.0, seconds=60.0))
    await world.clock.advance(1.0)
    world.stopping = True
    await world.clock.advance(1.0)

    assert waiting.done(), "it waits on"
    assert not (await waiting).job.final
    assert [view.percent for view in await following if view is not None] == [50.0]
    assert world.clock.monotonic() - began < 5.0
