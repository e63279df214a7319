"""Whose job a worker takes next."""

from collections.abc import Sequence
from itertools import pairwise

from service.core.jobs.queue import job_id_for, tag_in
from service.worker import loop
from tests.unit.worker.test_worker import final
from tests.unit.worker.world import Instance, World, in_virtual_time


async def started(world: World, instance: Instance, ids: Sequence[str]) -> list[str]:
    """The jobs in the order in which this worker has begun them, when all have ended."""
    for job_id in ids:
        await world.until(final, within=600, job_id=job_id)
    await world.settle()
    return [order.job_id for order in instance.transcoder.started]


@in_virtual_time
async def test_a_worker_with_one_slot_serves_tenants_in_turn() -> None:
    """Beside a flood of older jobs each job of another tenant is begun with every second slot that gets free."""
    world = World()
    flood = [job_id_for("amber", f"job{n}") for n in range(8)]
    late = [job_id_for("birch", f"job{n}") for n in range(2)]
    for job_id in (*flood, *late):
        await world.submit(job_id=job_id)
        await world.clock.sleep(0.01)

    order = await started(world, world.start("a", seconds=1.0), [*flood, *late])

    assert order[:4] == [flood[0], late[0], flood[1], late[1]]
    assert order[4:] == flood[2:]
    assert all(tag_in(one) != tag_in(other) for one, other in pairwise(order[:4]))


@in_virtual_time
async def test_the_memory_of_turns_is_bounded() -> None:
    """Jobs of an earlier release count as a tenant each; what is remembered of them does not grow without end."""
    world, limit = World(), loop.TURNS
    loop.TURNS = 2
    try:
        ids = [f"job{n}" for n in range(5)]
        for job_id in ids:
            await world.submit(job_id=job_id)
        instance = world.start("a", seconds=1.0)
        await started(world, instance, ids)
    finally:
        loop.TURNS = limit
    assert list(instance.worker._served) == ids[-2:]
