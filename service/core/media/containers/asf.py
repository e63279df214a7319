"""Windows Media (ASF): objects with GUIDs. The header object has all that is to be known, the data object the sound."""

import struct
from collections.abc import Iterator

from service.core.media.codecs import RIFF_TAGS
from service.core.media.containers.layout import Ends, Layout, within_budget
from service.core.media.tracks import MAX_TRACKS, Track

_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_STREAM = bytes.fromhex("9107dcb7b7a9cf118ee600c00c205365")
_SOUND = bytes.fromhex("409e69f84d5bcf11a8fd00805f5c442b")
_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_BROADCAST = 1  # flag: recorded live, so that its lengths are not known
_FIXED = 112  # bytes of an object: more than the fields that are read of any


@within_budget("wma")
def examine(ends: Ends) -> Layout:
    """Any file of the family."""
    head, tracks, live = ends.head, list[Track](), False
    for kind, at, _size in objects(ends):
        fields = head[at : at + _FIXED]
        if kind == _PROPERTIES and len(fields) >= 68:
            live = bool(fields[64] & _BROADCAST)
        elif kind == _STREAM and fields[:16] == _SOUND and len(fields) >= 62 and len(tracks) < MAX_TRACKS:
            tag, channels, rate = struct.unpack_from("<HHI", fields, 54)
            tracks.append(Track(number=len(tracks) + 1, codec=RIFF_TAGS.get(tag), rate=rate, channels=channels))
    suspect, end = None, _end_of_header(head)
    if head[end : end + 16] == _DATA and len(head) >= end + 24 and not live:
        (size,) = struct.unpack_from("<Q", head, end + 16)
        suspect = ends.missing(end + size, "its sound") if size < 1 << 62 else None
    return Layout("wma", suspect=suspect, tracks=tuple(tracks))


def objects(ends: Ends) -> Iterator[tuple[bytes, int, int]]:
    """Yield the objects of the header that are seen: GUID, where the contents begin, how long they are said to be."""
    head, at = ends.head, 30
    end = min(_end_of_header(head), len(head))
    while at + 24 <= end:
        ends.budget.step()
        (size,) = struct.unpack_from("<Q", head, at + 16)
        yield head[at : at + 16], at + 24, max(size, 24) - 24
        at += max(size, 24)


def _end_of_header(head: bytes) -> int:
    return int.from_bytes(head[16:24], "little")
