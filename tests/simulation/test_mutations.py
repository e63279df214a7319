"""Each guard, broken in turn: the simulation notices (the whole search: `python -m tests.simulation mutations`)."""

import pytest

from tests.simulation.mutations import MUTATIONS
from tests.simulation.run import simulate
from tests.simulation.table import DOCUMENT, read_table

FOUND = read_table(DOCUMENT)


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_guard_is_noticed(name: str) -> None:
    """With this guard broken, the seed in the documented table breaks a promise; with it, the same seed does not."""
    seed = FOUND[name] - 1
    with MUTATIONS[name].applied():
        assert simulate(seed).broken != []

    assert simulate(seed).broken == []


def test_every_guard_is_in_the_table() -> None:
    """The documentation names all guards, and each was found within ten thousand seeds."""
    assert FOUND.keys() == MUTATIONS.keys()
    assert max(FOUND.values()) <= 10_000
