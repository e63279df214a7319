import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.application.downloads import Span
from service.core.errors import RangeUnsatisfiable
from service.web.jobs.ranges import content_range, parse_range

SIZE = 100


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", Span(0, 1)),
        ("bytes=0-99", Span(0, 100)),
        ("bytes=0-1000", Span(0, 100)),
        ("bytes=99-", Span(99, 100)),
        ("bytes=10-19", Span(10, 20)),
        ("bytes=-1", Span(99, 100)),
        ("bytes=-100", Span(0, 100)),
        ("bytes=-1000", Span(0, 100)),
        ("Bytes = 5-6 ", Span(5, 7)),
    ],
)
def test_a_range_is_cut_to_the_file_with_both_ends(header: str | None, span: Span) -> None:
    """A range of bytes is cut to the file and counted as RFC 9110 counts it: both ends belong to it."""
    assert parse_range(header, SIZE) == span


@pytest.mark.parametrize("header", [None, "lines=1-2", "bytes=0-1,5-6", "nonsense"])
def test_no_range_several_ranges_and_unknown_units_mean_the_whole_file(header: str | None) -> None:
    """No range, several ranges and unknown units mean the whole file."""
    assert parse_range(header, SIZE) is None


@pytest.mark.parametrize(
    "header",
    ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=5-4", "bytes=a-b", "bytes=-", "bytes=", "bytes=1", "bytes=+1-2"],
)
def test_a_range_outside_the_file_is_unsatisfiable(header: str | None) -> None:
    """What claims to be a range of bytes and is none, or lies outside, is refused, and the size is said."""
    with pytest.raises(RangeUnsatisfiable) as refused:
        parse_range(header, SIZE)
    assert refused.value.extra["size"] == SIZE


@given(st.integers(0, 200), st.integers(0, 200), st.integers(1, 150))
def test_a_span_holds_exactly_the_positions_between_its_ends(first: int, last: int, size: int) -> None:
    """Whatever the numbers: the span holds exactly the positions between both ends that the file has."""
    wanted = [at for at in range(size) if first <= at <= last]
    try:
        span = parse_range(f"bytes={first}-{last}", size)
    except RangeUnsatisfiable:
        assert not wanted
    else:
        assert span is not None
        assert list(range(span.start, span.stop)) == wanted
        assert span.length == len(wanted)


@given(st.integers(0, 200), st.integers(1, 150))
def test_suffix_and_prefix(count: int, size: int) -> None:
    """The last so many and all from somewhere on meet in the same bytes."""
    wanted = list(range(size))[-count:] if count else []
    try:
        span = parse_range(f"bytes=-{count}", size)
    except RangeUnsatisfiable:
        assert not wanted
    else:
        assert span is not None
        assert list(range(span.start, span.stop)) == wanted
        assert parse_range(f"bytes={span.start}-", size) == span


@given(st.text(max_size=40), st.integers(0, 10**12))
def test_no_range_header_makes_the_parser_fail(text: str, size: int) -> None:
    """No header makes the parser fall over, and no span leaves the file."""
    try:
        span = parse_range("bytes=" + text, size)
    except RangeUnsatisfiable:
        return
    assert span is None or 0 <= span.start < span.stop <= size


@given(st.integers(0, 50), st.integers(1, 50))
def test_content_range(start: int, length: int) -> None:
    """Content-Range names the first and the last byte, and the size."""
    match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", content_range(Span(start, start + length), 100))
    assert match is not None
    assert [int(number) for number in match.groups()] == [start, start + length - 1, 100]
