"""Each guard, broken in turn: the simulation notices (the whole search: `python -m tests.simulation mutations`)."""

import pytest

from tests.simulation.mutations import MUTATIONS
from tests.simulation.run import simulate
from tests.simulation.table import DOCUMENT, first_seed_that_notices, read_table

pytestmark = pytest.mark.mutation

FOUND = read_table(DOCUMENT)
FURTHER = 300  # seeds to try from there: a change of the service shuffles all histories


@pytest.mark.parametrize("name", MUTATIONS)
def test_simulation_notices_each_broken_guard(name: str) -> None:
    """With this guard broken, a promise is, in the documented seed or soon after; with it, the same seed is good."""
    start = FOUND[name] - 1
    found = first_seed_that_notices(MUTATIONS[name], start + FURTHER, start)

    assert found is not None, "histories have changed: run `python -m tests.simulation mutations` and commit the table"
    assert simulate(found[0]).broken == []


def test_every_guard_is_in_the_table() -> None:
    """The documentation names all guards, and each was found within ten thousand seeds."""
    assert FOUND.keys() == MUTATIONS.keys()
    assert max(FOUND.values()) <= 10_000
