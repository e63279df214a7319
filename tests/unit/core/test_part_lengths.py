"""Which parts of an upload are signed, and for how many bytes each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.errors import InvalidRequest, NotFound
from service.core.upload import (
    MAX_PARTS,
    MAX_SINGLE_PUT_SIZE,
    MIB,
    MIN_PART_SIZE,
    check_part_number,
    check_part_size,
    largest_part,
    part_length,
)
from service.testing.factories import a_pending_upload


@given(size=st.integers(1, 10_000 * MIN_PART_SIZE), part_size=st.integers(MIN_PART_SIZE, MAX_SINGLE_PUT_SIZE))
def test_parts_of_a_told_size_add_up_to_the_file(size: int, part_size: int) -> None:
    """With the sizes of file and parts each number has one length, and all of them together are the file."""
    pending = a_pending_upload(declared_size=size, part_size=part_size)
    last = pending.parts_needed
    lengths = [part_length(pending, number, None) for number in {1, (last + 1) // 2, last}]
    assert all(length is not None and length > 0 for length in lengths)
    rest = size - (last - 1) * part_size
    assert part_length(pending, last, rest) == rest
    if last > 1:
        assert part_length(pending, 1, None) == part_size
    with pytest.raises(NotFound):
        part_length(pending, last + 1, None)


def test_a_file_that_fits_into_one_part_has_one_length() -> None:
    """1,000 declared bytes are one part of 1,000 bytes, whatever is asked for."""
    pending = a_pending_upload(declared_size=1000)
    assert part_length(pending, 1, None) == part_length(pending, 1, 1000) == 1000
    for told in (999, 1001, 20_000_000, -1):
        with pytest.raises(InvalidRequest):
            part_length(pending, 1, told)
    for number in (0, 2, 9999, MAX_PARTS):
        with pytest.raises(NotFound):
            part_length(pending, number, None)


def test_without_the_size_of_parts_a_part_has_what_those_before_it_leave() -> None:
    """Each part before it has 5 MiB at least, so the lengths that can be signed are bounded by the declared size."""
    pending = a_pending_upload(declared_size=2 * MIN_PART_SIZE + 1)
    assert pending.parts_needed == 3
    assert [largest_part(pending, number) for number in (1, 2, 3)] == [2 * MIN_PART_SIZE + 1, MIN_PART_SIZE + 1, 1]
    assert part_length(pending, 2, MIN_PART_SIZE) == MIN_PART_SIZE
    assert part_length(pending, 2, None) is None
    with pytest.raises(InvalidRequest):
        part_length(pending, 2, MIN_PART_SIZE + 2)


def test_without_a_declared_size_any_number_that_s3_takes_is_signed() -> None:
    """Uppy tells no size when it begins; a length that is told for one part is signed."""
    pending = a_pending_upload(declared_size=None)
    check_part_number(pending, MAX_PARTS)
    assert part_length(pending, MAX_PARTS, None) is None
    assert part_length(pending, 7, 1234) == 1234


@pytest.mark.parametrize(
    ("size", "part_size"),
    [
        (None, 8 * MIB),
        (100 * MIB, MIN_PART_SIZE - 1),
        (10_001 * MIN_PART_SIZE, MIN_PART_SIZE),
        (MIB, MAX_SINGLE_PUT_SIZE + 1),
    ],
)
def test_a_size_of_parts_that_cannot_be_is_refused(size: int | None, part_size: int) -> None:
    """Parts that S3 would refuse, or that make more than 10,000, are refused when the upload is begun."""
    with pytest.raises(InvalidRequest, match="part_size"):
        check_part_size(size, part_size)
    check_part_size(100 * MIB, 8 * MIB)
    check_part_size(size, None)
