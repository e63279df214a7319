"""MP4 and its relatives: `moov/udta/meta/ilst`, in which each tag is a box with a box `data` inside."""

import struct
from collections.abc import Iterator

from service.core.media.containers.layout import Ends
from service.core.media.labels.text import MAX_BYTES, Labels, clean

_TITLE, _ARTIST, _COVER = b"\xa9nam", b"\xa9ART", b"covr"
_FULL = 4  # bytes of version and flags with which `meta` begins


def read(ends: Ends) -> Labels:
    """Read the tags of an index that is seen. Raises `Spent`."""
    title = artist = None
    cover = False
    for kind, at, end in _tags(ends):
        value = _value(ends, at, end)
        if kind == _TITLE:
            title = title or value
        elif kind == _ARTIST:
            artist = artist or value
        cover = cover or kind == _COVER
    return Labels(title, artist, cover)


def _tags(ends: Ends) -> Iterator[tuple[bytes, int, int]]:
    for moov in _find(ends, b"moov", 0, ends.size):
        for udta in _find(ends, b"udta", *moov):
            for at, end in _find(ends, b"meta", *udta):
                for ilst in _find(ends, b"ilst", at + _FULL, end):
                    yield from _walk(ends, *ilst)
                    return  # of several, the first; the walk is not multiplied


def _value(ends: Ends, at: int, end: int) -> str | None:
    for begin, stop in _find(ends, b"data", at, end):
        return clean(ends.head[begin + 8 : min(stop, begin + 8 + MAX_BYTES)])
    return None


def _find(ends: Ends, wanted: bytes, at: int, end: int) -> Iterator[tuple[int, int]]:
    return ((begin, stop) for kind, begin, stop in _walk(ends, at, end) if kind == wanted)


def _walk(ends: Ends, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield each box between `at` and `end` whose header is seen: its kind, and where its contents begin and end."""
    while at + 8 <= min(len(ends.head), end):
        ends.budget.step()
        length, kind = struct.unpack_from(">I4s", ends.head, at)
        header = 8
        if length == 1:
            header, length = 16, int.from_bytes(ends.head[at + 8 : at + 16], "big")
        if length < header:
            return
        yield kind, at + header, min(at + length, end)
        at += length
