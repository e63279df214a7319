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
from tests.unit.core.media.test_budget import CAF, EXTENDED, avi, matroska, unbounded
from tests.unit.core.media.test_sniff import FTYP, MDAT, MP3_FRAME, aiff, box, chunk, ebml, id3, moov, ogg, page, wav

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


def named(name: str, text: str) -> bytes:
    """A tag of Matroska, about whatever it is put into."""
    return ebml(0x67C8, ebml(0x45A3, name.encode()) + ebml(0x4487, text.encode()))


def level(value: int) -> bytes:
    """What a tag of Matroska is about."""
    return ebml(0x63C0, ebml(0x68CA, bytes((value,))))


ABOUT_TRACK = ebml(0x63C0, ebml(0x63C5, b"\7"))
PICTURE = ebml(0x1941A469, ebml(0x61A7, ebml(0x466E, b"cover.png") + ebml(0x4660, b"image/png") + ebml(0x465C, b"x")))
SOUND = ebml(0x1F43B675, bytes(2_000_000))


def tagged_matroska(*tags: bytes, before: bytes = b"") -> bytes:
    """Matroska with these tags in front of the sound."""
    return matroska(before + ebml(0x1254C367, b"".join(ebml(0x7373, one) for one in tags)) + ebml(0x1F43B675, b"x"))


def tagged_behind(*elements: tuple[int, bytes], pointers: int = 1) -> bytes:
    """Matroska with these elements behind a long sound, and so many pointers to each of them in front."""
    wanted = [(number, len(ebml(number, body))) for number, body in elements]

    def seek_head(places: list[int]) -> bytes:
        seeks = [
            ebml(0x4DBB, ebml(0x53AB, number.to_bytes(4, "big")) + ebml(0x53AC, place.to_bytes(8, "big")))
            for (number, _), place in zip(wanted, places, strict=True)
        ]
        return ebml(0x114D9B74, b"".join(seeks) * pointers)

    first = len(seek_head([0] * len(wanted))) + len(SOUND)
    places = [first + sum(length for _, length in wanted[:number]) for number in range(len(wanted))]
    return matroska(seek_head(places) + SOUND + b"".join(ebml(number, body) for number, body in elements))


def utf_16(text: str) -> bytes:
    """A text of Windows, with a zero behind it."""
    return f"{text}\0".encode("utf-16-le")


def asf(*objects: tuple[bytes, bytes]) -> bytes:
    """A file of Windows Media with these objects in its header."""
    body = b"".join(guid + struct.pack("<Q", 24 + len(inside)) + inside for guid, inside in objects)
    header = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
    return header + struct.pack("<QIH", 30 + len(body), len(objects), 258) + body


def described(title: str, author: str) -> tuple[bytes, bytes]:
    """A content description of Windows Media."""
    texts = [utf_16(title), utf_16(author), b"", b"", b""]
    lengths = struct.pack("<5H", *map(len, texts))
    return bytes.fromhex("3326b2758e66cf11a6d900aa0062ce6c"), lengths + b"".join(texts)


def also_described(*entries: tuple[str, int, bytes]) -> tuple[bytes, bytes]:
    """An extended one: names, kinds and values."""
    rows = [
        struct.pack("<H", len(utf_16(name))) + utf_16(name) + struct.pack("<HH", kind, len(value)) + value
        for name, kind, value in entries
    ]
    return EXTENDED, struct.pack("<H", len(rows)) + b"".join(rows)


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
    "avi": (avi(b"") + chunk(b"LIST", b"INFO" + chunk(b"INAM", "Grüße".encode()) + chunk(b"IART", b"Ensemble \xd6"))
            + chunk(b"LIST", b"movi"), WORDS),
    "caf": (CAF + chunk(b"info", b"\0\0\0\3genre\0x\0title\0Gr\xc3\xbc\xc3\x9fe\0artist\0Ensemble \xc3\x96\0", ">", "q")
            + chunk(b"data", bytes(40), ">", "q"), WORDS),
    "wma": (asf(described("Grüße", "Ensemble Ö"), also_described(("WM/Picture", 1, bytes(30)))), BOTH),
    "wma, extended alone": (asf(also_described(("WM/Year", 0, utf_16("1999")), ("Title", 0, utf_16("Grüße")),
                                               ("Author", 0, utf_16("Ensemble Ö")))), WORDS),
    "mka": (tagged_matroska(named("artist", "Ensemble Ö"), before=ebml(0x1549A966, ebml(0x7BA9, "Grüße".encode()))
                            + PICTURE), BOTH),
    "mka, of what": (tagged_matroska(ABOUT_TRACK + named("TITLE", "of a track"), level(50) + named("TITLE", "An album")
                                     + named("ARTIST", "Various"), level(30) + named("TITLE", "Grüße")
                                     + named("ARTIST", "Ensemble Ö")), WORDS),
    "mka, behind": (tagged_behind((0x1549A966, ebml(0x7BA9, "Grüße".encode())),
                                  (0x1254C367, ebml(0x7373, named("ARTIST", "Ensemble Ö")))), WORDS),
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


BEGINNINGS = {
    "mp3": b"ID3\3\0\0\0\0\x0f\x50",
    "flac": b"fLaC",
    "ogg": b"OggS",
    "m4a": b"\0\0\7\0moov",
    "wav": b"RIFF0000WAVE",
    "avi": b"RIFF0000AVI LIST\xff\0\0\0INFO",
    "aiff": b"FORM0000AIFF",
    "caf": CAF + b"info" + struct.pack(">qI", 1 << 30, 1 << 30),
    "wma": asf(also_described(("Title", 0, b"")))[:-1],
    "mka": matroska(b"")[:-1] + b"\xff" + ebml(0x1254C367)[:-1] + b"\xff" + ebml(0x7373)[:-1] + b"\xff",
}
WORDS_OF_TAGS = st.sampled_from([b"title\0", b"\x67\xc8\x84", b"\x45\xa3\x85TITLE", b"\x44\x87\x83", b"INAM\3\0\0\0",
                                 b"\x63\xc0\x80", b"\x12\x00T\0i\0t\0l\0e\0", b"\x19\x41\xa4\x69\x88"])  # fmt: skip
BYTES_OF_TAGS = st.lists(st.binary(max_size=20) | WORDS_OF_TAGS, max_size=200).map(b"".join)


@given(BYTES_OF_TAGS, st.sampled_from(sorted(BEGINNINGS)))
def test_no_bytes_break_the_reader(data: bytes, container: str) -> None:
    """Whatever bytes a tag has, they are read without an error and within the budget."""
    begin = BEGINNINGS[container]
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


def test_pointers_to_the_same_tags_are_followed_once() -> None:
    """However many pointers of Matroska lead behind the sound, what is there is looked at once."""
    body = b"\xec\x80" * 9_000
    steps = []
    for pointers in (1, 50):
        data, budget = tagged_behind((0x1254C367, body), pointers=pointers), unbounded()
        identify(data[:HEAD_BYTES], data[-TAIL_BYTES:], len(data), budget)
        steps.append(budget.steps)

    assert 9_000 < steps[0] < 10_000
    assert steps[1] - steps[0] < 50 * 10 * 2
