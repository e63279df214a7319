"""
RIFF and its relatives: WAV (RF64, BW64), Wave64, AIFF, CAF, AU. A row of chunks, one of which is the sound.

ffmpeg reads the chunks behind the sound (tags, packet tables) only where it can jump over the sound and back.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from service.core.media.codecs import DECODED_AS_PCM, FOURCCS, RIFF_TAGS
from service.core.media.containers.layout import Ends, Layout, is_placeholder, within_budget
from service.core.media.tracks import Track

BEHIND = "there are chunks behind the sound"
FAR = "the sound begins too far inside"
SOUND = "its sound"
_UNKNOWN = 0xFFFFFFFF
_NO_END = 1 << 62  # of 64 bits
_MANY = 4096  # bytes behind the sound that are more than an oversight
_SLACK = 8  # bytes behind the sound that are no chunk yet: padding
_PCM, _EXTENSIBLE = (1, 3, 6, 7), 0xFFFE
_READ_IN_CAF = (b"desc", b"chan", b"kuki", b"pakt", b"info")  # ffmpeg does not get past others on a pipe
_AU_CODECS = {1: "pcm_mulaw", 23: "adpcm_g726le", 24: "adpcm_g722", 27: "pcm_alaw"}


@dataclass(frozen=True, slots=True)
class _Chunk:
    kind: bytes
    at: int  # of its contents
    size: int


@dataclass(frozen=True, slots=True)
class _Format:
    """WAVEFORMATEX: how the sound is stored, `rate` in bytes per second."""

    tracks: tuple[Track, ...] = ()
    rate: int = 0


@within_budget("wav")
def wav(ends: Ends) -> Layout:
    """RIFF/WAVE with 32-bit sizes, RF64 and BW64 with the true size in a ds64 chunk."""
    form, long_size = _Format(), None
    for chunk in _walk(ends, 12, "<4sI", padded_to=2):
        if chunk.kind == b"ds64" and len(ends.head) >= chunk.at + 16:
            (long_size,) = struct.unpack_from("<Q", ends.head, chunk.at + 8)
        elif chunk.kind == b"fmt ":
            form = _format(ends, chunk.at)
        elif chunk.kind == b"data":
            size = long_size if long_size is not None and chunk.size == _UNKNOWN else chunk.size
            # What a recorder leaves that wrote to a pipe, or was cut off: everything up to the end is sound, in a
            # file, too.
            left_open = size >= _NO_END or (is_placeholder(size) and (size == 0 or chunk.at + size > ends.size))
            end = ends.size if left_open else chunk.at + size
            return Layout(
                "wav",
                _behind(end + end % 2, ends.size),
                _seconds(end - chunk.at, form.rate),
                ends.missing(end, SOUND),
                tracks=form.tracks,
                holds_more=_more(ends, end + end % 2),
            )
    return Layout("wav", FAR, tracks=form.tracks)


def big_endian_wav(_ends: Ends) -> Layout:
    """RIFX: a WAV whose numbers are all the other way round. It is too rare to be looked through here."""
    return Layout("wav", "its numbers are big-endian")


@within_budget("w64")
def w64(ends: Ends) -> Layout:
    """Sony Wave64: kinds are GUIDs, sizes 64 bits and include their header of 24 bytes."""
    at, form = 40, _Format()
    while len(ends.head) >= at + 24:
        ends.budget.step()
        kind, size = struct.unpack_from("<4s12xQ", ends.head, at)
        if kind == b"fmt ":
            form = _format(ends, at + 24)
        if kind == b"data":
            end = ends.size if size >= _NO_END else at + size
            seconds = _seconds(end - at - 24, form.rate)
            return Layout(
                "w64", _behind(_round_up(end, 8), ends.size), seconds, ends.missing(end, SOUND), tracks=form.tracks
            )
        at += max(_round_up(size, 8), 24)
    return Layout("w64", FAR, tracks=form.tracks)


def _format(ends: Ends, at: int) -> _Format:
    raw = ends.head[at : at + 40]
    if len(raw) < 14:
        return _Format()
    tag, channels, rate, byte_rate, block = struct.unpack_from("<HHIIH", raw)
    if tag == _EXTENSIBLE and len(raw) >= 26:
        (tag,) = struct.unpack_from("<H", raw, 24)
    if tag in _PCM and block:
        byte_rate = rate * block  # what says how many bytes a second has is wrong in many a file
    return _Format((Track(number=1, codec=RIFF_TAGS.get(tag), rate=rate, channels=channels),), byte_rate)


def _more(ends: Ends, end: int) -> str | None:
    """Say so if what follows the sound is no chunk, but more of the same. Only what is seen counts."""
    seen = ends.window(end, _MANY)
    if len(seen) < _MANY:
        return None
    header = seen[:8]
    size = int.from_bytes(header[4:], "little")
    named = all(0x20 <= byte < 0x7F for byte in header[:4])
    if (named and end + 8 + size <= ends.size + _SLACK) or not any(seen):
        return None
    return f"its sound is declared to end at byte {end}, and {ends.size - end} more bytes follow that are no chunk"


def _seconds(size: int, rate: int) -> float | None:
    """How long `size` bytes last at `rate` bytes a second; a header may lie so much that there are less than none."""
    return max(0, size) / rate if rate else None


@within_budget("aiff")
def aiff(ends: Ends) -> Layout:
    """AIFF and AIFF-C."""
    seconds, tracks = None, tuple[Track, ...]()
    for chunk in _walk(ends, 12, ">4sI", padded_to=2):
        if chunk.kind == b"COMM" and len(ends.head) >= chunk.at + 18:
            channels, frames = struct.unpack_from(">HI", ends.head, chunk.at)
            rate = _extended(ends.head[chunk.at + 8 : chunk.at + 18])
            seconds = frames / rate if rate >= 1 else None
            kind = ends.head[chunk.at + 18 : chunk.at + 22] if chunk.size >= 22 else b"NONE"
            tracks = (Track(number=1, codec=FOURCCS.get(kind), rate=round(rate) or None, channels=channels),)
        elif chunk.kind == b"SSND":
            if seconds is None:
                return Layout("aiff", "the format is described behind the sound")
            # SoX writes such lengths when it cannot go back and correct them.
            left_open = is_placeholder(chunk.size) and chunk.at + chunk.size > ends.size
            end = ends.size if left_open else chunk.at + chunk.size
            reason = _behind(_round_up(end, 2), ends.size)
            return Layout("aiff", reason, None if left_open else seconds, ends.missing(end, SOUND), tracks=tracks)
    return Layout("aiff", FAR, tracks=tracks)


@within_budget("caf")
def caf(ends: Ends) -> Layout:
    """Apple's Core Audio Format."""
    codec = ends.head[28:32]  # the description comes first, by the book
    raw_rate, channels = struct.unpack_from(">d16xI", ends.head.ljust(48, b"\0"), 20)
    rate = round(raw_rate) if 1 <= raw_rate < _UNKNOWN else None
    tracks = (Track(number=1, codec=FOURCCS.get(codec), rate=rate, channels=channels),)
    reason = None if codec in (b"lpcm", b"alaw", b"ulaw") else "compressed sound needs its packet table"
    for chunk in _walk(ends, 8, ">4sq", padded_to=1):
        if chunk.kind == b"data":
            end = chunk.at + chunk.size if chunk.size > 0 else ends.size
            return Layout("caf", reason or _behind(end, ends.size), None, ends.missing(end, SOUND), tracks=tracks)
        if chunk.kind not in _READ_IN_CAF:
            reason = reason or "there are chunks in front of the sound that only a file lets ffmpeg pass over"
    return Layout("caf", reason or FAR, tracks=tracks)


@within_budget("au")
def au(ends: Ends) -> Layout:
    """Sun's and NeXT's AU: one header, and the sound up to the end."""
    if len(ends.head) < 24:
        return Layout("au")
    at, size, coding, rate, channels = struct.unpack_from(">IIIII", ends.head, 4)
    codec = _AU_CODECS.get(coding) or (DECODED_AS_PCM if 2 <= coding <= 7 else None)
    end = ends.size if is_placeholder(size) and at + size > ends.size else at + size
    track = Track(number=1, codec=codec, rate=rate, channels=channels)
    return Layout("au", None, None, ends.missing(end, SOUND), tracks=(track,))


def _behind(end: int, size: int) -> str | None:
    return BEHIND if size - end >= _SLACK else None


def _walk(ends: Ends, at: int, layout: str, *, padded_to: int) -> Iterator[_Chunk]:
    header = struct.calcsize(layout)
    while len(ends.head) >= at + header:
        ends.budget.step()
        kind, size = struct.unpack_from(layout, ends.head, at)
        yield _Chunk(kind, at + header, size)
        at += header + _round_up(max(size, 0), padded_to)


def _round_up(value: int, step: int) -> int:
    return -(-value // step) * step


def _extended(raw: bytes) -> float:
    """An 80-bit IEEE number, as far as sample rates need it."""
    exponent, mantissa = struct.unpack(">HQ", raw)
    shift = (exponent & 0x7FFF) - 16383 - 63
    return mantissa * 2.0**shift if -80 < shift < 1 else 0.0  # below: not even 1 Hz; above: no rate
