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


def test_what_arrived_is_the_file() -> None:
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
def test_missing_parts_are_named(
    arrived: list[Part], claimed: list[tuple[int, str]] | None, missing: list[int]
) -> None:
    """A gap, or a part that is claimed and not there, is refused with the numbers to send."""
    with pytest.raises(UploadPending) as caught:
        assembled(arrived, claimed, None)

    assert caught.value.extra["missing"] == missing


def test_a_shorter_file_than_declared_is_not_complete() -> None:
    """The last part need not be the last one of the file: the declared size tells."""
    with pytest.raises(UploadPending):
        assembled(some(BIG, 1), None, BIG + 2)


@pytest.mark.parametrize(
    ("claimed", "declared"),
    [([(1, "other")], None), ([(1, "etag1"), (1, "etag1")], None), (None, BIG)],
    ids=["another etag", "twice", "more than declared"],
)
def test_what_does_not_fit_together_is_refused(claimed: list[tuple[int, str]] | None, declared: int | None) -> None:
    """A part that is not what the client sent, or more bytes than it declared, is no file of its."""
    with pytest.raises(InvalidRequest):
        assembled(some(BIG, 1), claimed, declared)


def test_small_parts_are_explained() -> None:
    """S3 joins no part below its minimum but the last: the refusal says which, instead of S3's."""
    with pytest.raises(InvalidRequest, match="part 1 has 5"):
        assembled(some(5, BIG), None, None)


@given(st.integers(0, 80 * 1024**4))
def test_suggested_parts_hold_the_file(size: int) -> None:
    """Parts of the suggested size are enough for the file, and not smaller than S3 allows."""
    part = suggested_part_size(size)

    assert part >= DEFAULT_PART_SIZE
    assert part % MIB == 0
    assert part * MAX_PARTS >= size


@pytest.mark.requirement("6.9")
@pytest.mark.parametrize("kind", ["image/png", "text/plain; charset=utf-8", "application/PDF", "audio/x-mpegurl"])
def test_what_is_no_audio_is_refused_early(kind: str) -> None:
    """A type that is certainly no audio is refused before anything is sent."""
    with pytest.raises(UnsupportedMedia):
        check_declared(10, kind, 100)


@pytest.mark.parametrize("kind", ["", "audio/wav", "video/mp4", "application/octet-stream", "application/ogg", "x"])
def test_what_may_be_audio_passes(kind: str) -> None:
    """Any other type is left to the bytes, and so is a size that is not known."""
    check_declared(100, kind, 100)
    check_declared(None, kind, 100)


def test_declared_size_is_checked() -> None:
    """What is too large is refused before anything is sent."""
    with pytest.raises(UploadTooLarge):
        check_declared(101, "", 100)
    with pytest.raises(InvalidRequest):
        check_declared(-1, "", 100)
