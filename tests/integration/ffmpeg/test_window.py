import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.adapters.ffmpeg.scratch import memory_file
from service.adapters.ffmpeg.window import Window, has_data, punch

PART = 64 * 1024
MARGIN = 8 * 1024


@pytest.fixture
def fd() -> Iterator[int]:
    """An anonymous file."""
    made = memory_file()
    assert made is not None
    yield made
    os.close(made)


def window(fd: int, *, sliding: bool = True) -> Window:
    """A window with small parts."""
    return Window(fd, part_size=PART, margin=MARGIN, sliding=sliding)


def take(w: Window, part: int) -> bytes:
    """What a part holds, as bytes."""
    return bytes(w.take(part, memoryview(bytearray(PART))))


def head(w: Window) -> bytes:
    """What the head holds, as bytes."""
    return bytes(w.head(memoryview(bytearray(PART))))


def pattern(length: int, start: int = 0) -> bytes:
    """Bytes that tell their offset."""
    return b"".join((start + n).to_bytes(8, "big") for n in range(0, length + 8, 8))[:length]


@pytest.mark.parametrize(
    ("size", "parts"),
    [
        (0, []),
        (PART, []),
        (2 * PART, []),
        (2 * PART + MARGIN - 1, []),
        (2 * PART + MARGIN, [1]),
        (3 * PART + MARGIN - 1, [1]),
        (4 * PART + MARGIN, [1, 2, 3]),
    ],
)
def test_a_part_is_finished_when_the_end_is_a_margin_behind_it(fd: int, size: int, parts: list[int]) -> None:
    """The head never leaves, and other parts leave only when the end of the file is far enough behind them."""
    assert window(fd).finished(size) == parts


def test_window_names_each_part_once(fd: int) -> None:
    """Between them, `finished` and `rest` name every part behind the head exactly once, the short last one included."""
    w = window(fd)
    named = [*w.finished(3 * PART + MARGIN), *w.finished(3 * PART + MARGIN), *w.finished(5 * PART)]
    assert [*named, *w.rest(5 * PART + 1), *w.rest(5 * PART + 1)] == [1, 2, 3, 4, 5]


def test_taking_a_part_from_the_window_frees_its_memory(fd: int) -> None:
    """After parts have left, the file holds only the others in memory, though its size is what it was."""
    os.write(fd, pattern(8 * PART))
    w = window(fd)
    for part in w.finished(w.size()):
        take(w, part)
    assert os.fstat(fd).st_size == 8 * PART
    assert os.fstat(fd).st_blocks * 512 == 2 * PART  # the head, and the last one, which is too close to the end


@given(
    writes=st.lists(st.integers(1, 100_000), min_size=1, max_size=12),
    patches=st.lists(st.tuples(st.integers(0, PART - 1), st.binary(min_size=1, max_size=20)), max_size=4),
)
def test_window_parts_together_are_the_file(writes: list[int], patches: list[tuple[int, bytes]]) -> None:
    """However the file is written forward and its head is patched at the end, head and parts give the same bytes."""
    fd = memory_file()
    assert fd is not None
    try:
        w, expected, shipped = window(fd), bytearray(), {}
        for length in writes:
            data = pattern(length, len(expected))
            os.pwrite(fd, data, len(expected))
            expected += data
            for part in w.finished(w.size()):
                shipped[part] = take(w, part)
        for offset, data in patches:
            kept = data[: max(0, min(PART, len(expected)) - offset)]
            os.pwrite(fd, kept, offset)
            expected[offset : offset + len(kept)] = kept
        assert w.violated() == []
        for part in w.rest(w.size()):
            shipped[part] = take(w, part)
        assert head(w) + b"".join(shipped[part] for part in sorted(shipped)) == bytes(expected)
    finally:
        os.close(fd)


@pytest.mark.parametrize("offset", [PART, 2 * PART - 1, 2 * PART + 5])
def test_one_byte_written_behind_the_window_is_found(fd: int, offset: int) -> None:
    """A muxer that goes back behind the window is caught, be it by a single byte, even if that byte is zero."""
    os.write(fd, pattern(5 * PART))
    w = window(fd)
    for part in w.finished(w.size()):
        take(w, part)
    os.pwrite(fd, b"\0", offset)
    assert w.violated() == [offset // PART]


def test_output_truncated_behind_the_window_is_found(fd: int) -> None:
    """A file that got shorter than what had left already is no file that can be put together."""
    os.write(fd, pattern(5 * PART))
    w = window(fd)
    for part in w.finished(w.size()):
        take(w, part)
    os.ftruncate(fd, 2 * PART)
    assert w.violated() == [2, 3]


def test_a_window_that_does_not_slide_keeps_everything(fd: int) -> None:
    """Without sliding nothing leaves before the end, nothing is punched, and nothing can be violated."""
    os.write(fd, pattern(5 * PART))
    w = window(fd, sliding=False)
    assert w.finished(w.size()) == []
    parts = w.rest(w.size())
    assert head(w) + b"".join(take(w, part) for part in parts) == pattern(5 * PART)
    assert os.fstat(fd).st_blocks * 512 == 5 * PART
    assert w.violated() == []


def test_punched_hole_has_no_data(fd: int) -> None:
    """`has_data` tells a punched range from one that is stored, also at the end of the file."""
    os.write(fd, pattern(4 * PART))
    punch(fd, 2 * PART, 2 * PART)
    assert has_data(fd, PART, PART)
    assert not has_data(fd, 2 * PART, PART)
    assert not has_data(fd, 3 * PART, PART)
