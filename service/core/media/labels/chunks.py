"""WAV, AVI and AIFF: chunks for title and artist, before or behind the sound as far as the end is seen."""

from collections.abc import Iterator
from typing import Literal

from service.core.media.containers.layout import Ends
from service.core.media.labels.text import MAX_BYTES, Labels, guessed

Order = Literal["little", "big"]
_SPACE = 0x20  # the lowest byte in the name of a chunk


def riff(ends: Ends) -> Labels:
    """Read the list `INFO`. Raises `Spent`."""
    title = artist = None
    for kind, at, size in _walk(ends, 12, ends.size, "little"):
        if kind == b"LIST" and ends.window(at, 4) == b"INFO":
            for inner, begin, length in _walk(ends, at + 4, at + size, "little"):
                if inner == b"INAM":
                    title = title or _text(ends, begin, length)
                elif inner == b"IART":
                    artist = artist or _text(ends, begin, length)
    return Labels(title, artist)


def aiff(ends: Ends) -> Labels:
    """Read the chunks `NAME` and `AUTH`. Raises `Spent`."""
    title = artist = None
    for kind, at, size in _walk(ends, 12, ends.size, "big"):
        if kind == b"NAME":
            title = title or _text(ends, at, size)
        elif kind == b"AUTH":
            artist = artist or _text(ends, at, size)
    return Labels(title, artist)


def _text(ends: Ends, at: int, size: int) -> str | None:
    return guessed(ends.window(at, min(size, MAX_BYTES)))


def _walk(ends: Ends, at: int, end: int, order: Order) -> Iterator[tuple[bytes, int, int]]:
    while at + 8 <= end and len(header := ends.window(at, 8)) == 8:
        ends.budget.step()
        if min(header[:4]) < _SPACE:
            return  # no chunk: the sound of a file whose lengths were never filled in
        size = int.from_bytes(header[4:], order)
        yield header[:4], at + 8, size
        at += 8 + size + size % 2
