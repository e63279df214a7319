"""What follows tags in front of the sound, wherever they end; and frames so short that a head has thousands of them."""

import struct
from collections.abc import AsyncIterator

import pytest

from service.application.inspection import UploadSniffer
from service.core.errors import UnsupportedMedia
from service.core.media.inputs import Source
from service.core.media.sniff import BEYOND_BYTES, HEAD_BYTES, TAIL_BYTES, Beyond, identify, tags_end
from service.testing.sniffer import DirectSniffer
from tests.unit.core.media.test_sniff import ADTS_FRAME, MP3_FRAME, NOISE, id3, ogg

SHORT_FRAME = b"\xff\xf3\x14\xc4" + bytes(20)  # MPEG-2 layer III, 8 kbit/s, 24 kHz, mono
MANY = 100_000  # of them: more than two heads
BIG_ENDIAN = b"RIFX\0\0\0\0WAVEfmt " + struct.pack(">IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16) + b"data" + bytes(2000)


def tag_up_to(end: int) -> bytes:
    """An ID3v2 tag of so many bytes."""
    return id3(bytes(end - 30))


def looked_at(data: bytes) -> Source:
    """Identify a whole object, as an upload is."""
    at = tags_end(data[:HEAD_BYTES], len(data))
    beyond = None if at is None else Beyond(at, data[at : at + BEYOND_BYTES])
    return identify(data[:HEAD_BYTES], data[-TAIL_BYTES:], len(data), beyond=beyond)


@pytest.mark.parametrize("left", [0, 1, 40, 400, 1000, 60_000])
def test_sound_behind_a_tag_that_ends_near_the_end_of_the_head_is_known(left: int) -> None:
    """However little of the sound the first MiB has, it is told what it is."""
    tag = tag_up_to(HEAD_BYTES - left)

    assert looked_at(tag + MP3_FRAME * 300).container == "mp3"
    assert looked_at(tag + ADTS_FRAME * 900).container == "aac"
    assert looked_at(tag + b"fLaC\0\0\0\x22" + bytes(200_000)).container == "flac"


@pytest.mark.parametrize("size", [4096, 700_001, 4_000_000])
@pytest.mark.parametrize("left", [0, 40, 5000])
async def test_what_follows_a_tag_that_ends_with_the_head_is_seen_as_it_passes(left: int, size: int) -> None:
    """What the head has of the sound counts as well, however the stream is cut."""
    file = tag_up_to(HEAD_BYTES - left) + MP3_FRAME * 300
    sniffer = UploadSniffer(DirectSniffer(), "", 2**31)

    async def body() -> AsyncIterator[bytes]:
        for at in range(0, len(file), size):
            yield file[at : at + size]

    async for _ in sniffer.watch(body()):
        pass

    assert sniffer.source is not None
    assert sniffer.source.container == "mp3"
    assert bytes(sniffer._beyond) == file[HEAD_BYTES - left :][:BEYOND_BYTES]


def test_nothing_behind_a_tag_that_ends_with_the_head_is_still_refused() -> None:
    """A tag in front makes nothing of what is no sound."""
    with pytest.raises(UnsupportedMedia):
        looked_at(tag_up_to(HEAD_BYTES - 40) + NOISE)


AC3_FRAME = b"\x0b\x77\0\0\0\x40" + bytes(122)  # 32 kbit/s, 48 kHz
TAGGABLE = {
    "ogg": ogg(),
    "ac3": AC3_FRAME * 9,
    "tta": b"TTA1" + struct.pack("<HHHII", 1, 1, 16, 8000, 8000) + bytes(4000),
    "flv": b"FLV\1\4\0\0\0\x09" + bytes(400),
    "mpg": b"\0\0\x01\xba" + bytes(400),
    "dts": b"\x7f\xfe\x80\x01" + bytes(400),
    "ts": (b"\x47" + bytes(187)) * 9,
}


@pytest.mark.parametrize("container", TAGGABLE)
@pytest.mark.parametrize("end", [200, HEAD_BYTES - 40, HEAD_BYTES + 40])
def test_containers_that_ffmpeg_finds_behind_a_tag_are_known_there(container: str, end: int) -> None:
    """Segments of AC-3 for HLS begin with a tag, and True Audio often does; from a file, ffmpeg passes over it."""
    found = looked_at(tag_up_to(end) + TAGGABLE[container])

    assert found.container == container
    assert found.needs_seeking


def test_rates_that_no_file_has_are_refused_behind_a_tag_too() -> None:
    """A tag in front is no way around the check of the declared rate."""
    with pytest.raises(UnsupportedMedia, match="sample rate of 1 Hz"):
        looked_at(tag_up_to(200) + b"TTA1" + struct.pack("<HHHII", 1, 1, 16, 1, 8000) + bytes(4000))


@pytest.mark.parametrize("junk", [b"", NOISE[:5000], bytes(5000)], ids=["none", "noise", "zeros"])
def test_long_files_of_short_frames_are_known(junk: bytes) -> None:
    """Speech at 8 kbit/s has so many frames in a MiB that a look for those of AAC alone would spend the budget."""
    assert looked_at(junk + SHORT_FRAME * MANY).container == "mp3"


def test_big_endian_wav_is_known() -> None:
    """RIFX is a WAV, and its rate is checked like that of one."""
    assert looked_at(BIG_ENDIAN).container == "wav"
    with pytest.raises(UnsupportedMedia, match="sample rate of 1 Hz"):
        looked_at(BIG_ENDIAN.replace(struct.pack(">I", 8000), struct.pack(">I", 1)))
