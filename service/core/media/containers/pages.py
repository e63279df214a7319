"""
Ogg: pages, each with the serial number of its stream and the time (granule) at which it ends.

A file may be several recordings one after the other (a chain). From a file, ffmpeg looks at the last page first; in
a chain that is another stream's.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from service.core.media.containers.budget import Budget
from service.core.media.containers.layout import Ends, Layout, within_budget

_FIRST_OF_STREAM = 0x02
_FIRST_PACKET = 64  # bytes: what is read of it, in any of its kinds


@dataclass(frozen=True, slots=True)
class _Page:
    first: bool
    granule: int
    serial: int
    body: bytes  # the beginning of it


@dataclass(frozen=True, slots=True)
class _Clock:
    rate: int  # granules per second
    before: int  # granules before the first sample that is to be heard


@within_budget("ogg")
def examine(ends: Ends) -> Layout:
    """Ogg with whatever in it; ffmpeg finds the audio."""
    name, rates, last = "ogg", dict[int, _Clock | None](), None
    for page in _walk(ends.budget, ends.head, 0):
        if not page.first:
            break
        rates[page.serial] = _rate(page.body)
        if page.body.startswith(b"OpusHead"):
            name = "opus"
    for page in _walk(ends.budget, ends.tail, max(ends.tail.find(b"OggS"), 0)):
        if page.serial not in rates:
            return Layout(name, "it is a chain of several streams")
        if (clock := rates[page.serial]) and page.granule > 0:
            last = max(page.granule - clock.before, 0) / clock.rate
    return Layout(name, None if last is not None else "its last page cannot be found", last)


def _rate(body: bytes) -> _Clock | None:
    """Read it from the first packet; None if this is no audio."""
    if body.startswith(b"OpusHead") and len(body) >= 12:
        return _Clock(48000, struct.unpack_from("<H", body, 10)[0])
    if body.startswith(b"\x01vorbis") and len(body) >= 16:
        rate = struct.unpack_from("<I", body, 12)[0]
    elif body.startswith(b"\x7fFLAC") and len(body) >= 30:
        rate = int.from_bytes(body[27:30], "big") >> 4
    elif body.startswith(b"Speex   ") and len(body) >= 40:
        rate = struct.unpack_from("<I", body, 36)[0]
    else:
        return None
    return _Clock(rate, 0) if rate else None


def _walk(budget: Budget, data: bytes, at: int) -> Iterator[_Page]:
    """Yield the pages from `at` on; after rubbish go on at the next one. Raises `Spent`."""
    while (at := data.find(b"OggS", at)) >= 0 and len(data) >= at + 27:
        budget.step()
        flags, granule, serial = struct.unpack_from("<5xBqI", data, at)
        lacing = data[at + 27 : at + 27 + data[at + 26]]
        begin, length = at + 27 + data[at + 26], sum(lacing)
        body = data[begin : begin + min(length, _FIRST_PACKET)]
        yield _Page(bool(flags & _FIRST_OF_STREAM), granule, serial, body)
        at = begin + length
