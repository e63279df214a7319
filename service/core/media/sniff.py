"""
What an upload is, from its bytes alone: its name and what the client says about it do not count.

The answer does three things: it pins ffmpeg to one demuxer (so that nothing is probed, least of all a playlist),
it refuses what is no audio while the client is still connected, and it says whether the streaming path may
be taken (`needs_seeking`).
"""

import contextlib

from service.core.errors import EmptyUpload, UnsupportedMedia
from service.core.media.containers import boxes, chunks, ebml, frames, pages
from service.core.media.containers.budget import Budget, Spent
from service.core.media.containers.layout import Ends, Examine, Layout
from service.core.media.inputs import INPUT_FORMATS, Source
from service.core.media.rates import check_rate

HEAD_BYTES = 1024 * 1024
TAIL_BYTES = 64 * 1024

_BY_NAME = {item.name: item for item in INPUT_FORMATS}
_TS_PACKETS = (188, 192)  # with a time stamp of 4 bytes in front on Blu-ray discs
_MIN_FRAMES = 3  # packets or frames in a row


def identify(head: bytes, tail: bytes, size: int, budget: Budget | None = None) -> Source:
    """
    Return what these bytes are.

    `head` holds the first `HEAD_BYTES`, `tail` the last `TAIL_BYTES` of an object of `size` bytes (they overlap in a
    small one). Whatever is in them, this costs no more than `budget`, a fresh one if none is given. Raises
    `EmptyUpload` or `UnsupportedMedia`.
    """
    if not size or not head:
        raise EmptyUpload
    ends = Ends(head, tail, size, budget or Budget())
    layout = _by_magic(ends)
    what = _refused(head) if layout is None else None
    if layout is None and what is None:
        with contextlib.suppress(Spent):  # so many tags, or so much that only looks like frames, that it is nothing
            layout = _by_frames(ends)
    if layout is None:
        supported = [item.name for item in INPUT_FORMATS]
        raise UnsupportedMedia(
            f"This is {what}, not audio that can be converted."
            if what
            else "These bytes are no audio that is known here.",
            supported=supported,
        )
    kind = _BY_NAME[layout.name]
    check_rate(kind.name, head)
    reason = "its tags or its index are at the end" if kind.always_local else layout.reason
    return Source(
        container=kind.name,
        demuxer=kind.demuxer,
        content_type=kind.content_type,
        needs_seeking=reason is not None,
        reason=reason,
        declared_seconds=layout.seconds,
    )


# ── by a magic number ────────────────────────────────────────────────────────────────────────────────────────────


def _is(name: str) -> Examine:
    return lambda _ends: Layout(name)


# (offset, bytes) all of which must be there → what looks further
_MAGIC: tuple[tuple[tuple[tuple[int, bytes], ...], Examine], ...] = (
    (((0, b"RIFF"), (8, b"WAVE")), chunks.wav),
    (((0, b"RF64"), (8, b"WAVE")), chunks.wav),
    (((0, b"BW64"), (8, b"WAVE")), chunks.wav),
    (((0, b"RIFF"), (8, b"AVI ")), _is("avi")),
    (((0, bytes.fromhex("726966662e91cf11a5d628db04c10000")),), chunks.w64),
    (((0, b"FORM"), (8, b"AIFF")), chunks.aiff),
    (((0, b"FORM"), (8, b"AIFC")), chunks.aiff),
    (((0, b"caff\0\x01\0\0desc"),), chunks.caf),
    (((0, b".snd"),), _is("au")),
    (((0, b"OggS\0"),), pages.examine),
    (((0, bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")),), _is("wma")),
    (((0, b"\x1a\x45\xdf\xa3"),), ebml.examine),
    (((0, b"#!AMR\n"),), _is("amr")),
    (((0, b"#!AMR-WB\n"),), _is("amr")),
    (((0, b"FLV\x01"),), _is("flv")),
    (((0, b"TTA1"),), _is("tta")),
    (((0, b"wvpk"),), _is("wv")),
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


def _by_frames(ends: Ends) -> Layout | None:
    begin = frames.id3v2_end(ends)
    if ends.head.startswith(b"fLaC", begin):
        return _flac(ends, begin)
    if begin >= len(ends.head) and begin:
        return Layout("mp3", "its tag in front is too long to look behind it") if begin < ends.size else None
    return _transport_stream(ends) or _dolby(ends) or frames.adts(ends, begin) or frames.mpeg(ends, begin)


def _flac(ends: Ends, begin: int) -> Layout:
    info = ends.head[begin + 8 : begin + 26]  # STREAMINFO without its MD5
    rate = int.from_bytes(info[10:13], "big") >> 4
    samples = int.from_bytes(info[13:18], "big") & 0xFFFFFFFFF
    return Layout("flac", None, samples / rate if rate and samples else None)


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


# ── what it is instead ───────────────────────────────────────────────────────────────────────────────────────────

_REFUSED = (
    (b"#EXTM3U", "a playlist (M3U)"),
    (b"ffconcat", "a playlist (ffconcat)"),
    (b"[playlist]", "a playlist (PLS)"),
    (b"v=0", "a session description (SDP)"),
    (b"<?xml", "an XML document"),
    (b"<", "a document in XML or HTML"),
    (b"{", "a text document"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"BM", "a picture (BMP)"),
    (b"II*\0", "a picture (TIFF)"),
    (b"MM\0*", "a picture (TIFF)"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a compressed archive"),
    (b"%PDF", "a PDF document"),
    (b"MThd", "MIDI notes"),
    (b"MAC ", "Monkey's Audio, which is not supported"),
    (b"MPCK", "Musepack, which is not supported"),
    (b"MP+", "Musepack, which is not supported"),
)


def _refused(head: bytes) -> str | None:
    if boxes.is_picture(head) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP"):
        return "a picture"
    begin = head[:512].removeprefix(b"\xef\xbb\xbf").lstrip()
    for magic, what in _REFUSED:
        if begin.startswith(magic) or head.startswith(magic):
            return what
    return "a text" if begin and b"\0" not in begin and begin.isascii() else None
