"""
Matroska and WebM: EBML elements. Info, Tracks, Tags, Chapters, Attachments and Clusters (the sound) in any order.

A SeekHead in front says where the others are; ffmpeg follows it to what lies behind the clusters only where it can
jump.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from service.core.media.containers.budget import Budget, Overrun, Spent
from service.core.media.containers.layout import BROKEN, TOO_LARGE, Ends, Layout

_SEGMENT, _CLUSTER, _TRACKS, _SEEK_HEAD = 0x18538067, 0x1F43B675, 0x1654AE6B, 0x114D9B74
_TAGS, _CHAPTERS, _ATTACHMENTS, _INFO = 0x1254C367, 0x1043A770, 0x1941A469, 0x1549A966
_DOC_TYPE, _TRACK, _TRACK_TYPE = 0x4282, 0xAE, 0x83
_SEEK, _SEEK_ID, _SEEK_POSITION = 0x4DBB, 0x53AB, 0x53AC
_MATTERS = (_TAGS, _CHAPTERS, _ATTACHMENTS, _INFO, _TRACKS, _SEEK_HEAD)
_EBML_HEADER = 0x1A45DFA3
_VIDEO = 1
_LONGEST_TYPE = 64  # bytes: of a DocType that is one of ours, zeros behind it included


@dataclass(frozen=True, slots=True)
class _Element:
    number: int
    begin: int  # of its header
    at: int  # of its contents
    end: int | None  # never beyond the parent, whatever the header says; None: open, as in a live stream
    whole: bool  # the parent has room for all of it


def examine(ends: Ends) -> Layout:
    """Any file of the family."""
    name = "mka"
    try:
        doc_type, segment = _beginning(ends)
        if doc_type == b"webm":
            name = "webm"
        return Layout(name, "its beginning cannot be read") if segment is None else _look(name, ends, segment)
    except Spent:
        return Layout(name, TOO_LARGE)
    except Overrun:
        return Layout(name, BROKEN)


def _look(name: str, ends: Ends, segment: _Element) -> Layout:
    pointed_at: list[int] = []
    tracks = video = False
    reason: str | None = "the sound begins too far inside"
    for element in _walk(ends.budget, ends.head, segment.at, ends.size):
        if element.number == _CLUSTER:
            reason = None if tracks else "its tracks are described behind the sound"
            if any(position >= element.begin for position in pointed_at):
                reason = "its tags, chapters or attachments lie behind the sound"
            break
        if element.number == _SEEK_HEAD:
            pointed_at += [segment.at + offset for offset in _pointers(ends, element)]
        elif element.number == _TRACKS:
            tracks, video = True, _has_video(ends, element)
    return Layout("mkv" if video and name != "webm" else name, reason)


def _beginning(ends: Ends) -> tuple[bytes, _Element | None]:
    """The document's type, and the segment that holds everything else."""
    doc_type, head = b"", ends.head
    for element in _walk(ends.budget, head, 0, ends.size):
        if element.number == _SEGMENT:
            return doc_type, element
        for inner in _inside(ends, element) if element.number == _EBML_HEADER else ():
            if inner.number == _DOC_TYPE:
                doc_type = head[inner.at : min(inner.end or len(head), inner.at + _LONGEST_TYPE)].rstrip(b"\0")
    return doc_type, None


def _pointers(ends: Ends, seek_head: _Element) -> Iterator[int]:
    for seek in _inside(ends, seek_head):
        number, position = None, None
        for field in _inside(ends, seek) if seek.number == _SEEK else ():
            value = int.from_bytes(ends.head[field.at : min(field.end or 0, field.at + 8)], "big")
            if field.number == _SEEK_ID:
                number = value
            elif field.number == _SEEK_POSITION:
                position = value
        if number in _MATTERS and position is not None:
            yield position


def _has_video(ends: Ends, tracks: _Element) -> bool:
    for track in _inside(ends, tracks):
        for field in _inside(ends, track) if track.number == _TRACK else ():
            if field.number == _TRACK_TYPE and ends.head[field.at : field.at + 1] == bytes((_VIDEO,)):
                return True
    return False


def _inside(ends: Ends, parent: _Element) -> Iterator[_Element]:
    """Yield what is in an element; nothing of an open one. Raises `Spent`, and `Overrun` at what does not fit in."""
    for element in _walk(ends.budget, ends.head, parent.at, parent.end or 0):
        if not element.whole:
            raise Overrun
        yield element


def _walk(budget: Budget, data: bytes, at: int, end: int) -> Iterator[_Element]:
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
            yield _Element(number, begin, at, None, whole=True)
            return
        yield _Element(number, begin, at, min(at + size, end), whole=at + size <= end)
        at += size


def _width(data: bytes, at: int, end: int, most: int) -> int | None:
    """Bytes of the number that begins at `at`: as many as its first byte has leading zeros, plus one."""
    if at >= min(len(data), end) or not data[at]:
        return None
    width = 9 - data[at].bit_length()
    return width if width <= most and at + width <= len(data) else None
