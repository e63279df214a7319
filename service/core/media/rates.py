"""
The sample rate that a header declares, and the rates that no audio file has.

A file of 400 KB that declares 1 Hz is five days of sound to every program that believes it. The lowest rate in use is
that of 4,000 Hz for speech and body sounds, the highest the 768,000 Hz of the fastest converters; with room below, for
recordings of whales that were slowed down. Only formats whose first bytes say the rate plainly are looked at. Of all
others, and of one that hides its true rate, the time is bounded by its bytes (`adapters.ffmpeg.timeouts`).
"""

import math
import struct
from collections.abc import Callable

from service.core.errors import UnsupportedMedia

LEAST, MOST = 2_000, 768_000  # Hz
_CHUNKS = 64  # that are looked at in front of the one that says the rate


def check_rate(container: str, head: bytes) -> None:
    """Raise `UnsupportedMedia` if these first bytes declare a rate that no audio file has."""
    rate = declared_rate(container, head)
    if rate and not LEAST <= rate <= MOST:  # ffmpeg itself refuses 0
        raise UnsupportedMedia(
            f"Its header declares a sample rate of {rate:,} Hz; {LEAST:,} to {MOST:,} Hz can be converted.",
            sample_rate=rate,
        )


def declared_rate(container: str, head: bytes) -> int | None:
    """Return the rate in Hz that the header of a file in this container declares, None if it is not looked for."""
    try:
        return _READERS[container](head) if container in _READERS else None
    except struct.error:  # the file ends inside its header, which is for ffmpeg to say
        return None


def _wav(head: bytes) -> int | None:
    order = ">" if head.startswith(b"RIFX") else "<"
    at = _chunk(head, b"fmt ", f"{order}4sI", 12)
    return None if at is None else int(struct.unpack_from(f"{order}I", head, at + 4)[0])


def _w64(head: bytes) -> int | None:
    at = 40
    for _ in range(_CHUNKS):
        kind, size = struct.unpack_from("<4s12xQ", head, at)
        if kind == b"fmt ":
            return int(struct.unpack_from("<I", head, at + 28)[0])
        at += max(-(-size // 8) * 8, 24)
    return None


def _aiff(head: bytes) -> int | None:
    at = _chunk(head, b"COMM", ">4sI", 12)
    if at is None:
        return None
    exponent, mantissa = struct.unpack_from(">HQ", head, at + 8)
    shift = (exponent & 0x7FFF) - 16383 - 63  # of an 80-bit number; beyond 64 bits it is no rate at all
    if shift > 0:
        return MOST + 1
    return max(1, mantissa >> min(-shift, 64)) if mantissa else 0


def _caf(head: bytes) -> int | None:
    (rate,) = struct.unpack_from(">d", head, 20)
    return math.ceil(rate) if 0 <= rate <= MOST else MOST + 1  # also where it is no number


def _flac(head: bytes) -> int | None:
    return int.from_bytes(head[18:21], "big") >> 4 if head.startswith(b"fLaC") and len(head) >= 21 else None


def _chunk(head: bytes, kind: bytes, layout: str, at: int) -> int | None:
    """Return where the contents of the first chunk of a kind begin."""
    for _ in range(_CHUNKS):
        found, size = struct.unpack_from(layout, head, at)
        at += struct.calcsize(layout)
        if found == kind:
            return at
        at += size + size % 2
    return None


_READERS: dict[str, Callable[[bytes], int | None]] = {
    "wav": _wav,
    "w64": _w64,
    "aiff": _aiff,
    "caf": _caf,
    "flac": _flac,
    "au": lambda head: int(struct.unpack_from(">I", head, 16)[0]),
    "tta": lambda head: int(struct.unpack_from("<I", head, 10)[0]),
}
