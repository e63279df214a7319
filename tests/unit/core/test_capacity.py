import pytest

from service.core.limits.capacity import Load, Thresholds, UnlimitedCapacity, short_of

LIMITS = Thresholds(memory=0.9, disk_free=100, cpu=0.8)

CASES: list[tuple[Load, int, tuple[str, ...]]] = [
    (Load(memory=0.89, disk_free=100, cpu=0.79), 1, ()),
    (Load(memory=0.9), 0, ("memory",)),
    (Load(disk_free=99), 0, ("disk",)),
    (Load(cpu=0.8), 1, ("cpu",)),
    (Load(cpu=1.0), 0, ()),  # an idle worker takes a job however busy the machine is
    (Load(memory=1.0, disk_free=0, cpu=1.0), 2, ("memory", "disk", "cpu")),
    (Load(), 5, ()),  # what is not known stops nobody
]


@pytest.mark.requirement("6.15")
@pytest.mark.parametrize(("load", "active", "short"), CASES)
def test_container_near_a_limit_begins_no_conversion(load: Load, active: int, short: tuple[str, ...]) -> None:
    """Each reading beyond its limit is named; a missing one never counts, and the CPU not for an idle worker."""
    assert short_of(load, LIMITS, active) == short


def test_unlimited_capacity_lacks_nothing() -> None:
    """Where nothing is measured, nothing is short."""
    assert short_of(UnlimitedCapacity().load(), LIMITS, 5) == ()
