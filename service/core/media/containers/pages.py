"""
Ogg: pages, each with the serial number of its stream and the time (granule) at which it ends.

A file may be several recordings one after the other (a chain). From a file, ffmpeg looks at the last page first; in
a chain that is another stream's. Times need not begin at zero: a recording that was joined late goes on from where the
stream was. So only a page without its end says that something is missing.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from service.core.media.containers.budget import Budget
from service.core.media.containers.layout import Ends, Layout, within_budget
from service.core.media.tracks import Track

_FIRST_OF_STREAM = 0x02
_HEADER = 27  # bytes, without the table of lengths
_FIRST_PACKET = 64  # bytes: what is read of it, in any of its kinds
_LATE = 5  # seconds: a first page that ends later than this was not recorded from zero on


@dataclass(frozen=True, slots=True)
class _Page:
    first: bool
    granule: int
    serial: int
    body: bytes  # the beginning of it
    end: int
    whole: bool


@dataclass(frozen=True, slots=True)
class _Clock:
    codec: str
    channels: int
    rate: int  # granules per second
    before: int = 0  # granules before the first sample that is to be heard


@within_budget("ogg")
def examine(ends: Ends) -> Layout:
    """Ogg with whatever in it; ffmpeg finds the audio."""
    name, clocks, began, last, cut_off = "ogg", dict[int, _Clock | None](), dict[int, int](), None, None
    for page in _walk(ends.budget, ends.head, 0):
        if page.first and not began:
            clocks[page.serial] = _clock(page.body)
            if page.body.startswith(b"OpusHead"):
                name = "opus"
        elif page.granule > 0:
            began[page.serial] = page.granule
            break
    sounds = [clock for clock in clocks.values() if clock]
    tracks = tuple(_track(number, clock) for number, clock in enumerate(sounds, 1))
    chain = False
    for page in _walk(ends.budget, ends.tail, max(ends.tail.find(b"OggS"), 0)):
        chain = chain or page.serial not in clocks
        if not chain and (clock := clocks[page.serial]) and page.granule > 0:
            first = began.get(page.serial, 0)
            joined_late = first if first > _LATE * clock.rate else 0
            last = max(page.granule - max(clock.before, joined_late), 0) / clock.rate
        cut_off = None if page.whole else "its last page has no end"
    if 0 <= ends.tail.rfind(b"OggS") > len(ends.tail) - _HEADER:
        cut_off = "its last page has no end"
    reason = None if last is not None else "its last page cannot be found"
    if chain:
        reason, last = "it is a chain of several streams", None
    return Layout(name, reason, last, cut_off, tracks=tracks)


def _clock(body: bytes) -> _Clock | None:
    """Read it from the first packet; None if this is no audio."""
    if body.startswith(b"OpusHead") and len(body) >= 12:
        return _Clock("opus", body[9], 48000, struct.unpack_from("<H", body, 10)[0])
    if body.startswith(b"\x01vorbis") and len(body) >= 16:
        clock = _Clock("vorbis", body[11], struct.unpack_from("<I", body, 12)[0])
    elif body.startswith(b"\x7fFLAC") and len(body) >= 30:
        clock = _Clock("flac", (body[29] >> 1 & 7) + 1, int.from_bytes(body[27:30], "big") >> 4)
    elif body.startswith(b"Speex   ") and len(body) >= 52:
        clock = _Clock("speex", body[48], struct.unpack_from("<I", body, 36)[0])
    else:
        return None
    return clock if clock.rate else None


def _track(number: int, clock: _Clock) -> Track:
    return Track(number=number, codec=clock.codec, rate=clock.rate, channels=clock.channels)


def _walk(budget: Budget, data: bytes, at: int) -> Iterator[_Page]:
    """Yield the pages from `at` on; after rubbish go on at the next one. Raises `Spent`."""
    while (at := data.find(b"OggS", at)) >= 0 and len(data) >= at + _HEADER:
        budget.step()
        flags, granule, serial = struct.unpack_from("<5xBqI", data, at)
        lacing = data[at + 27 : at + 27 + data[at + 26]]
        begin, length = at + 27 + data[at + 26], sum(lacing)
        body = data[begin : begin + min(length, _FIRST_PACKET)]
        end = begin + length
        yield _Page(bool(flags & _FIRST_OF_STREAM), granule, serial, body, end, whole=end <= len(data))
        at = end
