"""The loop of the simulation: a seed decides the order, and processes stop and go as under a kernel."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from service.testing.virtual_time import Dice, Process, ShuffledLoop, VirtualClock


def shuffled(seed: int, main: Coroutine[Any, Any, Any]) -> Any:
    """The result of `main` on a loop with these dice."""
    loop = ShuffledLoop(Dice(seed))
    try:
        return loop.run_until_complete(main)
    finally:
        loop.close()


async def order_of_eight() -> list[int]:
    """In which order eight tasks get their turn that are ready at the same time."""
    order: list[int] = []

    async def take(number: int) -> None:
        order.append(number)

    await asyncio.gather(*(take(number) for number in range(8)))
    return order


def test_seed_decides_which_task_runs_first() -> None:
    """The same seed gives the same order, other seeds give others, and nobody is left out."""
    orders = [tuple(shuffled(seed, order_of_eight())) for seed in range(5)]

    assert orders == [tuple(shuffled(seed, order_of_eight())) for seed in range(5)]
    assert len(set(orders)) > 1
    assert {tuple(sorted(order)) for order in orders} == {tuple(range(8))}


async def ticks(seconds: list[float]) -> None:
    """Note the time once a second."""
    clock = VirtualClock()
    while True:
        seconds.append(clock.monotonic())
        await clock.sleep(1)


async def a_process(*, frozen_for: float) -> list[float]:
    """When a process ticked that was stopped at 2.5 s."""
    clock, process, seen = VirtualClock(), Process("p"), list[float]()
    task = asyncio.get_running_loop().create_task(ticks(seen), context=process.context)
    await clock.sleep(2.5)
    process.halt()
    await clock.sleep(frozen_for)
    during = len(seen)
    process.resume()
    await clock.sleep(2)
    task.cancel()
    assert during == 3
    return seen


def test_a_halted_process_does_nothing_until_it_is_resumed() -> None:
    """Nothing of it runs, tasks that it has started included; what became due meanwhile comes at once afterwards."""
    assert shuffled(0, a_process(frozen_for=10)) == [0, 1, 2, 12.5, 13.5]


def test_what_a_process_starts_belongs_to_it() -> None:
    """A task that was started by a process stops with it, and those of others go on."""

    async def main() -> tuple[int, int]:
        clock, process = VirtualClock(), Process("p")
        inside: list[float] = []
        outside: list[float] = []

        async def parent() -> None:
            await asyncio.gather(ticks(inside), ticks(inside))

        asyncio.get_running_loop().create_task(parent(), context=process.context)
        task = asyncio.create_task(ticks(outside))
        await clock.sleep(1.5)
        process.halt()
        await clock.sleep(10)
        found = len(inside), len(outside)
        process.resume()
        for one in asyncio.all_tasks() - {asyncio.current_task(), task}:
            one.cancel()
        task.cancel()
        await clock.sleep(0.1)
        return found

    assert shuffled(0, main()) == (4, 12)
