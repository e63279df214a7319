import struct

import pytest

from service.core.errors import UnsupportedCodec, UnsupportedMedia
from service.core.media.codecs import (
    COVER_DECODERS,
    DECODED_AS_PCM,
    DECODERS,
    FOURCCS,
    LEFT_OUT,
    MATROSKA_IDS,
    RIFF_TAGS,
    decoders,
    unsupported,
)
from tests.unit.core.media.test_sniff import FTYP, MDAT, box, chunk, ebml, sniff


def wav(tag: int) -> bytes:
    """A WAV whose sound is of this kind."""
    fmt = chunk(b"fmt ", struct.pack("<HHIIHH", tag, 2, 44100, 16000, 384, 0))
    return b"RIFF\0\0\0\0WAVE" + fmt + chunk(b"data", bytes(4000))


def mov(kind: bytes) -> bytes:
    """A QuickTime film whose sound is of this kind."""
    stsd = box(b"stsd", struct.pack(">II", 0, 1), box(kind, bytes(16), struct.pack(">H", 2), bytes(10)))
    hdlr = box(b"hdlr", bytes(8), b"soun", bytes(12))
    return FTYP + box(b"moov", box(b"trak", box(b"mdia", hdlr, box(b"minf", box(b"stbl", stsd))))) + MDAT


def mka(name: bytes) -> bytes:
    """A Matroska file whose sound is of this kind."""
    track = ebml(0xAE, ebml(0x83, b"\x02"), ebml(0x86, name))
    return ebml(0x1A45DFA3, ebml(0x4282, b"matroska")) + ebml(
        0x18538067, ebml(0x1654AE6B, track), ebml(0x1F43B675, bytes(500))
    )


def test_codec_is_decoded_or_left_out_with_a_reason() -> None:
    """No codec is in both tables, each that is left out has a reason, and every name in a file leads to one of them."""
    assert not DECODERS.keys() & LEFT_OUT.keys()
    assert all(LEFT_OUT.values())
    named = {*RIFF_TAGS.values(), *FOURCCS.values(), *MATROSKA_IDS.values()} - {DECODED_AS_PCM, "ac4"}
    assert named <= DECODERS.keys() | LEFT_OUT.keys()


def test_decoders_are_named_once_and_covers_last() -> None:
    """ffmpeg is given every decoder of the table, and those of covers."""
    assert len(set(decoders())) == len(decoders())
    assert decoders()[-len(COVER_DECODERS) :] == COVER_DECODERS


@pytest.mark.requirement("6.5")
@pytest.mark.parametrize(
    ("data", "name"),
    [
        (wav(0x270), "ATRAC3"),
        (wav(0x83), r"G\.729"),
        (mov(b"QDM2"), "QDesign Music 2"),
        (mov(b"ac-4"), "Dolby AC-4"),
        (mka(b"A_REAL/COOK"), r"RealAudio \(Cook\)"),
    ],
    ids=["wav", "wav, speech", "mov", "mp4", "matroska"],
)
def test_sound_that_is_left_out_is_refused_at_upload(data: bytes, name: str) -> None:
    """Where the beginning of a file tells its codec, the refusal names it, with a code of its own."""
    with pytest.raises(UnsupportedCodec, match=f"^The sound is {name}, which is not supported\\.$") as caught:
        sniff(data)

    assert caught.value.code != UnsupportedMedia.code
    assert caught.value.status == UnsupportedMedia.status


@pytest.mark.parametrize("tag", [1, 2, 3, 6, 0x11, 0x20, 0x31, 0x45, 0x55, 0x161, 0x28F, 0x7777])
def test_sound_that_is_decoded_or_not_known_is_accepted(tag: int) -> None:
    """What is decoded is accepted, and what these tables do not know is left to ffmpeg."""
    assert sniff(wav(tag)).container == "wav"


@pytest.mark.parametrize(
    ("codecs", "refused"), [([], False), ([None], False), (["qdm2"], True), (["qdm2", "aac"], False), (["pcm"], False)]
)
def test_one_track_that_is_decoded_is_enough(codecs: list[str | None], refused: bool) -> None:
    """A file is refused only if nothing of it can be decoded."""
    assert (unsupported(codecs) is not None) is refused
