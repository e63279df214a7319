"""
Tags in front of sound that has no container: ID3v2 and APE, one after the other, of any length.

An ID3v2 tag counts its length in bytes of seven bits. Some programs wrote all eight; ffmpeg takes such a tag for junk.
"""

from service.core.media.containers.budget import Budget
from service.core.media.containers.layout import Ends

TAG_BEHIND = "its tags are at the end"
ID3V1 = 128
APE = b"APETAGEX"
_APE_HEADER = 32
_FEW_TAGS = 20
_ROOM = 64 * 1024  # bytes of the sound that the head must have for its kind to be told
_TEXTS = (b"TIT2", b"TPE1", b"TALB", b"TT2", b"TP1", b"TAL")


def end_of_tags(ends: Ends) -> int:
    """Return where the tags in front end (0 if there are none); may lie beyond the head. Raises `Spent`."""
    at, head = 0, ends.head
    while True:
        raw = head[at : at + _APE_HEADER]
        if raw[:3] == b"ID3" and len(raw) >= 10:
            ends.budget.step()
            at += _id3_length(raw)
        elif raw[:8] == APE and len(raw) == _APE_HEADER and raw[23] & 0x20:
            ends.budget.step()
            at += _APE_HEADER + int.from_bytes(raw[12:16], "little")
        else:
            return at


def beyond(head: bytes, size: int) -> int | None:
    """
    Return where the tags in front end if `head` has too little of what follows, and the object has more; else None.

    Raises `Spent`.
    """
    # On the event loop, therefore little; a real file has one tag or two.
    end = (
        end_of_tags(Ends(head, b"", size, Budget(max_steps=_FEW_TAGS))) if head[:3] == b"ID3" or head[:8] == APE else 0
    )
    return end if end and len(head) - _ROOM < end < size and len(head) < size else None


def _id3_length(raw: bytes) -> int:
    size, footer = raw[6:10], 10 if raw[5] & 0x10 else 0
    return 10 + (synchsafe(size) if max(size) < 0x80 else int.from_bytes(size, "big")) + footer


def has_text(ends: Ends, end: int) -> bool:
    """
    Whether the ID3v2 tag that ends at `end` surely has a text of its own. Raises `Spent`.

    Unusual tags (unsynchronised, extended) count as not sure.
    """
    head = ends.head
    if head[:3] != b"ID3" or head[5] or head[3] not in (2, 3, 4) or max(head[6:10]) >= 0x80:
        return False
    at, limit, old = 10, min(end, len(head)), head[3] == 2
    header, name = (6, 3) if old else (10, 4)
    while at + header < limit:
        ends.budget.step()
        kind, size_field = head[at : at + name], head[at + name : at + (6 if old else 8)]
        size = synchsafe(size_field) if head[3] == 4 else int.from_bytes(size_field, "big")
        if not kind.isalnum() or not size:
            return False
        if kind in _TEXTS and ends.take(at + header + 1, at + header + size).strip(b"\xff\xfe\0"):
            return True
        at += header + size
    return False


def synchsafe(raw: bytes) -> int:
    """Return a number of bytes of seven bits."""
    value = 0
    for byte in raw:
        value = value << 7 | byte & 0x7F
    return value
