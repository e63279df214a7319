"""
Streams without a container: frames of MPEG audio or ADTS AAC one after the other, with tags in front and behind.

A lone sync word means nothing in arbitrary bytes, so a stream is believed only when several frames follow each
other exactly. Junk may be in front of them, anywhere in the head.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from service.core.media.containers.budget import Budget, Spent
from service.core.media.containers.layout import TOO_LARGE, Ends, Layout
from service.core.media.containers.tags import APE, ID3V1, TAG_BEHIND
from service.core.media.tracks import Track

_MIN_FRAMES = 3  # frames in a row, where they are expected
_MIN_FRAMES_IN_JUNK = 8
_PASSED_OVER = 64 * 1024  # bytes of junk that ffmpeg passes over; it takes what is further inside for damaged frames
_FEW = 64  # bytes of which one that is not zero makes junk

_KBPS = {  # (MPEG-1?, layer) → kbit/s by index
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = (44100, 48000, 32000)
_ADTS_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)


@dataclass(frozen=True, slots=True)
class _Frame:
    layer: int
    rate: int
    samples: int
    size: int
    side_info: int  # bytes between the header and a Xing tag
    channels: int


def examine(ends: Ends, begin: int, *, text_in_front: Callable[[], bool]) -> Layout | None:
    """
    MPEG audio, or AAC in ADTS frames, from `begin` (behind the tags) on; None if it is neither. Raises `Spent`.

    Both are looked for at once: frames may be so short that a look for the other kind alone spends the budget.
    `text_in_front` tells whether the tag in front has a text, and may raise `Spent`.
    """
    found = _find(ends, begin)
    if found is None:
        return None
    at, frame = found
    return _mpeg(ends, begin, at, frame, text_in_front) if frame.layer else _adts(ends, frame)


def _mpeg(ends: Ends, begin: int, at: int, frame: _Frame, text_in_front: Callable[[], bool]) -> Layout:
    name = "mp3" if frame.layer == 3 else "mp2"
    reason, seconds, suspect = _xing(ends, at, frame)
    try:
        if ends.tail[-ID3V1:].startswith(b"TAG") and len(ends.tail) >= ID3V1 and not text_in_front():
            reason = TAG_BEHIND  # ffmpeg reads it only if there was nothing in front
    except Spent:
        reason = TOO_LARGE
    junk = at - begin > _PASSED_OVER and any(ends.head[begin : begin + _FEW])
    tracks = (Track(number=1, codec=f"mp{frame.layer}", rate=frame.rate, channels=frame.channels),)
    return Layout(name, reason, seconds, suspect=suspect, tracks=tracks, junk=junk)


def _adts(ends: Ends, frame: _Frame) -> Layout:
    tagged = APE in ends.tail or ends.tail[-ID3V1:].startswith(b"TAG")
    tracks = (Track(number=1, codec="aac", rate=frame.rate, channels=frame.channels or None),)
    return Layout("aac", TAG_BEHIND if tagged else None, tracks=tracks)


# ── MPEG audio ───────────────────────────────────────────────────────────────────────────────────────────────────


def _mpeg_frame(data: bytes, at: int) -> _Frame | None:
    if len(data) < at + 4 or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0 or data[at + 2] >= 0xF0:
        return None
    version, layer = data[at + 1] >> 3 & 3, 4 - (data[at + 1] >> 1 & 3)
    kbps_index, rate_index, padding = data[at + 2] >> 4, data[at + 2] >> 2 & 3, data[at + 2] >> 1 & 1
    if version == 1 or layer == 4 or kbps_index == 0 or rate_index == 3:
        return None
    first = version == 3  # MPEG-1; 2 is MPEG-2, 0 is MPEG-2.5
    rate = _RATES[rate_index] >> (0 if first else 1 if version == 2 else 2)
    bits = _KBPS[first, layer][kbps_index] * 1000
    samples = {1: 384, 2: 1152, 3: 1152 if first else 576}[layer]
    size = (12 * bits // rate + padding) * 4 if layer == 1 else samples // 8 * bits // rate + padding
    mono = data[at + 3] >> 6 == 3
    return _Frame(layer, rate, samples, size, (17 if mono else 32) if first else (9 if mono else 17), 1 if mono else 2)


def _xing(ends: Ends, at: int, frame: _Frame) -> tuple[str | None, float | None, str | None]:
    """
    Read the header that encoders put into the first frame: how many frames and bytes there are.

    Return why it needs seeking, the seconds, and what suggests that it was cut off.
    """
    tag = at + 4 + frame.side_info
    kind = ends.head[tag : tag + 4]
    if kind not in (b"Xing", b"Info") or len(ends.head) < tag + 16:
        return None, None, None
    flags, frames, declared = struct.unpack_from(">III", ends.head, tag + 4)
    if not flags & 1 or not frames:
        return None, None, None
    seconds = (frames * frame.samples - _padding(ends.head, tag)) / frame.rate
    real = ends.size - at
    counted = declared if flags & 2 else frames * frame.size if kind == b"Info" else 0
    suspect = ends.missing(at + counted, "its header counts sound that")
    # Two files glued together: ffmpeg sees it from the size and does not believe the header; on a pipe it would.
    if (
        flags & 2 and declared and real - declared > declared // 17
    ):  # ffmpeg's line is at a 16th, counted from further on
        return "it is longer than its header says", None, None
    return None, seconds, suspect


def _padding(head: bytes, tag: int) -> int:
    """Samples that the encoder put in front and behind, from the part of the header that LAME and ffmpeg add."""
    if head[tag + 120 : tag + 124] not in (b"LAME", b"Lavf", b"Lavc") or len(head) < tag + 144:
        return 0
    both = int.from_bytes(head[tag + 141 : tag + 144], "big")
    return (both >> 12) + (both & 0xFFF)


# ── ADTS ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _adts_frame(data: bytes, at: int) -> _Frame | None:
    if len(data) < at + 7 or data[at] != 0xFF or data[at + 1] & 0xF6 != 0xF0:
        return None
    rate_index = data[at + 2] >> 2 & 15
    size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
    if rate_index >= len(_ADTS_RATES) or size <= 7:
        return None
    channels = (data[at + 2] & 1) << 2 | data[at + 3] >> 6
    return _Frame(0, _ADTS_RATES[rate_index], samples=1024, size=size, side_info=0, channels=channels)


# ── both ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _frame(data: bytes, at: int) -> _Frame | None:
    """Read the header at `at`: of AAC where the bits of the layer are 0, which no MPEG audio has."""
    return _mpeg_frame(data, at) if data[at + 1 : at + 2] and data[at + 1] & 6 else _adts_frame(data, at)


def _find(ends: Ends, begin: int) -> tuple[int, _Frame] | None:
    """Return the first believable frame and where it is. Zeros in front do not count as junk."""
    head = ends.head
    if head[begin : begin + 1] == b"\0":
        begin = len(head) - len(ends.take(begin, len(head)).lstrip(b"\0"))
    at = begin - 1
    while (at := head.find(b"\xff", at + 1)) >= 0:
        ends.budget.step()
        first = _frame(head, at)
        if first is None:
            continue
        enough = _MIN_FRAMES if at == begin else _MIN_FRAMES_IN_JUNK
        if _chain(ends.budget, head, at, first) >= enough:
            return at, first
    return None


def _chain(budget: Budget, head: bytes, at: int, first: _Frame) -> int:
    """Count the frames of the same kind that follow each other without a gap, up to as many as are ever wanted."""
    count = 0
    frame: _Frame | None = first
    while frame and (frame.layer, frame.rate) == (first.layer, first.rate) and count < _MIN_FRAMES_IN_JUNK:
        budget.step()
        count += 1
        at += frame.size
        frame = _frame(head, at)
    return count
