"""What an upload in parts may be made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.errors import InvalidRequest, UnsupportedMedia, UploadPending, UploadTooLarge
from service.core.upload import (
    DEFAULT_PART_SIZE,
    MAX_PARTS,
    MIB,
    MIN_PART_SIZE,
    Part,
    assembled,
    check_declared,
    suggested_part_size,
)

BIG = MIN_PART_SIZE


def some(*sizes: int) -> list[Part]:
    """Parts 1, 2, 3 … of these sizes."""
    return [Part(number, size, f"etag{number}") for number, size in enumerate(sizes, 1)]


def test_parts_that_arrived_make_up_the_upload() -> None:
    """Without a list of the client's own, all parts that arrived make up the file, in order."""
    assert assembled(list(reversed(some(BIG, BIG, 1))), None, None) == some(BIG, BIG, 1)


def test_client_may_leave_a_stray_part_out() -> None:
    """A part that arrived but is not named is no part of the file."""
    assert assembled(some(BIG, 2, 3), [(2, "etag2"), (1, "etag1")], None) == some(BIG, 2)


@pytest.mark.requirement("6.1")
@pytest.mark.parametrize(
    ("arrived", "claimed", "missing"),
    [
        ([], None, [1]),
        ([], [(1, "etag1")], [1]),
        ([Part(1, BIG, "a"), Part(3, 1, "b")], None, [2]),
        (some(BIG), [(1, "etag1"), (2, "etag2")], [2]),
        (some(BIG), [(10_000, "x")], [1, 10_000]),
    ],
)
def test_missing_parts_of_an_upload_are_named(
    arrived: list[Part], claimed: list[tuple[int, str]] | None, missing: list[int]
) -> None:
    """A gap, or a part that is claimed and not there, is refused with the numbers to send."""
    with pytest.raises(UploadPending) as caught:
        assembled(arrived, claimed, None)

    assert caught.value.extra["missing"] == missing


@pytest.mark.parametrize("claimed", [None, [(number, "etag1") for number in range(MAX_PARTS, 0, -1)]])
def test_a_long_list_of_missing_parts_is_cut(claimed: list[tuple[int, str]] | None) -> None:
    """However many parts are missing, the answer names the first hundred of them."""
    there = [Part(number, BIG, "etag1") for number in range(1, MAX_PARTS, 2)]

    with pytest.raises(UploadPending) as caught:
        assembled(there, claimed, None)

    assert caught.value.extra["missing"] == list(range(2, 202, 2))


def test_a_shorter_file_than_declared_is_not_complete() -> None:
    """The last part need not be the last one of the file: the declared size tells."""
    with pytest.raises(UploadPending):
        assembled(some(BIG, 1), None, BIG + 2)


@pytest.mark.parametrize(
    ("claimed", "declared"),
    [([(1, "other")], None), ([(1, "etag1"), (1, "etag1")], None), (None, BIG)],
    ids=["another etag", "twice", "more than declared"],
)
def test_parts_that_do_not_fit_together_are_refused(
    claimed: list[tuple[int, str]] | None, declared: int | None
) -> None:
    """A part that is not what the client sent, or more bytes than it declared, is no file of its."""
    with pytest.raises(InvalidRequest):
        assembled(some(BIG, 1), claimed, declared)


def test_part_below_the_minimum_size_is_refused() -> None:
    """S3 joins no part below its minimum but the last: the refusal says which, instead of S3's."""
    with pytest.raises(InvalidRequest, match="part 1 has 5"):
        assembled(some(5, BIG), None, None)


@given(st.integers(0, 80 * 1024**4))
def test_suggested_part_size_fits_any_file_into_10000_parts(size: int) -> None:
    """Parts of the suggested size are enough for the file, and not smaller than S3 allows."""
    part = suggested_part_size(size)

    assert part >= DEFAULT_PART_SIZE
    assert part % MIB == 0
    assert part * MAX_PARTS >= size


@pytest.mark.requirement("6.9")
@pytest.mark.parametrize("kind", ["image/png", "text/plain; charset=utf-8", "application/PDF", "audio/x-mpegurl"])
def test_upload_declared_as_no_audio_is_refused_before_its_bytes(kind: str) -> None:
    """A type that is certainly no audio is refused before anything is sent."""
    with pytest.raises(UnsupportedMedia):
        check_declared(10, kind, 100)


@pytest.mark.parametrize("kind", ["", "audio/wav", "video/mp4", "application/octet-stream", "application/ogg", "x"])
def test_upload_of_an_unknown_type_is_accepted_until_its_bytes_are_seen(kind: str) -> None:
    """Any other type is left to the bytes, and so is a size that is not known."""
    check_declared(100, kind, 100)
    check_declared(None, kind, 100)


def test_declared_size_is_checked() -> None:
    """What is too large is refused before anything is sent."""
    with pytest.raises(UploadTooLarge):
        check_declared(101, "", 100)
    with pytest.raises(InvalidRequest):
        check_declared(-1, "", 100)
