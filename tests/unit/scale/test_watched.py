import pytest

from benchmarks.scale.goals import LEASE
from benchmarks.scale.play import play
from benchmarks.scale.scenes import faults

MEASURED = 720.0  # virtual seconds, as `make scale` plays ten workers


@pytest.mark.long
@pytest.mark.parametrize("heard", [False, True], ids=["silence", "heard"])
@pytest.mark.parametrize("seed", range(1, 4))
def test_every_job_is_watched_within_a_lease_whatever_dies_and_when(seed: int, *, heard: bool) -> None:
    """Ten workers that die, an index that is behind or throttled: others look at each job within a lease."""
    result = play(faults(10, MEASURED, heard=heard), seed)

    assert result.unwatched.most <= LEASE
