"""Core Audio: the chunk `info`, in which names and values follow each other, each with a zero behind it."""

import struct
from collections.abc import Iterator

from service.core.media.containers.layout import Ends
from service.core.media.labels.text import Labels, clean

_MOST = 64 * 1024  # bytes of the chunk that are looked at


def read(ends: Ends) -> Labels:
    """Read the chunk before or behind the sound, as far as the end is seen. Raises `Spent`."""
    title = artist = None
    for at, size in _infos(ends):
        for name, value in _pairs(ends, at, min(size, _MOST)):
            title = title or (clean(value) if name == b"title" else None)
            artist = artist or (clean(value) if name == b"artist" else None)
    return Labels(title, artist)


def _infos(ends: Ends) -> Iterator[tuple[int, int]]:
    at = 8
    while len(header := ends.window(at, 12)) == 12:
        ends.budget.step()
        kind, size = struct.unpack(">4sq", header)
        if kind == b"info":
            yield at + 12, max(size, 0)
        if size < 0:
            return  # a sound that goes on to the end
        at += 12 + size


def _pairs(ends: Ends, at: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    ends.budget.take(size)
    data = ends.window(at, size)
    count, place = int.from_bytes(data[:4], "big"), 4
    for _ in range(count):
        middle = data.find(b"\0", place)
        end = data.find(b"\0", middle + 1)
        if middle < 0 or end < 0:
            return
        ends.budget.step()
        yield data[place:middle].lower(), data[middle + 1 : end]
        place = end + 1
