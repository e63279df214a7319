"""Vorbis comments: `KEY=value` one after the other, in FLAC as a block of metadata, in Ogg as the second packet."""

from service.core.media.containers.layout import Ends
from service.core.media.labels.text import MAX_BYTES, Labels, clean

_COMMENTS, _PICTURE, _LAST = 4, 6, 0x80  # kinds of FLAC's blocks, and the flag of the last one
_HEADERS = ((b"\x03vorbis", 7), (b"OpusTags", 8), (b"Speex", 0))
_PICTURES = (b"METADATA_BLOCK_PICTURE", b"COVERART")
_LONGEST_KEY = 32
_MOST = 64 * 1024  # bytes of the packet of Ogg that are put together


def flac(ends: Ends, begin: int) -> Labels:
    """Read FLAC's blocks of metadata; `fLaC` is at `begin`. Raises `Spent`."""
    at, labels, picture, last = begin + 4, Labels(), False, False
    while not last and at + 4 <= len(ends.head):
        ends.budget.step()
        kind, size = ends.head[at], int.from_bytes(ends.head[at + 1 : at + 4], "big")
        last, kind = bool(kind & _LAST), kind & ~_LAST
        if kind == _COMMENTS:
            labels = _comments(ends, ends.take(at + 4, at + 4 + min(size, _MOST)), 0)
        picture = picture or kind == _PICTURE
        at += 4 + size
    return Labels(labels.title, labels.artist, labels.cover or picture)


def ogg(ends: Ends) -> Labels:
    """Read the packet of comments behind the first page, which goes over as many pages as it needs. Raises `Spent`."""
    packet, serial, at = b"", None, 0
    while ends.head.startswith(b"OggS", at) and len(packet) < _MOST:
        ends.budget.step()
        lacing = ends.take(at + 27, at + 27 + int.from_bytes(ends.head[at + 26 : at + 27], "big"))
        begin, length, own = at + 27 + len(lacing), sum(lacing), ends.head[at + 14 : at + 18]
        if serial is None:
            serial = own
        elif own == serial:
            packet += ends.take(begin, begin + length)
        at = begin + length
    for prefix, length in _HEADERS:
        if packet.startswith(prefix):
            return _comments(ends, packet, length)
    return Labels()


def _comments(ends: Ends, data: bytes, at: int) -> Labels:
    title = artist = None
    cover = False
    at += 4 + _number(data, at)  # behind the name of the encoder
    count, at = _number(data, at), at + 4
    for _ in range(count):
        if at + 4 > len(data):
            break
        ends.budget.step()
        size, at = _number(data, at), at + 4
        key, _found, rest = data[at : at + min(size, _LONGEST_KEY)].partition(b"=")
        key = key.upper()
        if key in (b"TITLE", b"ARTIST") and (rest or size > len(key) + 1):
            value = clean(data[at + len(key) + 1 : at + min(size, MAX_BYTES)])
            title, artist = (title or value, artist) if key == b"TITLE" else (title, artist or value)
        cover = cover or key in _PICTURES
        at += size
    return Labels(title, artist, cover)


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little")
