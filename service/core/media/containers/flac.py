"""
FLAC without a container: STREAMINFO in front, and then frames with checksums.

STREAMINFO counts the samples; whether the last frame is whole, its checksum tells.
"""

from service.core.media.containers.layout import Ends, Layout
from service.core.media.tracks import Track

_ID3V1 = 128
_MAX_HEADER = 16  # bytes of a frame's header
_MAX_TRIES = 64  # places that look like the beginning of the last frame
_STRIDE = 16  # bytes of a checksum that count as one step


def examine(ends: Ends, begin: int) -> Layout:
    """FLAC whose `fLaC` is at `begin`. Raises `Spent`."""
    info = ends.head[begin + 8 : begin + 26]  # STREAMINFO without its MD5
    rate = int.from_bytes(info[10:13], "big") >> 4
    samples = int.from_bytes(info[13:18], "big") & 0xFFFFFFFFF
    channels = (info[12] >> 1 & 7) + 1 if len(info) > 12 else None
    suspect = "its last frame is not whole" if _cut(ends) else None
    tracks = (Track(number=1, codec="flac", rate=rate or None, channels=channels),)
    return Layout("flac", None, samples / rate if rate and samples else None, suspect=suspect, tracks=tracks)


def _cut(ends: Ends) -> bool:
    """Whether no frame ends where the object does."""
    data = ends.tail
    if data[-_ID3V1:].startswith(b"TAG"):
        data = data[:-_ID3V1]
    at = len(data)
    for _ in range(_MAX_TRIES):
        at = max(data.rfind(b"\xff\xf8", 0, at), data.rfind(b"\xff\xf9", 0, at))
        if at < 0:
            return True
        ends.budget.step()
        if _is_header(data[at : at + _MAX_HEADER]):
            return _crc16(ends, data, at) != 0
    return True


def _is_header(data: bytes) -> bool:
    """Whether the checksum of a frame's header fits."""
    if len(data) < 6 or data[2] & 15 == 15 or data[2] >> 4 == 0 or data[3] >> 4 > 10:
        return False
    number = 1 if data[4] < 0x80 else 8 - (data[4] ^ 0xFF).bit_length()
    length = 4 + number + {6: 1, 7: 2}.get(data[2] >> 4, 0) + {12: 1, 13: 2, 14: 2}.get(data[2] & 15, 0)
    if number == 0 or length >= len(data):
        return False
    return crc8(data[:length]) == data[length]


def crc8(data: bytes) -> int:
    """Return the checksum of the header of a frame."""
    value = 0
    for byte in data:
        value = _CRC8[value ^ byte]
    return value


def _crc16(ends: Ends, data: bytes, at: int) -> int:
    """Of the bytes from `at` on; 0 if they end with their own checksum."""
    value, table = 0, _CRC16
    for begin in range(at, len(data), _STRIDE):
        ends.budget.step()
        for byte in data[begin : begin + _STRIDE]:
            value = (value << 8 & 0xFF00) ^ table[value >> 8 ^ byte]
    return value


def _table(polynomial: int, bits: int) -> tuple[int, ...]:
    top, mask, table = 1 << (bits - 1), (1 << bits) - 1, []
    for number in range(256):
        value = number << (bits - 8)
        for _ in range(8):
            value = (value << 1 ^ (polynomial if value & top else 0)) & mask
        table.append(value)
    return tuple(table)


_CRC8, _CRC16 = _table(0x07, 8), _table(0x8005, 16)
