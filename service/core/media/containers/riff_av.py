"""AVI: a list of headers, one for each stream, and then the list `movi` with all of the sound and the pictures."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from service.core.media.codecs import RIFF_TAGS
from service.core.media.containers.layout import Ends, Layout, is_placeholder, within_budget
from service.core.media.tracks import MAX_TRACKS, Track

_MAIN_HEADER = 28  # bytes of it that are read


@dataclass(frozen=True, slots=True)
class _Part:
    kind: bytes  # of a list, what it holds
    at: int
    end: int


@within_budget("avi")
def avi(ends: Ends) -> Layout:
    """Any AVI; it is always converted from a file."""
    tracks, seconds = list[Track](), None
    for part in _walk(ends, 12, len(ends.head)):
        if part.kind == b"movi":
            size = part.end - part.at
            suspect = None if is_placeholder(size) else ends.missing(part.end, "its sound")
            return Layout("avi", None, seconds, suspect=suspect, tracks=tuple(tracks))
        if part.kind == b"hdrl":
            seconds = _seconds(ends.head[part.at : part.at + _MAIN_HEADER])
            tracks += _sounds(ends, part)
    return Layout("avi", None, seconds, tracks=tuple(tracks))


def _seconds(header: bytes) -> float | None:
    """How long the pictures last, from the first chunk of the headers; a sound without pictures has none."""
    if header[:4] != b"avih" or len(header) < _MAIN_HEADER:
        return None
    per_frame, frames = struct.unpack_from("<I12xI", header, 8)
    return per_frame * frames / 1_000_000 or None


def _sounds(ends: Ends, headers: _Part) -> Iterator[Track]:
    number = 0
    for stream in _walk(ends, headers.at, headers.end):
        if stream.kind != b"strl" or number >= MAX_TRACKS:
            continue
        sound = False
        for part in _walk(ends, stream.at, min(stream.end, headers.end)):
            if part.kind == b"strh":
                sound = ends.head[part.at : part.at + 4] == b"auds"
            elif part.kind == b"strf" and sound:
                number += 1
                raw = ends.head[part.at : part.at + 8].ljust(8, b"\0")
                tag, channels, rate = struct.unpack("<HHI", raw)
                yield Track(number=number, codec=RIFF_TAGS.get(tag), rate=rate, channels=channels or None)


def _walk(ends: Ends, at: int, end: int) -> Iterator[_Part]:
    """Yield the chunks between `at` and `end` whose header is seen. Raises `Spent`."""
    while at + 8 <= min(len(ends.head), end):
        ends.budget.step()
        kind, size = ends.head[at : at + 4], int.from_bytes(ends.head[at + 4 : at + 8], "little")
        inner = kind == b"LIST" and size >= 4
        yield _Part(ends.head[at + 8 : at + 12] if inner else kind, at + (12 if inner else 8), at + 8 + size)
        at += 8 + size + size % 2
