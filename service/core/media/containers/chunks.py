"""
RIFF and its relatives: WAV (RF64, BW64), Wave64, AIFF, CAF. A row of chunks, one of which is the sound.

ffmpeg reads the chunks behind the sound (tags, packet tables) only where it can jump over the sound and back.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from service.core.media.containers.layout import Ends, Layout, within_budget

BEHIND = "there are chunks behind the sound"
FAR = "the sound begins too far inside"
_UNKNOWN = 0xFFFFFFFF
_PLACEHOLDER = 0x7FFF0000  # from here on, a size that the object does not have was never meant
_SLACK = 8  # bytes behind the sound that are no chunk yet: padding


@dataclass(frozen=True, slots=True)
class _Chunk:
    kind: bytes
    at: int  # of its contents
    size: int


@within_budget("wav")
def wav(ends: Ends) -> Layout:
    """RIFF/WAVE with 32-bit sizes, RF64 and BW64 with the true size in a ds64 chunk."""
    rate, long_size = 0, None
    for chunk in _walk(ends, 12, "<4sI", padded_to=2):
        if chunk.kind == b"ds64" and len(ends.head) >= chunk.at + 16:
            (long_size,) = struct.unpack_from("<Q", ends.head, chunk.at + 8)
        elif chunk.kind == b"fmt " and len(ends.head) >= chunk.at + 12:
            (rate,) = struct.unpack_from("<I", ends.head, chunk.at + 8)
        elif chunk.kind == b"data":
            size = long_size if long_size is not None and chunk.size == _UNKNOWN else chunk.size
            # What a recorder leaves that wrote to a pipe, or was cut off: everything up to the end is sound, in a
            # file, too.
            left_open = size in (0, _UNKNOWN) or (size >= _PLACEHOLDER and chunk.at + size > ends.size)
            end = ends.size if left_open else chunk.at + size
            return Layout("wav", _behind(end + end % 2, ends.size), _seconds(end - chunk.at, rate))
    return Layout("wav", FAR)


@within_budget("w64")
def w64(ends: Ends) -> Layout:
    """Sony Wave64: kinds are GUIDs, sizes 64 bits and include their header of 24 bytes."""
    at, rate = 40, 0
    while len(ends.head) >= at + 24:
        ends.budget.step()
        kind, size = struct.unpack_from("<4s12xQ", ends.head, at)
        if kind == b"fmt " and len(ends.head) >= at + 36:
            (rate,) = struct.unpack_from("<I", ends.head, at + 32)
        if kind == b"data":
            return Layout("w64", _behind(at + _round_up(size, 8), ends.size), _seconds(size - 24, rate))
        at += max(_round_up(size, 8), 24)
    return Layout("w64", FAR)


def _seconds(size: int, rate: int) -> float | None:
    """How long `size` bytes last at `rate` bytes a second; a header may lie so much that there are less than none."""
    return max(0, size) / rate if rate else None


@within_budget("aiff")
def aiff(ends: Ends) -> Layout:
    """AIFF and AIFF-C."""
    seconds = None
    for chunk in _walk(ends, 12, ">4sI", padded_to=2):
        if chunk.kind == b"COMM" and len(ends.head) >= chunk.at + 18:
            (frames,) = struct.unpack_from(">I", ends.head, chunk.at + 2)
            rate = _extended(ends.head[chunk.at + 8 : chunk.at + 18])
            seconds = frames / rate if rate >= 1 else None
        elif chunk.kind == b"SSND":
            if seconds is None:
                return Layout("aiff", "the format is described behind the sound")
            return Layout("aiff", _behind(chunk.at + _round_up(chunk.size, 2), ends.size), seconds)
    return Layout("aiff", FAR)


@within_budget("caf")
def caf(ends: Ends) -> Layout:
    """Apple's Core Audio Format."""
    codec = ends.head[28:32]  # the description comes first, by the book
    if codec not in (b"lpcm", b"alaw", b"ulaw"):
        return Layout("caf", "compressed sound needs its packet table")
    for chunk in _walk(ends, 8, ">4sq", padded_to=1):
        if chunk.kind == b"data":
            return Layout("caf", _behind(chunk.at + chunk.size, ends.size) if chunk.size > 0 else None)
    return Layout("caf", FAR)


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
