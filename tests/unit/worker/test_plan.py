"""An attempt follows the plan that it is given."""

from service.core.job import State
from service.ports.transcoder import Order
from service.worker.steps import CONVERSION, Step, Work
from tests.unit.worker.world import World, in_virtual_time


@in_virtual_time
async def test_each_step_is_given_what_the_step_before_it_returned() -> None:
    """The first step is given nothing, every other one the result of its predecessor."""
    passed: list[tuple[object, object]] = []

    def watched(step: Step) -> Step:
        async def run(work: Work, before: object) -> object:
            result = await step(work, before)
            passed.append((before, result))
            return result

        run.__name__ = "watched"
        return run

    world = World()
    world.start("a", plan=tuple(watched(step) for step in CONVERSION))
    await world.submit()
    await world.until(lambda job: job.final)
    await world.settle()

    assert [before for before, _ in passed] == [None, *(result for _, result in passed[:-1])]
    assert isinstance(passed[0][1], Order)
    assert (await world.job()).state is State.SUCCEEDED


@in_virtual_time
async def test_plan_with_one_more_step_runs_it_in_its_place() -> None:
    """A plan is data: another one, with a step between two others, needs no change of the attempt."""
    drafts: list[object] = []

    async def look(work: Work, draft: object) -> object:
        drafts.append(work.draft)
        return draft

    world = World()
    world.start("a", plan=(*CONVERSION[:2], look, *CONVERSION[2:]))
    await world.submit()
    await world.until(lambda job: job.final)
    await world.settle()

    assert len(drafts) == 1
    assert drafts[0] is not None
    assert (await world.job()).state is State.SUCCEEDED
