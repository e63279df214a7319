"""A worker behind a circuit: an open one must not cost it the lease."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from service.adapters.aws.circuit import CircuitBreaker
from service.core.errors import Unavailable
from service.core.jobs.lease import State
from tests.unit.worker.world import Troubled, World, in_virtual_time

RESET = 0.5  # seconds, as with the default lease of 6 s
OUTAGE = 2.0  # seconds; a heartbeat comes every 2 s, and the lease has 5 s of trust


@pytest.mark.requirement("6.11")
@pytest.mark.parametrize("begins", [2.0 + n * 0.23 for n in range(9)])
def test_a_short_outage_costs_nothing(begins: float) -> None:
    """Wherever between two heartbeats an outage opens the circuit, the lease is kept and the attempt goes on."""

    async def ride() -> None:
        world, opened = World(), set[str]()
        breaker = CircuitBreaker("dynamodb", world.clock.monotonic, failures=2, reset=RESET)
        start = world.clock.monotonic() + begins

        def refuse() -> None:
            raise Unavailable

        async def trouble(name: str, call: Callable[[], Awaitable[Any]]) -> Any:
            breaker.check()
            if start <= world.clock.monotonic() < start + OUTAGE:
                try:
                    breaker.guard(refuse)
                finally:
                    opened.add(breaker.state)
            breaker.guard(lambda: None)
            return await call()

        world.start("one", jobs=Troubled(world.jobs, trouble))
        await world.submit()
        await world.until(lambda job: job.state is State.RUNNING, within=10)
        world.start("two")  # it would take over
        await world.until(lambda job: job.state is State.SUCCEEDED)
        assert (await world.job()).attempt == 1
        assert "open" in opened
        await world.settle()

    in_virtual_time(ride)()
