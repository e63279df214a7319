import struct

import pytest

from service.core.media.tracks import Track, choose, is_language, usual
from tests.unit.core.media.test_sniff import FTYP, MDAT, box, ebml, sniff

FRENCH = Track(number=1, language="fre", channels=2)
ENGLISH = Track(number=2, language="eng", channels=6)
COMMENTS = Track(number=3, language="eng", channels=2, default=True)


@pytest.mark.parametrize(
    ("tracks", "number"),
    [
        ([FRENCH, ENGLISH], 2),  # more channels
        ([FRENCH, ENGLISH, COMMENTS], 3),  # the default
        ([FRENCH, Track(number=2, channels=2)], 1),  # the first of those that are alike
        ([Track(number=1)], 1),
        ([], None),
    ],
)
def test_the_usual_track_is_that_of_plain_ffmpeg(tracks: list[Track], number: int | None) -> None:
    """The default before all others, then the most channels, then the first."""
    chosen = usual(tracks)

    assert (chosen.number if chosen else None) == number


@pytest.mark.parametrize(
    ("wanted", "number"),
    [(None, 3), (1, 1), (2, 2), (4, None), ("fre", 1), ("fra", 1), ("fr", 1), ("FR-CA", 1), ("en", 3), ("ger", None)],
)
def test_a_track_is_chosen_by_number_or_language(wanted: int | str | None, number: int | None) -> None:
    """A language is known by each of its codes; of several tracks in it, the usual one is taken."""
    chosen = choose([FRENCH, ENGLISH, COMMENTS], wanted)

    assert (chosen.number if chosen else None) == number


def test_a_language_has_the_form_of_one() -> None:
    """Codes of two or three letters, with a region or without."""
    assert all(map(is_language, ("en", "eng", "pt-BR")))
    assert not any(map(is_language, ("", "e", "english", "en_US", "1", "-en")))


def test_tracks_of_matroska_are_told_from_its_head() -> None:
    """Codec, language, rate, channels and default are those of the track entries; a language of none is English."""
    first = ebml(
        0xAE, ebml(0x83, b"\2"), ebml(0x86, b"A_OPUS"), ebml(0x22B59C, b"fre"), ebml(0x88, b"\0"),
        ebml(0xE1, ebml(0xB5, struct.pack(">f", 48000)), ebml(0x9F, b"\6")),
    )  # fmt: skip
    second = ebml(0xAE, ebml(0x83, b"\2"), ebml(0x86, b"A_AAC/MPEG4/LC"))
    data = ebml(0x1A45DFA3, ebml(0x4282, b"matroska")) + ebml(
        0x18538067, ebml(0x1654AE6B, first, second), ebml(0x1F43B675, bytes(500))
    )

    assert sniff(data).tracks == (
        Track(number=1, codec="opus", language="fre", rate=48000, channels=6),
        Track(number=2, codec="aac", language="eng", channels=1, default=True),
    )


def test_tracks_of_mp4_are_told_from_its_index() -> None:
    """Codec, language, rate and channels are those of the boxes; a track that is on is a default."""

    def track(kind: bytes, enabled: int, language: int) -> bytes:
        entry = box(kind, bytes(16), struct.pack(">HHIH", 2, 16, 0, 44100), bytes(10))
        stbl = box(b"stbl", box(b"stsd", struct.pack(">II", 0, 1), entry))
        mdhd = box(b"mdhd", bytes(20), struct.pack(">HH", language, 0))
        hdlr = box(b"hdlr", bytes(8), b"soun", bytes(12))
        tkhd = box(b"tkhd", bytes((0, 0, 0, enabled)), bytes(80))
        return box(b"trak", tkhd, box(b"mdia", mdhd, hdlr, box(b"minf", stbl)))

    german, unknown = (ord("g") - 96) << 10 | (ord("e") - 96) << 5 | ord("r") - 96, 0x55C4
    data = FTYP + box(b"moov", track(b"mp4a", 1, german), track(b"alac", 0, unknown)) + MDAT

    assert sniff(data).tracks == (
        Track(number=1, codec="aac", language="ger", rate=44100, channels=2, default=True),
        Track(number=2, codec="alac", rate=44100, channels=2),
    )
