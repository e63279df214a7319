"""What the collector of garbage looks at."""

import gc
from collections.abc import Iterator

import pytest

from service.adapters.system.garbage import keep_what_there_is


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """What is kept in a test is collected again after it."""
    yield
    gc.unfreeze()


def test_what_was_there_at_start_is_not_looked_at_again() -> None:
    """Everything made until then is left out of collections; what is made later is not."""
    before = [[]]  # type: list[list[object]]

    keep_what_there_is()
    later = [[]]  # type: list[list[object]]

    looked_at = gc.get_objects()
    assert not any(thing is before for thing in looked_at)
    assert any(thing is later for thing in looked_at)
