"""ID3: version 2 in front of the sound, version 1 in the last 128 bytes."""

from service.core.media.containers.layout import Ends
from service.core.media.containers.tags import ID3V1, synchsafe
from service.core.media.labels.text import MAX_BYTES, Labels, clean, guessed

_ENCODINGS = ("latin-1", "utf-16", "utf-16-be", "utf-8")
_TITLES, _ARTISTS, _PICTURES = (b"TIT2", b"TT2"), (b"TPE1", b"TP1"), (b"APIC", b"PIC")


def read(ends: Ends) -> Labels:
    """Read the tag in front; without one, the one at the end. Raises `Spent`."""
    if ends.head[:3] == b"ID3":
        return _version_2(ends)
    last = ends.tail[-ID3V1:]
    if len(last) == ID3V1 and last.startswith(b"TAG"):
        return Labels(guessed(last[3:33]), guessed(last[33:63]))
    return Labels()


def _version_2(ends: Ends) -> Labels:
    """Unusual tags (unsynchronised, extended, encrypted) are not read."""
    head, title, artist, cover = ends.head, None, None, False
    version, old = head[3:4], head[3:4] == b"\2"
    if version not in (b"\2", b"\3", b"\4") or head[5:6] != b"\0":
        return Labels()
    at, end = 10, min(10 + synchsafe(head[6:10]), len(head))
    header, name = (6, 3) if old else (10, 4)
    while at + header < end:
        ends.budget.step()
        kind, size_field = head[at : at + name], head[at + name : at + (6 if old else 8)]
        size = synchsafe(size_field) if version == b"\4" else int.from_bytes(size_field, "big")
        if not kind.isalnum() or not size:
            break
        value = head[at + header : min(at + header + size, at + header + MAX_BYTES)]
        if kind in _TITLES:
            title = title or _text(value)
        elif kind in _ARTISTS:
            artist = artist or _text(value)
        cover = cover or kind in _PICTURES
        at += header + size
    return Labels(title, artist, cover)


def _text(value: bytes) -> str | None:
    encoding = _ENCODINGS[value[0]] if value and value[0] < len(_ENCODINGS) else "latin-1"
    return clean(value[1:], encoding)
