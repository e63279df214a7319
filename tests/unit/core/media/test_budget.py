"""What looking at bytes costs, counted in lines of Python and bytes copied, by which every attack is told apart."""

import struct
from collections.abc import Callable

import pytest

from service.core.errors import UnsupportedMedia
from service.core.media.containers import flac
from service.core.media.containers.budget import MAX_BYTES, MAX_STEPS, Budget, Spent
from service.core.media.containers.layout import BROKEN, TOO_LARGE
from service.core.media.sniff import HEAD_BYTES, TAIL_BYTES, identify
from tests.support.work import TOP, Watched, lines_of
from tests.unit.core.media.test_sniff import (
    FTYP,
    ID3V1,
    KNOWN,
    MDAT,
    MP3_FRAME,
    NOISE,
    box,
    chunk,
    ebml,
    moov,
    page,
    sniff,
)

ENDLESS = 10**12
LINES_PER_BYTE = 51  # a header has two bytes at least; it is walked over for what is there, and again for the tags
LINES_PER_STEP = 60
COPIED_PER_BYTE = 8
COPIED_PER_STEP = 300  # most of it the table of a page of Ogg
LINES_BESIDE = 3_000  # of what is looked at in any file, with or without steps


def unbounded() -> Budget:
    """A budget that stops nothing, and still counts."""
    return Budget(max_steps=ENDLESS, max_bytes=ENDLESS)


def work(data: bytes, budget: Budget) -> tuple[int, int]:
    """Lines run and bytes copied to identify an object."""
    head, tail = Watched(data[:HEAD_BYTES]), Watched(data[-TAIL_BYTES:])
    return lines_of(lambda: identify(head, tail, len(data), budget)), head.copied + tail.copied


def id3_tag(body: bytes) -> bytes:
    """An ID3v2.3 tag of any size."""
    return b"ID3\x03\0\0" + bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0)) + body


# ── attacks ──────────────────────────────────────────────────────────────────────────────────────────────────────


SILENT = b"TIT2" + struct.pack(">IH", 1, 0) + b"\0"


def far(kind: bytes) -> bytes:
    """The header of a box that reaches far beyond whatever it is in."""
    return struct.pack(">I4s", 0x7FFFFFFF, kind)


def far_element(number: int) -> bytes:
    """The header of an element that does."""
    return ebml(number)[:-8] + (1 << 56 | 1 << 40).to_bytes(8, "big")


def matroska(body: bytes) -> bytes:
    """A file with this in its segment."""
    return ebml(0x1A45DFA3, ebml(0x4282, b"matroska")) + ebml(0x18538067, body)


def m4a(*inside: bytes, behind: bytes = b"") -> bytes:
    """A file with this in its index."""
    return FTYP + box(b"moov", *inside) + MDAT + behind


def stco(count: int) -> bytes:
    """The places of so many chunks."""
    return box(b"stco", struct.pack(f">II{count}I", 0, count, *range(count)))


AAC_THAT_BREAKS_OFF = b"\xff\xf1\x50\x80\x02\x1f\xfc"
CAF = b"caff\0\x01\0\0desc" + struct.pack(">q", 32) + bytes(8) + b"lpcm" + bytes(20)
W64 = bytes.fromhex("726966662e91cf11a5d628db04c10000") + bytes(24)

APE_TAG = b"APETAGEX" + struct.pack("<IIII", 2000, 0, 0, 0xA0 << 24) + bytes(8)
HANDLER = box(b"hdlr", bytes(8), b"soun", bytes(12))
ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + struct.pack("<QIH", 1 << 40, 1 << 20, 0)
EXTENDED = bytes.fromhex("40a4d0d207e3d21197f000a0c95ea850")
NAMED_TITLE = ebml(0x45A3, b"TITLE")
FLAC_HEADER = bytes.fromhex("fff8c918") + b"\0"
FLAC_HEADER += bytes((flac.crc8(FLAC_HEADER),))


def avi(streams: bytes) -> bytes:
    """An AVI with these streams in its headers."""
    return b"RIFF\0\0\0\0AVI LIST" + struct.pack("<I", 4 + len(streams)) + b"hdrl" + streams


def extended(count: int, entry: bytes) -> bytes:
    """An extended content description with so many entries that are alike."""
    return EXTENDED + struct.pack("<QH", 26 + len(entry) * count, 0xFFFF) + entry * count


# How to make it of so many pieces, and of how many it is made to fill the bytes that are looked at.
ATTACKS: dict[str, tuple[Callable[[int], bytes], int]] = {
    "boxes beyond their parents": (lambda n: m4a(box(b"trak", far(b"mdia")) * n), 60_000),
    "long copies of boxes beyond their parents": (
        lambda n: m4a(box(b"trak", far(b"tkhd") + bytes(8)) * n, bytes(50 * n)), 13_000),
    "tracks of elements beyond their parents": (lambda n: matroska(ebml(0x1654AE6B, far_element(0xAE)) * n), 45_000),
    "pointers beyond their parents": (lambda n: matroska(ebml(0x114D9B74, far_element(0x4DBB)) * n), 45_000),
    "document types beyond their parents": (lambda n: ebml(0x1A45DFA3, far_element(0x4282)) * n, 45_000),
    "a row of headers": (lambda n: m4a(box(b"trak", box(b"hdlr", bytes(12)) * n)), 50_000),
    "nested boxes": (lambda n: m4a(box(b"trak", box(b"mdia", box(b"minf", box(b"stbl")))) * n), 30_000),
    "many boxes": (lambda n: m4a(box(b"trak", box(b"mdia") * n)), 120_000),
    "boxes without a length in each other": (lambda n: m4a(box(b"trak", b"\0\0\0\0mdia" * n)), 120_000),
    "filling behind the sound": (lambda n: FTYP + moov() + MDAT + box(b"free") * n, 120_000),
    "many lists of places": (lambda n: m4a(box(b"trak", stco(2) * n)), 40_000),
    "a long list of places": (lambda n: m4a(box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", stco(n)))))), 250_000),
    "small elements": (lambda n: matroska(b"\xec\x80" * n), 500_000),
    "small chunks, little-endian": (lambda n: b"RIFF\0\0\0\0WAVE" + chunk(b"JUNK", b"") * n, 130_000),
    "small chunks, big-endian": (lambda n: b"FORM\0\0\0\0AIFF" + chunk(b"JUNK", b"", ">") * n, 130_000),
    "small chunks, 64 bits": (lambda n: CAF + chunk(b"free", b"", ">", "q") * n, 80_000),
    "small chunks, GUIDs": (lambda n: W64 + (b"junk" + bytes(20)) * n, 43_000),
    "streams": (lambda n: page(1, 0, b"", first=True) * n, 36_000),
    "large first pages": (lambda n: page(1, 0, bytes(1000), first=True) * n, 1000),
    "tags in front": (lambda n: id3_tag(b"") * n, 104_000),
    "silent texts in a tag": (lambda n: id3_tag(SILENT * n) + MP3_FRAME * 9 + ID3V1, 60_000),
    "a long silent text": (
        lambda n: id3_tag(b"TIT2" + struct.pack(">IH", n, 0) + bytes(n)) + MP3_FRAME * 9 + ID3V1, 1_000_000),
    "zeros": (bytes, HEAD_BYTES),
    "zeros, then frames that break off": (lambda n: bytes(n) + b"\xff\xfb\x90\0" * 1024, HEAD_BYTES - 4096),
    "sync words": (lambda n: b"\xff" * n, HEAD_BYTES),
    "frames of AAC that break off": (lambda n: AAC_THAT_BREAKS_OFF * n, 150_000),
    "tags of APE in front": (lambda n: APE_TAG * n, 32_000),
    "noise without frames": (lambda n: (NOISE * 11)[:n], HEAD_BYTES),
    "sync words of MPEG": (lambda n: b"\xff\xfb\x90\0" * n, 262_000),
    "tracks of Matroska": (lambda n: matroska(ebml(0x1654AE6B, ebml(0xAE, ebml(0x83, b"\2")) * n)), 30_000),
    "fields of a track": (lambda n: matroska(ebml(0x1654AE6B, ebml(0xAE, ebml(0x86, b"A") * n))), 90_000),
    "tracks of MP4": (lambda n: m4a(box(b"trak", box(b"mdia", HANDLER, box(b"minf"))) * n), 14_000),
    "tags of Matroska": (lambda n: matroska(ebml(0x1254C367, ebml(0x7373, b"\xec\x80" * 9) * n)), 19_000),
    "texts of Matroska": (
        lambda n: matroska(ebml(0x1254C367, ebml(0x7373, ebml(0x67C8, NAMED_TITLE + b"\x44\x87\x80") * n))), 36_000),
    "tags of Matroska beyond their parents": (
        lambda n: matroska(ebml(0x1254C367, ebml(0x7373, far_element(0x67C8))) * n), 20_000),
    "texts of ASF": (lambda n: ASF + extended(n, b"\0\0" + bytes(4)), 170_000),
    "texts of ASF that are too long": (lambda n: ASF + extended(n, b"\2\0a\0\0\0\xff\xff"), 120_000),
    "texts of CAF": (lambda n: CAF + chunk(b"info", struct.pack(">I", n) + b"a\0\0" * n, ">", "q"), 340_000),
    "lists of texts of AVI": (lambda n: avi(b"") + chunk(b"LIST", b"INFO" + chunk(b"INAM", b"")) * n, 43_000),
    "objects of ASF": (lambda n: ASF + (bytes(16) + struct.pack("<Q", 24)) * n, 43_000),
    "streams of AVI": (lambda n: avi((b"LIST" + struct.pack("<I", 16) + b"strlstrf" + bytes(4)) * n), 40_000),
    "tags of FLV": (lambda n: b"FLV\1\5\0\0\0\x09" + bytes(4) + (b"\x09" + bytes(14)) * n, 69_000),
    "a table of TTA": (lambda n: b"TTA1" + struct.pack("<HHHII", 1, 2, 16, 1, n) + bytes(4 + 4 * n), 250_000),
    "frames of FLAC that are none": (lambda n: b"fLaC" + bytes(40) + b"\xff\xf8" * n, 500_000),
    "a last frame of FLAC": (lambda n: b"fLaC" + bytes(40) + FLAC_HEADER + bytes(n), 64_000),
    "a text": (lambda n: b"<" * n, HEAD_BYTES),
}  # fmt: skip


def attack_of(name: str, share: float = 1.0) -> bytes:
    """An attack, or one of the same kind that is smaller."""
    make, count = ATTACKS[name]
    return make(int(count * share))


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_file_costs_more_than_the_budget(attack: str) -> None:
    """However long the lengths in a file claim to be, and however many there are, a look ends after its budget."""
    budget = Budget()

    lines, copied = work(attack_of(attack), budget)

    assert budget.steps <= MAX_STEPS
    assert budget.bytes <= MAX_BYTES
    assert lines <= LINES_PER_STEP * budget.steps + LINES_BESIDE
    assert copied <= 2 * HEAD_BYTES + COPIED_PER_STEP * budget.steps + LINES_BESIDE


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_file_costs_does_not_multiply(attack: str) -> None:
    """Without any budget, too, the cost of a look grows with the bytes and not with their square."""
    data = attack_of(attack, 1 / 70)

    lines, copied = work(data, unbounded())

    assert lines <= LINES_PER_BYTE * len(data) + LINES_BESIDE < TOP
    assert copied <= COPIED_PER_BYTE * len(data) + LINES_BESIDE


@pytest.mark.parametrize(
    ("attack", "container", "reason"),
    [
        ("boxes beyond their parents", "m4a", BROKEN),
        ("tracks of elements beyond their parents", "mka", BROKEN),
        ("pointers beyond their parents", "mka", BROKEN),
        ("many boxes", "m4a", TOO_LARGE),
        ("filling behind the sound", "m4a", TOO_LARGE),
        ("small elements", "mka", TOO_LARGE),
        ("small chunks, little-endian", "wav", TOO_LARGE),
        ("small chunks, big-endian", "aiff", TOO_LARGE),
        ("small chunks, 64 bits", "caf", TOO_LARGE),
        ("small chunks, GUIDs", "w64", TOO_LARGE),
        ("streams", "ogg", TOO_LARGE),
        ("silent texts in a tag", "mp3", TOO_LARGE),
    ],
)
def test_a_spent_budget_is_an_answer(attack: str, container: str, reason: str) -> None:
    """What is too large to look through, or does not fit together, is known for what it is and goes by a local file."""
    source = sniff(attack_of(attack))

    assert (source.container, source.needs_seeking, source.reason) == (container, True, reason)


@pytest.mark.parametrize("attack", ["tags in front", "sync words", "zeros, then frames that break off"])
def test_what_is_nothing_within_the_budget_is_refused(attack: str) -> None:
    """Where the budget is spent before anything is known, the bytes are no audio."""
    with pytest.raises(UnsupportedMedia):
        sniff(attack_of(attack))


def test_a_budget_ends() -> None:
    """So many steps and so many bytes, and not one more of either."""
    budget = Budget(max_steps=2, max_bytes=10)
    budget.step()
    budget.step()
    budget.take(10)

    with pytest.raises(Spent):
        budget.step()
    with pytest.raises(Spent):
        budget.take(1)
    assert (budget.steps, budget.bytes) == (2, 10)


@pytest.mark.parametrize("case", KNOWN)
def test_a_real_file_needs_little_of_the_budget(case: str) -> None:
    """No kind of file comes near the budget: it is for attacks."""
    budget = Budget()

    data = KNOWN[case][0]
    identify(data[:HEAD_BYTES], data[-TAIL_BYTES:], len(data), budget)

    assert budget.steps < MAX_STEPS / 100
