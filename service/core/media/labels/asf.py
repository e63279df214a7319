"""Windows Media (ASF): the content description, with title and author, and the extended one, by names."""

from service.core.media.containers.asf import objects
from service.core.media.containers.layout import Ends
from service.core.media.labels.text import MAX_BYTES, Labels, clean

_DESCRIPTION = bytes.fromhex("3326b2758e66cf11a6d900aa0062ce6c")
_EXTENDED = bytes.fromhex("40a4d0d207e3d21197f000a0c95ea850")
_TEXT = 0  # kind of a value
_UTF_16 = "utf-16-le"
_LONGEST_NAME = 32  # bytes: of what is looked for, zeros behind it included


def read(ends: Ends) -> Labels:
    """Read both descriptions; the plain one counts first. Raises `Spent`."""
    plain, extended = Labels(), Labels()
    for kind, at, size in objects(ends):
        if kind == _DESCRIPTION:
            plain = _description(ends.head, at, at + size)
        elif kind == _EXTENDED:
            extended = _extended(ends, at, at + size)
    return Labels(plain.title or extended.title, plain.artist or extended.artist, extended.cover)


def _description(head: bytes, at: int, end: int) -> Labels:
    """Five lengths, and then as many texts, of which title and author come first."""
    begin, middle = at + 10, at + 10 + _number(head, at)
    return Labels(_text(head, begin, min(middle, end)), _text(head, middle, min(middle + _number(head, at + 2), end)))


def _extended(ends: Ends, at: int, end: int) -> Labels:
    """A number of entries: a name, the kind of its value, the value, each text and value with its length in front."""
    head, title, artist, cover = ends.head, None, None, False
    end = min(end, len(head))
    count, at = _number(head, at), at + 2
    for _ in range(count):
        if at + 2 > end:
            break
        ends.budget.step()
        length, at = _number(head, at), at + 2
        name = head[at : at + min(length, _LONGEST_NAME)].decode(_UTF_16, "replace").rstrip("\0")
        kind, size = _number(head, at + length), _number(head, at + length + 2)
        at += length + 4
        if kind == _TEXT and name == "Title":
            title = title or _text(head, at, min(at + size, end))
        elif kind == _TEXT and name == "Author":
            artist = artist or _text(head, at, min(at + size, end))
        cover = cover or name == "WM/Picture"
        at += size
    return Labels(title, artist, cover)


def _text(head: bytes, at: int, end: int) -> str | None:
    return clean(head[at : min(end, at + MAX_BYTES)], _UTF_16)


def _number(head: bytes, at: int) -> int:
    return int.from_bytes(head[at : at + 2], "little")
