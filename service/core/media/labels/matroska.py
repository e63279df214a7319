"""
Matroska and WebM: the title of the segment, and tags for all of it, in front of the sound or where a pointer leads.

A tag is about something: a track, a chapter, or nothing in particular, and then about an album (level 50) or what is
on it (30). Those for the whole file count, and of these rather what is about less than an album.
"""

from dataclasses import dataclass, field

from service.core.media.containers.budget import Budget
from service.core.media.containers.ebml import (
    ATTACHMENTS,
    CLUSTER,
    INFO,
    SEEK_HEAD,
    TAGS,
    Element,
    beginning,
    pointers,
    walk,
)
from service.core.media.containers.layout import Ends
from service.core.media.labels.text import MAX_BYTES, Labels, clean

_TITLE, _TAG, _TARGETS, _LEVEL = 0x7BA9, 0x7373, 0x63C0, 0x68CA
_OTHERS = (0x63C4, 0x63C5, 0x63C6, 0x63C9)  # ids of chapters, tracks, attachments and editions that a tag is about
_SIMPLE, _NAME, _TEXT = 0x67C8, 0x45A3, 0x4487
_FILE, _MIME = 0x61A7, 0x4660
_TRACK_LEVEL, _USUAL_LEVEL = 30, 50
_LONGEST_NAME = 32  # bytes: of what is looked for


@dataclass(slots=True)
class _Found:
    title: str | None = None  # of the segment itself
    own: Labels = field(default_factory=Labels)  # of tags below the level of an album
    other: Labels = field(default_factory=Labels)
    cover: bool = False


def read(ends: Ends) -> Labels:
    """Read what is in front of the sound, and what lies behind it as far as the end is seen. Raises `Spent`."""
    found, behind, sound = _Found(), dict[int, int](), ends.size
    _, segment = beginning(ends)
    if segment is None:
        return Labels()
    for element in walk(ends.budget, ends.head, segment.at, ends.size):
        if element.number == CLUSTER:
            sound = element.begin
            break
        if element.number == SEEK_HEAD:
            for number, offset in pointers(ends, element):
                behind.setdefault(number, segment.at + offset)
        else:
            _look(ends.budget, ends.head, element, found)
    for number in (INFO, TAGS, ATTACHMENTS):  # one of each, however many pointers there are
        place = behind.get(number, 0)
        if place > sound:
            _look_behind(ends, place, found)
    own, other = found.own, found.other
    return Labels(found.title or own.title or other.title, own.artist or other.artist, found.cover)


def _look_behind(ends: Ends, place: int, found: _Found) -> None:
    data = ends.head
    if place >= len(data):
        data, place = ends.tail, place - (ends.size - len(ends.tail))
    if place >= 0:
        for element in walk(ends.budget, data, place, len(data)):
            _look(ends.budget, data, element, found)
            break


def _look(budget: Budget, data: bytes, element: Element, found: _Found) -> None:
    if element.number not in (INFO, TAGS, ATTACHMENTS):
        return
    for inner in walk(budget, data, element.at, element.end or 0):
        if inner.number == _TITLE and element.number == INFO:
            found.title = found.title or _text(data, inner)
        elif inner.number == _TAG and element.number == TAGS:
            _tag(budget, data, inner, found)
        elif inner.number == _FILE and element.number == ATTACHMENTS:
            found.cover = found.cover or _is_picture(budget, data, inner)


def _tag(budget: Budget, data: bytes, tag: Element, found: _Found) -> None:
    level, about_all, title, artist = _USUAL_LEVEL, True, None, None
    for inner in walk(budget, data, tag.at, tag.end or 0):
        if inner.number == _TARGETS:
            for target in walk(budget, data, inner.at, inner.end or 0):
                value = int.from_bytes(data[target.at : min(target.end or 0, target.at + 8)], "big")
                about_all = about_all and not (target.number in _OTHERS and value)
                level = value if target.number == _LEVEL else level
        elif inner.number == _SIMPLE:
            name, text = _pair(budget, data, inner)
            title = title or (_text(data, text) if name == b"TITLE" and text else None)
            artist = artist or (_text(data, text) if name == b"ARTIST" and text else None)
    if about_all and level <= _TRACK_LEVEL:
        found.own = Labels(found.own.title or title, found.own.artist or artist)
    elif about_all:
        found.other = Labels(found.other.title or title, found.other.artist or artist)


def _pair(budget: Budget, data: bytes, simple: Element) -> tuple[bytes, Element | None]:
    name, text = b"", None
    for part in walk(budget, data, simple.at, simple.end or 0):
        if part.number == _NAME:
            name = data[part.at : min(part.end or 0, part.at + _LONGEST_NAME)].rstrip(b"\0").upper()
        elif part.number == _TEXT:
            text = part
    return name, text


def _is_picture(budget: Budget, data: bytes, file: Element) -> bool:
    parts = walk(budget, data, file.at, file.end or 0)
    return any(part.number == _MIME and data.startswith(b"image/", part.at) for part in parts)


def _text(data: bytes, element: Element) -> str | None:
    return clean(data[element.at : min(element.end or 0, element.at + MAX_BYTES)])
