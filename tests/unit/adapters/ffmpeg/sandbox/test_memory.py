import pytest

from service.adapters.ffmpeg.sandbox.memory import LEAST, MOST, memory_for_one

MIB = 1 << 20


@pytest.mark.parametrize(
    ("limit", "slots", "expected"),
    [
        (None, 1, MOST),
        (64 << 30, 4, MOST),
        (1024 * MIB, 1, 768 * MIB),
        (1024 * MIB, 2, 352 * MIB),
        (1024 * MIB, 8, LEAST),
        (256 * MIB, 1, LEAST),
    ],
)
def test_ffmpegs_share_what_the_service_leaves_of_the_container(limit: int | None, slots: int, expected: int) -> None:
    """All slots together fit into the container beside the service, as far as any file converts with that."""
    assert memory_for_one(limit, slots, 64 * MIB) == expected
