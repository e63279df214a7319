"""
Matroska and WebM: EBML elements. Info, Tracks, Tags, Chapters, Attachments and Clusters (the sound) in any order.

A SeekHead in front says where the others are; ffmpeg follows it to what lies behind the clusters only where it can
jump.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from service.core.media.codecs import MATROSKA_IDS, RIFF_TAGS
from service.core.media.containers.budget import Budget, Overrun, Spent
from service.core.media.containers.layout import BROKEN, TOO_LARGE, Ends, Layout
from service.core.media.tracks import MAX_TRACKS, Track, is_language

_SEGMENT, CLUSTER, _TRACKS, SEEK_HEAD = 0x18538067, 0x1F43B675, 0x1654AE6B, 0x114D9B74
TAGS, _CHAPTERS, ATTACHMENTS, INFO = 0x1254C367, 0x1043A770, 0x1941A469, 0x1549A966
_DOC_TYPE, _TRACK, _TRACK_TYPE = 0x4282, 0xAE, 0x83
_CODEC, _PRIVATE, _LANGUAGE, _LANGUAGE_BCP47 = 0x86, 0x63A2, 0x22B59C, 0x22B59D
_DEFAULT, _AUDIO, _RATE, _CHANNELS = 0x88, 0xE1, 0xB5, 0x9F
_SEEK, _SEEK_ID, _SEEK_POSITION = 0x4DBB, 0x53AB, 0x53AC
_MATTERS = (TAGS, _CHAPTERS, ATTACHMENTS, INFO, _TRACKS, SEEK_HEAD)
_MAX_RATE = 1 << 31
_EBML_HEADER = 0x1A45DFA3
_VIDEO, _SOUND = 1, 2
_LONGEST_NAME = 32  # bytes: of a codec or a language that is one of ours
_LONGEST_TYPE = 64  # bytes: of a DocType that is one of ours, zeros behind it included


@dataclass(frozen=True, slots=True)
class Element:
    """A header that is seen, as offsets."""

    number: int
    begin: int  # of its header
    at: int  # of its contents
    end: int | None  # never beyond the parent, whatever the header says; None: open, as in a live stream
    whole: bool  # the parent has room for all of it


def examine(ends: Ends) -> Layout:
    """Any file of the family."""
    name = "mka"
    try:
        doc_type, segment = beginning(ends)
        if doc_type == b"webm":
            name = "webm"
        return Layout(name, "its beginning cannot be read") if segment is None else _look(name, ends, segment)
    except Spent:
        return Layout(name, TOO_LARGE)
    except Overrun:
        return Layout(name, BROKEN)


def _look(name: str, ends: Ends, segment: Element) -> Layout:
    pointed_at: list[int] = []
    seen = video = False
    tracks: tuple[Track, ...] = ()
    reason: str | None = "the sound begins too far inside"
    for element in walk(ends.budget, ends.head, segment.at, ends.size):
        if element.number == CLUSTER:
            reason = None if seen else "its tracks are described behind the sound"
            if any(position >= element.begin for position in pointed_at):
                reason = "its tags, chapters or attachments lie behind the sound"
            break
        if element.number == SEEK_HEAD:
            pointed_at += [segment.at + offset for number, offset in pointers(ends, element) if number in _MATTERS]
        elif element.number == _TRACKS:
            seen, (video, tracks) = True, _tracks(ends, element)
    return Layout("mkv" if video and name != "webm" else name, reason, tracks=tracks)


def beginning(ends: Ends) -> tuple[bytes, Element | None]:
    """Return the document's type, and the segment that holds everything else. Raises `Spent` and `Overrun`."""
    doc_type, head = b"", ends.head
    for element in walk(ends.budget, head, 0, ends.size):
        if element.number == _SEGMENT:
            return doc_type, element
        for inner in _inside(ends, element) if element.number == _EBML_HEADER else ():
            if inner.number == _DOC_TYPE:
                doc_type = head[inner.at : min(inner.end or len(head), inner.at + _LONGEST_TYPE)].rstrip(b"\0")
    return doc_type, None


def pointers(ends: Ends, seek_head: Element) -> Iterator[tuple[int, int]]:
    """Yield where a SeekHead says that elements of which number are, in bytes from the contents of the segment."""
    for seek in _inside(ends, seek_head):
        number, position = None, None
        for field in _inside(ends, seek) if seek.number == _SEEK else ():
            value = int.from_bytes(ends.head[field.at : min(field.end or 0, field.at + 8)], "big")
            if field.number == _SEEK_ID:
                number = value
            elif field.number == _SEEK_POSITION:
                position = value
        if number is not None and position is not None:
            yield number, position


def _tracks(ends: Ends, tracks: Element) -> tuple[bool, tuple[Track, ...]]:
    """Whether there is a video, and the tracks of sound."""
    video, sounds = False, list[Track]()
    for entry in _inside(ends, tracks):
        if entry.number != _TRACK:
            continue
        fields: dict[int, bytes] = {}
        for field in _inside(ends, entry):
            if field.number == _AUDIO:
                fields |= {inner.number: _value(ends, inner) for inner in _inside(ends, field)}
            else:
                fields[field.number] = _value(ends, field)
        kind = int.from_bytes(fields.get(_TRACK_TYPE, b"")[:1], "big")
        video = video or kind == _VIDEO
        if kind == _SOUND and len(sounds) < MAX_TRACKS:
            sounds.append(_sound(len(sounds) + 1, fields))
    return video, tuple(sounds)


def _sound(number: int, fields: Mapping[int, bytes]) -> Track:
    language = (fields.get(_LANGUAGE_BCP47) or fields.get(_LANGUAGE, b"eng")).decode("ascii", "replace")
    return Track(
        number=number,
        codec=_codec(fields.get(_CODEC, b""), fields.get(_PRIVATE, b"")),
        language=language if is_language(language) and language != "und" else None,
        rate=_rate(fields.get(_RATE, b"")),
        channels=int.from_bytes(fields.get(_CHANNELS, b"\1")[:8], "big"),
        default=fields.get(_DEFAULT, b"\1").strip(b"\0") != b"",
    )


def _rate(raw: bytes) -> int | None:
    """A number of 4 or 8 bytes with a point in it."""
    value = struct.unpack({4: ">f", 8: ">d"}[len(raw)], raw)[0] if len(raw) in (4, 8) else 0
    return round(value) if 1 <= value < _MAX_RATE else None


def _codec(name: bytes, private: bytes) -> str | None:
    if name == b"A_MS/ACM" and len(private) >= 2:
        return RIFF_TAGS.get(int.from_bytes(private[:2], "little"))
    return MATROSKA_IDS.get(name) or MATROSKA_IDS.get(name.partition(b"/")[0])


def _value(ends: Ends, element: Element) -> bytes:
    """As much of an element as its value may take, zeros behind a text left out."""
    end = min(element.end or 0, element.at + _LONGEST_NAME)
    value = ends.head[element.at : end]
    return value.rstrip(b"\0") if element.number in (_CODEC, _LANGUAGE, _LANGUAGE_BCP47) else value


def _inside(ends: Ends, parent: Element) -> Iterator[Element]:
    """Yield what is in an element; nothing of an open one. Raises `Spent`, and `Overrun` at what does not fit in."""
    for element in walk(ends.budget, ends.head, parent.at, parent.end or 0):
        if not element.whole:
            raise Overrun
        yield element


def walk(budget: Budget, data: bytes, at: int, end: int) -> Iterator[Element]:
    """Yield the elements between `at` and `end` whose header is seen; an open one is the last. Raises `Spent`."""
    while True:
        budget.step()
        begin = at
        width = _width(data, at, end, 4)
        if width is None:
            return
        number = int.from_bytes(data[at : at + width], "big")
        at += width
        width = _width(data, at, end, 8)
        if width is None:
            return
        size = int.from_bytes(data[at : at + width], "big") & ((1 << 7 * width) - 1)
        at += width
        if size == (1 << 7 * width) - 1:
            yield Element(number, begin, at, None, whole=True)
            return
        yield Element(number, begin, at, min(at + size, end), whole=at + size <= end)
        at += size


def _width(data: bytes, at: int, end: int, most: int) -> int | None:
    """Bytes of the number that begins at `at`: as many as its first byte has leading zeros, plus one."""
    if at >= min(len(data), end) or not data[at]:
        return None
    width = 9 - data[at].bit_length()
    return width if width <= most and at + width <= len(data) else None
