"""What tags tell, in files built by hand: of each family one that is as it should be, and ones that lie."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.media.containers.budget import MAX_BYTES, MAX_STEPS, Budget
from service.core.media.containers.layout import Ends
from service.core.media.inputs import Source
from service.core.media.labels.read import read_labels
from service.core.media.labels.text import MAX_CHARACTERS, Labels, clean, guessed
from service.core.media.sniff import HEAD_BYTES, TAIL_BYTES, identify
from tests.unit.core.media.test_sniff import FTYP, MDAT, MP3_FRAME, aiff, box, chunk, id3, moov, ogg, page, wav

BOTH = Labels("Grüße", "Ensemble Ö", cover=True)
WORDS = Labels("Grüße", "Ensemble Ö")


def frame(kind: bytes, text: str, encoding: int = 3) -> bytes:
    """One text frame of ID3v2.3."""
    body = bytes([encoding]) + text.encode(("latin-1", "utf-16", "utf-16-be", "utf-8")[encoding])
    return kind + struct.pack(">IH", len(body), 0) + body


def comments(*pairs: str) -> bytes:
    """Vorbis comments."""
    texts = [pair.encode() for pair in pairs]
    listed = b"".join(struct.pack("<I", len(text)) + text for text in texts)
    return struct.pack("<I", 4) + b"test" + struct.pack("<I", len(texts)) + listed


def flac(*blocks: tuple[int, bytes]) -> bytes:
    """FLAC with these blocks of metadata behind STREAMINFO."""
    all_blocks = [(0, bytes(34)), *blocks]
    kinds = [kind | (0x80 if number == len(all_blocks) - 1 else 0) for number, (kind, _) in enumerate(all_blocks)]
    return b"fLaC" + b"".join(
        bytes([kind]) + len(body).to_bytes(3, "big") + body for kind, (_, body) in zip(kinds, all_blocks, strict=True)
    )


def tagged_mp4(*tags: bytes) -> bytes:
    """An M4A whose index has these tags."""
    ilst = box(b"udta", box(b"meta", bytes(4), box(b"hdlr", bytes(24)), box(b"ilst", *tags)))
    index = moov()
    return FTYP + struct.pack(">I4s", len(index) + len(ilst), b"moov") + index[8:] + ilst + MDAT


def tag(kind: bytes, value: bytes) -> bytes:
    """One tag of MP4."""
    return box(kind, box(b"data", bytes(8), value))


TITLE, ARTIST = "TITLE=Grüße", "artist=Ensemble Ö"
KNOWN = {
    "mp3": (id3(frame(b"TIT2", "Grüße"), frame(b"TPE1", "Ensemble Ö", 1), frame(b"APIC", "x")) + MP3_FRAME * 4, BOTH),
    "mp3, at the end": (MP3_FRAME * 4 + (b"TAG" + "Grüße".encode("latin-1")).ljust(33, b"\0")
                        + "Ensemble Ö".encode("latin-1").ljust(95, b" "), WORDS),
    "flac": (flac((4, comments(TITLE, ARTIST)), (6, bytes(50))), BOTH),
    "ogg": (ogg()[:58] + page(7, 0, b"\x03vorbis" + comments("A=b" * 100, TITLE, ARTIST)) + ogg()[58:], WORDS),
    "m4a": (tagged_mp4(tag(b"\xa9nam", "Grüße".encode()), tag(b"\xa9ART", "Ensemble Ö".encode()),
                       tag(b"covr", bytes(20))), BOTH),
    "wav": (wav(chunk(b"LIST", b"INFO" + chunk(b"INAM", "Grüße".encode()) + chunk(b"IART", "Ensemble Ö".encode()))),
            WORDS),
    "aiff": (aiff(chunk(b"NAME", "Grüße".encode("latin-1"), ">"), chunk(b"AUTH", "Ensemble Ö".encode(), ">")), WORDS),
    "nothing": (wav(), Labels()),
}  # fmt: skip


def identified(data: bytes) -> Source:
    """Look at a whole file, as it is looked at when it was uploaded."""
    return identify(data[:HEAD_BYTES], data[-TAIL_BYTES:], len(data))


@pytest.mark.parametrize("case", KNOWN)
def test_title_artist_and_cover_are_read(case: str) -> None:
    """An upload says its title, its artist and whether it has a cover, whichever family its tags are of."""
    data, expected = KNOWN[case]
    found = identified(data)
    assert Labels(found.title, found.artist, found.cover) == expected
    assert Source.from_dict(found.to_dict()) == found


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"a\nb\t c\x1b[31m\x07", "a b c[31m"),
        ("\u202eevil\u2066 \u200btitle".encode(), "evil title"),
        (b"first\0second", "first"),
        (b"\0\0", None),
        (b" \x01 ", None),
        (b"x" * 5000, "x" * MAX_CHARACTERS),
        (b"\xff\xfe", "\ufffd\ufffd"),
        ("نمی\u200cخواهم".encode(), "نمی\u200cخواهم"),
    ],
    ids=["control", "marks", "first", "empty", "blank", "long", "no-text", "joiner"],
)
def test_text_of_strangers_is_short_and_plain(raw: bytes, shown: str | None) -> None:
    """No control character, mark of direction or line break of a tag is shown, and no more than 200 characters."""
    assert clean(raw) == shown


def test_older_text_is_utf_8_or_latin_1() -> None:
    """A tag that does not say how it is written is read as UTF-8 if it is, and else as Latin-1."""
    assert guessed("ä".encode()) == guessed("ä".encode("latin-1")) == "ä"


@pytest.mark.parametrize("case", KNOWN)
def test_tags_that_are_cut_off_do_no_harm(case: str) -> None:
    """A file that ends anywhere inside of its tags is still looked at to the end."""
    data, _ = KNOWN[case]
    for end in range(1, min(len(data), 400)):
        read_labels(Ends(data[:end], data[:end][-TAIL_BYTES:], end), case.split(",", maxsplit=1)[0])


@given(st.binary(max_size=2000), st.sampled_from(["mp3", "flac", "ogg", "m4a", "wav", "aiff"]))
def test_no_bytes_break_the_reader(data: bytes, container: str) -> None:
    """Whatever bytes a tag has, they are read without an error and within the budget."""
    begin = {"mp3": b"ID3\3\0\0\0\0\x0f\x50", "flac": b"fLaC", "ogg": b"OggS", "m4a": b"\0\0\7\0moov",
             "wav": b"RIFF0000WAVE", "aiff": b"FORM0000AIFF"}[container]  # fmt: skip
    budget = Budget()
    found = read_labels(Ends(begin + data, (begin + data)[-TAIL_BYTES:], len(data) + len(begin), budget), container)
    assert budget.steps <= MAX_STEPS
    assert budget.bytes <= MAX_BYTES
    assert all(text is None or len(text) <= MAX_CHARACTERS for text in (found.title, found.artist))


def test_a_budget_that_is_spent_costs_the_labels_alone() -> None:
    """Tags with more entries than a look may cost are left out, and the file is still what it is."""
    many = flac((4, comments(*["a=b"] * (MAX_STEPS + 10), TITLE)))
    found = identified(many)
    assert (found.container, found.title) == ("flac", None)
