"""
MP4, M4A, MOV, 3GP: boxes in boxes. `moov` tells where everything is, `mdat` is the sound.

From a pipe, ffmpeg needs moov before mdat, reads the samples in the order of their place, and stops looking for
boxes at mdat. Chapters kept as a text track lie among the samples and are fetched by jumping.
"""

import operator
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from service.core.media.codecs import FOURCCS, RIFF_TAGS
from service.core.media.containers.budget import Budget, Overrun, Spent
from service.core.media.containers.layout import BROKEN, TOO_LARGE, Ends, Layout
from service.core.media.tracks import MAX_TRACKS, Track

BEHIND = "its index (moov) lies behind the sound"
_FIXED = 44  # bytes: the fields that are read, of any box
_NESTED = (b"mdia", b"minf", b"stbl", b"tref")
_FILLING = (b"free", b"skip", b"wide", b"mfra", b"mfro")
_PICTURES = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1", b"avif", b"avis")
TOP_LEVEL = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp", b"moof")


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    at: int  # of its contents
    end: int  # where the next one begins; never beyond the parent, whatever the header says
    whole: bool  # the parent has room for all of it


@dataclass(slots=True)
class _Entry:
    """What the boxes of one track tell. A track is on by default; `length` is in the movie's units."""

    sound: bool = False
    enabled: bool = True
    length: int = 0
    samples: int = 0
    reason: str | None = None
    codec: str | None = None
    rate: int | None = None
    channels: int | None = None
    language: str | None = None

    def track(self, number: int) -> Track:
        """Describe it to a client."""
        return Track(
            number=number,
            codec=self.codec,
            language=self.language,
            rate=self.rate,
            channels=self.channels,
            default=self.enabled,
        )


def is_picture(head: bytes) -> bool:
    """HEIF and AVIF use the same boxes."""
    return head[4:8] == b"ftyp" and head[8:12] in _PICTURES


def examine(ends: Ends) -> Layout:
    """Any file of the family."""
    name = _name(ends.head)
    try:
        return _look(name, ends)
    except Spent:
        return Layout(name, TOO_LARGE)
    except Overrun:
        return Layout(name, BROKEN)


def _look(name: str, ends: Ends) -> Layout:
    moov = None
    for box in _walk(ends.budget, ends.head, 0, ends.size):
        if box.kind == b"moov":
            moov = box
            if not moov.whole or moov.end > len(ends.head):
                return Layout(name, "its index (moov) is too large to look through")
        elif box.kind in (b"mdat", b"moof"):
            return _with_index(name, ends, moov, box) if moov else Layout(name, BEHIND)
    return Layout(name, BEHIND)


def _with_index(name: str, ends: Ends, moov: _Box, first: _Box) -> Layout:
    scale, fragmented, seconds, samples = 0, first.kind == b"moof", None, 0
    reason: str | None = None
    tracks: list[Track] = []
    for box in _inside(ends, moov):
        if box.kind == b"mvhd":
            scale = _movie_scale(_start(ends.head, box))
        elif box.kind == b"mvex":
            fragmented = True
        elif box.kind == b"trak":
            entry = _look_into(ends, box)
            samples += entry.samples
            reason = reason or entry.reason
            if not entry.sound:
                continue
            if not tracks and scale:
                seconds = entry.length / scale if entry.length else None
            if len(tracks) < MAX_TRACKS:
                tracks.append(entry.track(len(tracks) + 1))
    if fragmented:
        # What follows are more fragments, and lengths are not known in front. From a file ffmpeg reads the samples
        # of the index and then the fragments; on a pipe it mixes them.
        reason, seconds = reason or ("it has samples in its index and fragments behind" if samples else None), None
    elif reason is None and not _only_filling(ends, first.end):
        reason = "there are boxes behind the sound"
    return Layout(name, reason, seconds, tracks=tuple(tracks))


def _look_into(ends: Ends, trak: _Box) -> _Entry:
    entry = _Entry()
    for box in _descend(ends, trak):
        if box.kind == b"tkhd":
            fields = _start(ends.head, box)
            entry.length, entry.enabled = _track_length(fields), bool(fields[3:4] and fields[3] & 1)
        elif box.kind == b"hdlr":
            entry.sound = entry.sound or _start(ends.head, box)[8:12] == b"soun"
        elif box.kind == b"mdhd":
            entry.language = _language(_start(ends.head, box))
        elif box.kind == b"stsd":
            entry.codec, entry.rate, entry.channels = _sample_entry(_start(ends.head, box))
        elif box.kind in (b"stsz", b"stz2"):
            entry.samples = int.from_bytes(_start(ends.head, box)[8:12], "big")
        elif box.kind == b"chap":
            entry.reason = "its chapters are a track of their own"
        elif box.kind in (b"stco", b"co64") and not _ascending(ends.take(box.at, box.end), box.kind):
            entry.reason = "its samples are not in the order of time"
    return entry


def _language(mdhd: bytes) -> str | None:
    """Three letters of five bits each; QuickTime has numbers of its own there."""
    packed = int.from_bytes(mdhd[32:34] if mdhd[:1] == b"\1" else mdhd[20:22], "big")
    code = "".join(chr(0x60 + (packed >> shift & 31)) for shift in (10, 5, 0))
    return code if packed >= 0x400 and code.isalpha() and code.islower() and code != "und" else None


def _sample_entry(stsd: bytes) -> tuple[str | None, int | None, int | None]:
    """The codec, the rate and the channels of the first entry; a rate above 65535 Hz does not fit in."""
    kind = stsd[12:16]
    codec = RIFF_TAGS.get(int.from_bytes(kind[2:], "big")) if kind[:2] == b"ms" else FOURCCS.get(kind)
    rate, channels = int.from_bytes(stsd[40:42], "big"), int.from_bytes(stsd[32:34], "big")
    return codec, rate if rate > 1 else None, channels or None


def _only_filling(ends: Ends, at: int) -> bool:
    """Whether nothing that matters follows from `at` on; False if that cannot be seen."""
    while at < ends.size:
        box = next(_walk(ends.budget, ends.window(at, 16), 0, ends.size - at), None)
        if box is None or box.kind not in _FILLING:
            return False
        at += box.end
    return True


def _name(head: bytes) -> str:
    brand = head[8:12] if head[4:8] == b"ftyp" else b"qt  "
    if brand in (b"M4A ", b"M4B ", b"M4P "):
        return "m4a"
    if brand[:3] in (b"3gp", b"3g2"):
        return "3gp"
    return "mov" if brand == b"qt  " else "mp4"


def _walk(budget: Budget, data: bytes, at: int, end: int) -> Iterator[_Box]:
    """Yield the boxes between `at` and `end` whose header is seen. A size of 0 reaches to `end`. Raises `Spent`."""
    while at + 8 <= min(len(data), end):
        budget.step()
        length, kind = struct.unpack_from(">I4s", data, at)
        header = 8
        if length == 1:
            if at + 16 > len(data):
                return
            (length,) = struct.unpack_from(">Q", data, at + 8)
            header = 16
        elif length == 0:
            length = end - at
        if length < header:
            return
        yield _Box(kind, at + header, min(at + length, end), whole=at + length <= end)
        at += length


def _inside(ends: Ends, parent: _Box) -> Iterator[_Box]:
    """Yield the boxes in a box. Raises `Spent`, and `Overrun` at one that does not fit in."""
    for box in _walk(ends.budget, ends.head, parent.at, parent.end):
        if not box.whole:
            raise Overrun
        yield box


def _start(head: bytes, box: _Box) -> bytes:
    """As much of a box as its fixed fields may take."""
    return head[box.at : min(box.end, box.at + _FIXED)]


def _descend(ends: Ends, outer: _Box) -> Iterator[_Box]:
    waiting = [outer]
    while waiting:
        parent = waiting.pop()
        for box in _inside(ends, parent):
            yield box
            if box.kind in _NESTED:
                waiting.append(box)


def _movie_scale(mvhd: bytes) -> int:
    """Units per second of the lengths of tracks."""
    return int.from_bytes(mvhd[20:24] if mvhd[:1] == b"\1" else mvhd[12:16], "big")


def _track_length(tkhd: bytes) -> int:
    """In the movie's units, edit lists applied; 0 if unknown."""
    raw = tkhd[28:36] if tkhd[:1] == b"\1" else tkhd[20:24]
    return 0 if raw == b"\xff" * len(raw) else int.from_bytes(raw, "big")


def _ascending(body: bytes, kind: bytes) -> bool:
    """Whether the chunks of one track stand in the file in their order of time."""
    width, code = (8, "Q") if kind == b"co64" else (4, "I")
    count = (len(body) - 8) // width
    if count < 1:
        return True
    offsets = struct.unpack_from(f">{count}{code}", body, 8)
    return all(map(operator.lt, offsets, islice(offsets, 1, None)))
