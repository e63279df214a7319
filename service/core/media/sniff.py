"""
What an upload is, from its bytes alone: its name and what the client says about it do not count.

The answer does three things: it pins ffmpeg to one demuxer (so that nothing is probed, least of all a playlist),
it refuses what is no audio while the client is still connected, and it says whether the streaming path may
be taken (`needs_seeking`).
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from service.core.errors import EmptyUpload, UnsupportedCodec, UnsupportedMedia
from service.core.media import codecs
from service.core.media.containers import asf, blocks, boxes, chunks, ebml, flac, frames, pages, riff_av, tags
from service.core.media.containers.budget import Budget, Spent
from service.core.media.containers.layout import Ends, Examine, Layout
from service.core.media.inputs import INPUT_FORMATS, Source
from service.core.media.labels.read import read_labels
from service.core.media.rates import check_rate
from service.core.media.refusals import refused

HEAD_BYTES = 1024 * 1024
TAIL_BYTES = 64 * 1024
BEYOND_BYTES = 256 * 1024  # behind a tag that is longer than the head

_BY_NAME = {item.name: item for item in INPUT_FORMATS}
_TS_PACKETS = (188, 192)  # with a time stamp of 4 bytes in front on Blu-ray discs
_MIN_FRAMES = 3  # packets or frames in a row
_MAY_BE_TAGGED = ("ogg", "opus", "w64", "tta", "flv", "mpg", "ts", "ac3", "eac3", "dts")  # others ffmpeg does not find
_TAGGED = "there is a tag in front of it"


@dataclass(frozen=True, slots=True)
class Beyond:
    """
    The bytes of an object from offset `at` on, where the tags in front of the sound end; `BEYOND_BYTES` of them.

    None of them, if they have not come yet: what is known until then cannot be refused.
    """

    at: int
    data: bytes


def tags_end(head: bytes, size: int) -> int | None:
    """Return the offset from which `Beyond` is wanted, too; None if the head is enough."""
    try:
        return tags.beyond(head, size)
    except Spent:
        return None


def identify(
    head: bytes, tail: bytes, size: int, budget: Budget | None = None, *, beyond: Beyond | None = None
) -> Source:
    """
    Return what these bytes are.

    `head` holds the first `HEAD_BYTES`, `tail` the last `TAIL_BYTES` of an object of `size` bytes (they overlap in a
    small one); `beyond` is what follows long tags, see `tags_end`. Whatever is in them, this costs no more than
    `budget`, a fresh one if none is given. Raises `EmptyUpload`, `UnsupportedMedia` or `UnsupportedCodec`.
    """
    if not size or not head:
        raise EmptyUpload
    ends = Ends(head, tail, size, budget or Budget())
    layout = _by_magic(ends)
    what = refused(head) if layout is None else None
    if layout is None and what is None:
        with contextlib.suppress(Spent):  # so many tags, or so much that only looks like frames, that it is nothing
            layout = _by_frames(ends, beyond)
    if layout is None:
        supported = [item.name for item in INPUT_FORMATS]
        raise UnsupportedMedia(
            f"This is {what}, not audio that can be converted."
            if what
            else "These bytes are no audio that is known here.",
            supported=supported,
        )
    if (problem := codecs.unsupported(track.codec for track in layout.tracks)) is not None:
        raise UnsupportedCodec(problem)
    kind = _BY_NAME[layout.name]
    if layout.reason != _TAGGED:
        check_rate(kind.name, head)
    reason = "its tags or its index are at the end" if kind.always_local else layout.reason
    labels = read_labels(ends, kind.name)
    return Source(
        container=kind.name,
        demuxer=kind.demuxer,
        content_type=kind.content_type,
        needs_seeking=reason is not None,
        reason=reason,
        declared_seconds=layout.seconds,
        cut_off=layout.cut_off,
        suspect=layout.suspect,
        junk=layout.junk,
        holds_more=layout.holds_more,
        tracks=layout.tracks,
        title=labels.title,
        artist=labels.artist,
        cover=labels.cover,
    )


# ── by a magic number ────────────────────────────────────────────────────────────────────────────────────────────


def _is(name: str) -> Examine:
    return lambda _ends: Layout(name)


# (offset, bytes) all of which must be there → what looks further
_MAGIC: tuple[tuple[tuple[tuple[int, bytes], ...], Examine], ...] = (
    (((0, b"RIFF"), (8, b"WAVE")), chunks.wav),
    (((0, b"RF64"), (8, b"WAVE")), chunks.wav),
    (((0, b"BW64"), (8, b"WAVE")), chunks.wav),
    (((0, b"RIFX"), (8, b"WAVE")), chunks.big_endian_wav),
    (((0, b"RIFF"), (8, b"AVI ")), riff_av.avi),
    (((0, bytes.fromhex("726966662e91cf11a5d628db04c10000")),), chunks.w64),
    (((0, b"FORM"), (8, b"AIFF")), chunks.aiff),
    (((0, b"FORM"), (8, b"AIFC")), chunks.aiff),
    (((0, b"caff\0\x01\0\0desc"),), chunks.caf),
    (((0, b".snd"),), chunks.au),
    (((0, b"OggS\0"),), pages.examine),
    (((0, bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")),), asf.examine),
    (((0, b"\x1a\x45\xdf\xa3"),), ebml.examine),
    (((0, b"#!AMR\n"),), blocks.amr),
    (((0, b"#!AMR-WB\n"),), blocks.amr),
    (((0, b"FLV\x01"),), blocks.flv),
    (((0, b"TTA1"),), blocks.tta),
    (((0, b"wvpk"),), blocks.wavpack),
    (((0, b"\0\0\x01\xba"),), _is("mpg")),
    (((0, b"\x7f\xfe\x80\x01"),), _is("dts")),
    (((0, b"\xfe\x7f\x01\x80"),), _is("dts")),
    (((0, b"\x1f\xff\xe8\x00\x07"),), _is("dts")),
    (((0, b"\xff\x1f\x00\xe8"),), _is("dts")),
)


def _by_magic(ends: Ends) -> Layout | None:
    for magic, examine in _MAGIC:
        if all(ends.head.startswith(expected, at) for at, expected in magic):
            return examine(ends)
    if ends.head[4:8] in boxes.TOP_LEVEL and not boxes.is_picture(ends.head):
        return boxes.examine(ends)
    return None


# ── by structure ─────────────────────────────────────────────────────────────────────────────────────────────────


def _by_frames(ends: Ends, beyond: Beyond | None) -> Layout | None:
    begin = tags.end_of_tags(ends)
    asked_for = beyond is not None and beyond.at == begin
    if begin >= ends.size:
        return None
    if beyond is not None and asked_for and beyond.data:
        rest = Ends(beyond.data, ends.tail, ends.size - begin, ends.budget)
        return _behind_tags(rest) or _sound(rest, 0, lambda: tags.has_text(ends, begin))
    if begin >= len(ends.head) or asked_for:
        return Layout("mp3", "its tag in front is too long to look behind it")
    if begin:
        rest = Ends(ends.take(begin, len(ends.head)), ends.tail, ends.size - begin, ends.budget)
        if (layout := _behind_tags(rest)) is not None:
            return layout
    return _sound(ends, begin, lambda: tags.has_text(ends, begin))


def _behind_tags(rest: Ends) -> Layout | None:
    """Look for a container that ffmpeg finds behind an ID3v2 tag; from a pipe, not all of them are read alike."""
    layout = _by_magic(rest) or _transport_stream(rest) or _dolby(rest)
    if layout is None or layout.name not in _MAY_BE_TAGGED:
        return None
    check_rate(layout.name, rest.head)
    return replace(layout, reason=_TAGGED)


def _sound(ends: Ends, begin: int, text_in_front: Callable[[], bool]) -> Layout | None:
    if ends.head.startswith(b"fLaC", begin):
        return flac.examine(ends, begin)
    return _transport_stream(ends) or _dolby(ends) or frames.examine(ends, begin, text_in_front=text_in_front)


def _transport_stream(ends: Ends) -> Layout | None:
    for length in _TS_PACKETS:
        at = length - 188
        if all(ends.head[at + n * length : at + n * length + 1] == b"\x47" for n in range(_MIN_FRAMES)):
            return Layout("ts")
    return None


def _dolby(ends: Ends) -> Layout | None:
    """AC-3 and E-AC-3 share the sync word; the version decides, and the next frame confirms."""
    head, at, enhanced = ends.head, 0, False
    for number in range(_MIN_FRAMES):
        if head[at : at + 2] != b"\x0b\x77" or len(head) < at + 6:
            if number and at >= ends.size - 1:
                break
            return None
        version = head[at + 5] >> 3
        enhanced = version > 10
        size = ((head[at + 2] & 7) << 8 | head[at + 3]) * 2 + 2 if enhanced else _ac3_size(head[at + 4])
        if not size or version > 16:
            return None
        at += size
    return Layout("eac3" if enhanced else "ac3")


_AC3_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)


def _ac3_size(code: int) -> int:
    rate, index = code >> 6, code & 63
    if rate > 2 or index // 2 >= len(_AC3_KBPS):
        return 0
    kbps = _AC3_KBPS[index // 2]
    words = {0: kbps * 2, 1: kbps * 96000 // 44100 + (index & 1), 2: kbps * 3}[rate]
    return words * 2
