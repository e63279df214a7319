import json
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.core.errors import EmptyUpload, UnsupportedMedia
from service.core.media.inputs import INPUT_FORMATS, Source
from service.core.media.sniff import HEAD_BYTES, TAIL_BYTES, identify


def sniff(data: bytes, size: int | None = None) -> Source:
    """Identify an object of which `data` is all, or the beginning of `size` bytes (the rest being zeros)."""
    if size is None or size <= len(data):
        return identify(data[:HEAD_BYTES], data[-TAIL_BYTES:], len(data))
    return identify(data[:HEAD_BYTES], bytes(min(TAIL_BYTES, size - len(data))), size)


# ── small files, built by hand ───────────────────────────────────────────────────────────────────────────────────


def chunk(kind: bytes, body: bytes, order: str = "<", width: str = "I") -> bytes:
    """One chunk of RIFF or its relatives."""
    return kind + struct.pack(order + width, len(body)) + body + b"\0" * (len(body) & 1)


def wav(*behind: bytes, data_size: int | None = None, seconds: float = 1.0) -> bytes:
    """8 kHz, mono, 16 bits."""
    sound = bytes(int(seconds * 16000))
    fmt = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16))
    size = len(sound) if data_size is None else data_size
    return b"RIFF\0\0\0\0WAVE" + fmt + b"data" + struct.pack("<I", size) + sound + b"".join(behind)


def aiff(*behind: bytes, described: bool = True) -> bytes:
    """One second of 8 kHz, mono, 16 bits."""
    rate = struct.pack(">HQ", 16383 + 12, 8000 << (63 - 12))
    comm = chunk(b"COMM", struct.pack(">HIH", 1, 8000, 16) + rate, ">") if described else b""
    return b"FORM\0\0\0\0AIFF" + comm + chunk(b"SSND", bytes(8 + 16000), ">") + b"".join(behind)


def caf(codec: bytes = b"lpcm", *behind: bytes, size: int = 4000) -> bytes:
    """A Core Audio file."""
    desc = struct.pack(">d4sIIIII", 8000.0, codec, 0, 2, 1, 1, 16)
    head = b"caff\0\x01\0\0" + chunk(b"desc", desc, ">", "q")
    return head + b"data" + struct.pack(">q", size) + bytes(4000) + b"".join(behind)


def w64(*behind: bytes) -> bytes:
    """A Wave64 file."""
    guid = bytes.fromhex("f3acd3118cd100c04f8edb8a")
    fmt = b"fmt " + guid + struct.pack("<Q", 40) + struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    riff = bytes.fromhex("726966662e91cf11a5d628db04c10000") + bytes(8) + b"wave" + guid
    return riff + fmt + b"data" + guid + struct.pack("<Q", 24 + 16000) + bytes(16000) + b"".join(behind)


def box(kind: bytes, *parts: bytes) -> bytes:
    """One box of MP4."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def moov(*, extra: bytes = b"", offsets: tuple[int, ...] = (1000, 2000)) -> bytes:
    """An index with one track of sound, 2.5 s long."""
    mvhd = box(b"mvhd", bytes(12), struct.pack(">II", 1000, 2500), bytes(80))
    tkhd = box(b"tkhd", bytes(20), struct.pack(">I", 2500), bytes(60))
    hdlr = box(b"hdlr", bytes(8), b"soun", bytes(12))
    stco = box(b"stco", struct.pack(f">II{len(offsets)}I", 0, len(offsets), *offsets))
    trak = box(b"trak", tkhd, extra, box(b"mdia", hdlr, box(b"minf", box(b"stbl", stco))))
    return box(b"moov", mvhd, trak)


FTYP = box(b"ftyp", b"M4A ", bytes(4))
MDAT = box(b"mdat", bytes(3000))


def ebml(number: int, *parts: bytes) -> bytes:
    """One element of Matroska, with a size of 8 bytes."""
    body = b"".join(parts)
    return number.to_bytes((number.bit_length() + 7) // 8, "big") + (len(body) | 1 << 56).to_bytes(8, "big") + body


def matroska(
    *, pointer: int | None = None, video: bool = False, tracks: bool = True, doc: bytes = b"matroska"
) -> bytes:
    """A file with one cluster; `pointer` is where its SeekHead says that the tags are."""
    kinds = [ebml(0xAE, ebml(0x83, b"\x02"))] + ([ebml(0xAE, ebml(0x83, b"\x01"))] if video else [])
    seek = ebml(0x4DBB, ebml(0x53AB, b"\x12\x54\xc3\x67"), ebml(0x53AC, (pointer or 0).to_bytes(4, "big")))
    parts = [ebml(0x114D9B74, seek)] if pointer is not None else []
    parts += [ebml(0x1654AE6B, *kinds)] if tracks else []
    return ebml(0x1A45DFA3, ebml(0x4282, doc)) + ebml(0x18538067, *parts, ebml(0x1F43B675, bytes(5000)))


def page(serial: int, granule: int, body: bytes, *, first: bool = False) -> bytes:
    """One page of Ogg; its checksum is not looked at."""
    lacing = bytes([255] * (len(body) // 255) + [len(body) % 255])
    flags = 2 if first else 0
    return b"OggS\0" + struct.pack("<BqIIIB", flags, granule, serial, 0, 0, len(lacing)) + lacing + body


def ogg(*, last_serial: int = 7) -> bytes:
    """Two seconds of Vorbis at 8 kHz."""
    identification = b"\x01vorbis" + struct.pack("<IBI", 0, 1, 8000) + bytes(14)
    return page(7, 0, identification, first=True) + page(7, 8000, bytes(500)) + page(last_serial, 16000, bytes(300))


MP3_FRAME = b"\xff\xfb\x90\x00" + bytes(413)  # MPEG-1 layer III, 128 kbit/s, 44.1 kHz, stereo
ADTS_FRAME = b"\xff\xf1\x50\x80" + bytes((100 >> 3, (100 & 7) << 5, 0)) + bytes(93)


def xing(frames: int, size: int) -> bytes:
    """The first frame of an encoder that says how much follows."""
    tag = b"Info" + struct.pack(">III", 3, frames, size) + bytes(104) + b"Lavf" + bytes(17) + b"\x24\x04\xda"
    return (MP3_FRAME[:36] + tag).ljust(417, b"\0")


def id3(*frames: bytes, version: int = 3) -> bytes:
    """An ID3v2 tag."""
    body = b"".join(frames) + bytes(20)
    size = bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3" + bytes((version, 0, 0)) + size + body


OPUS_BEGINNING = page(1, 0, b"OpusHead\1\2" + struct.pack("<H", 312), first=True)
PICTURE = b"APIC" + struct.pack(">IH", 9, 0) + bytes(9)
TITLE = b"TIT2" + struct.pack(">IH", 6, 0) + b"\0Title"
ID3V1 = b"TAG" + bytes(125)
APE = b"APETAGEX" + bytes(24)


# ── what it is, and whether a pipe will do ───────────────────────────────────────────────────────────────────────

PIPE, LOCAL = False, True

LONG_TAG = id3(b"APIC" + struct.pack(">IH", 1_600_000, 0) + bytes(1_600_000))  # longer than the head
NOISE = bytes(1 + n * n % 241 for n in range(100_000))

KNOWN = {
    "wav": (wav(), "wav", PIPE, 1.0),
    "wav, odd end": (wav(b"\0"), "wav", PIPE, 1.0),
    "wav, chunks behind": (wav(chunk(b"LIST", b"INFO")), "wav", LOCAL, 1.0),
    "wav, size nought": (wav(data_size=0), "wav", PIPE, 1.0),
    "wav, size open": (wav(data_size=0xFFFFFFFF), "wav", PIPE, 1.0),
    "wav, placeholder": (wav(data_size=0x7FFFFFC0), "wav", PIPE, 1.0),
    "wav, cut off": (wav(data_size=32000), "wav", PIPE, 2.0),
    "wav, nothing but a beginning": (b"RIFF\0\0\0\0WAVE", "wav", LOCAL, None),
    "aiff": (aiff(), "aiff", PIPE, 1.0),
    "aiff, chunks behind": (aiff(chunk(b"NAME", b"A name..", ">")), "aiff", LOCAL, 1.0),
    "aiff, described behind": (aiff(described=False), "aiff", LOCAL, None),
    "w64": (w64(), "w64", PIPE, 1.0),
    "w64, chunks behind": (w64(bytes(24)), "w64", LOCAL, 1.0),
    "caf": (caf(), "caf", PIPE, None),
    "caf, size open": (caf(size=-1), "caf", PIPE, None),
    "caf, chunks behind": (caf(b"lpcm", chunk(b"info", b"\0" * 8, ">", "q")), "caf", LOCAL, None),
    "caf, compressed": (caf(b"alac"), "caf", LOCAL, None),
    "m4a, index behind": (FTYP + MDAT + moov(), "m4a", LOCAL, None),
    "m4a, index in front": (FTYP + moov() + MDAT, "m4a", PIPE, 2.5),
    "m4a, filling behind": (FTYP + moov() + MDAT + box(b"free", bytes(9)), "m4a", PIPE, 2.5),
    "m4a, tags behind": (FTYP + moov() + MDAT + box(b"udta", bytes(9)), "m4a", LOCAL, 2.5),
    "m4a, chapters": (FTYP + moov(extra=box(b"tref", box(b"chap", bytes(4)))) + MDAT, "m4a", LOCAL, 2.5),
    "m4a, samples in disorder": (FTYP + moov(offsets=(2000, 1000)) + MDAT, "m4a", LOCAL, 2.5),
    "m4a, fragments": (FTYP + moov() + box(b"moof", bytes(99)) + MDAT + box(b"moof", bytes(9)), "m4a", PIPE, None),
    "mov, without a brand": (moov() + MDAT, "mov", PIPE, 2.5),
    "3gp": (box(b"ftyp", b"3gp4", bytes(4)) + moov() + MDAT, "3gp", PIPE, 2.5),
    "mp4": (box(b"ftyp", b"isom", bytes(4)) + moov() + MDAT, "mp4", PIPE, 2.5),
    "mka": (matroska(), "mka", PIPE, None),
    "mkv": (matroska(video=True), "mkv", PIPE, None),
    "webm": (matroska(doc=b"webm", video=True), "webm", PIPE, None),
    "mka, tags in front": (matroska(pointer=10), "mka", PIPE, None),
    "mka, tags behind": (matroska(pointer=5200), "mka", LOCAL, None),
    "mka, tracks behind": (matroska(tracks=False), "mka", LOCAL, None),
    "ogg": (ogg(), "ogg", PIPE, 2.0),
    "ogg, a chain": (ogg(last_serial=8), "ogg", LOCAL, None),
    "opus": (OPUS_BEGINNING + page(1, 96312, b"x"), "opus", PIPE, 2.0),
    "mp3": (MP3_FRAME * 9, "mp3", PIPE, None),
    "mp3 behind zeros": (bytes(70_000) + MP3_FRAME * 9, "mp3", PIPE, None),
    "mp3 behind half a frame": (MP3_FRAME[200:] + b"\xff\xfb" + MP3_FRAME * 9, "mp3", PIPE, None),
    "mp3 behind 5000 bytes that begin like XML": (b"<" + NOISE[:5000] + MP3_FRAME * 9, "mp3", PIPE, None),
    "mp3 behind a text": (b"<html>" * 1000 + MP3_FRAME * 9, "mp3", PIPE, None),
    "mp3 behind much junk": (NOISE + MP3_FRAME * 9, "mp3", PIPE, None),
    "mp3 behind an APE tag": (
        b"APETAGEX" + struct.pack("<IIII", 2000, 132, 1, 0xA0 << 24) + bytes(8 + 132) + MP3_FRAME * 9,
        "mp3", PIPE, None),
    "mp3, ID3v1 alone": (MP3_FRAME * 9 + ID3V1, "mp3", LOCAL, None),
    "mp3, ID3v1 and ID3v2": (id3(TITLE) + MP3_FRAME * 9 + ID3V1, "mp3", PIPE, None),
    "mp3, ID3v1 and an empty ID3v2": (id3() + MP3_FRAME * 9 + ID3V1, "mp3", LOCAL, None),
    "mp3, ID3v1 and a picture": (id3(PICTURE) + MP3_FRAME * 9 + ID3V1, "mp3", LOCAL, None),
    "mp3, APEv2": (MP3_FRAME * 9 + APE, "mp3", PIPE, None),
    "mp3 with its length": (xing(8, 9 * 417) + MP3_FRAME * 8, "mp3", PIPE, (8 * 1152 - 576 - 1242) / 44100),
    "mp3, two glued together": (xing(8, 9 * 417) + MP3_FRAME * 17, "mp3", LOCAL, None),
    "mp2": ((b"\xff\xfd\x80\x00" + bytes(413)) * 4, "mp2", PIPE, None),
    "aac": (ADTS_FRAME * 9, "aac", PIPE, None),
    "aac behind ID3v2": (id3(TITLE) + ADTS_FRAME * 9, "aac", PIPE, None),
    "aac, ID3v1": (ADTS_FRAME * 9 + ID3V1, "aac", LOCAL, None),
    "aac, APEv2": (ADTS_FRAME * 9 + APE, "aac", LOCAL, None),
    "flac": (b"fLaC\0\0\0\x22" + bytes(10) + b"\x01\xf4\x02\xf0\0\0\x3e\x80" + bytes(16), "flac", PIPE, 2.0),
    "flac behind ID3v2": (id3(TITLE) + b"fLaC\0\0\0\x22" + bytes(40), "flac", PIPE, None),
    "ac3": ((b"\x0b\x77\0\0\x00\x40" + bytes(122)) * 4, "ac3", PIPE, None),
    "eac3": ((b"\x0b\x77\x00\x3f\x00\x80" + bytes(122)) * 4, "eac3", PIPE, None),
    "dts": (b"\x7f\xfe\x80\x01" + bytes(99), "dts", PIPE, None),
    "amr": (b"#!AMR\n" + bytes(99), "amr", PIPE, None),
    "amr, wide band": (b"#!AMR-WB\n" + bytes(99), "amr", PIPE, None),
    "au": (b".snd" + bytes(99), "au", PIPE, None),
    "wma": (bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(99), "wma", PIPE, None),
    "ts": ((b"\x47" + bytes(187)) * 9, "ts", LOCAL, None),
    "ts with time stamps": ((bytes(4) + b"\x47" + bytes(187)) * 9, "ts", LOCAL, None),
    "mpg": (b"\0\0\x01\xba" + bytes(99), "mpg", LOCAL, None),
    "avi": (b"RIFF\0\0\0\0AVI " + bytes(99), "avi", LOCAL, None),
    "flv": (b"FLV\x01" + bytes(99), "flv", LOCAL, None),
    "tta": (b"TTA1" + bytes(99), "tta", LOCAL, None),
    "wv": (b"wvpk" + bytes(99), "wv", LOCAL, None),
}  # fmt: skip


@pytest.mark.requirement("1.5", "6.9")
@pytest.mark.parametrize("case", KNOWN)
def test_sniffing_finds_the_format_and_whether_it_can_be_streamed(case: str) -> None:
    """Each kind is found by its bytes; what ffmpeg would have to jump for goes by a local file, and says why."""
    data, container, local, seconds = KNOWN[case]

    source = sniff(data)

    assert (source.container, source.needs_seeking) == (container, local)
    assert bool(source.reason) is local
    assert source.declared_seconds == (None if seconds is None else pytest.approx(seconds))
    assert Source.from_dict(json.loads(json.dumps(source.to_dict()))) == source, "records keep it as JSON"


def test_every_input_format_has_a_sniffing_case() -> None:
    """No accepted kind is missing above."""
    assert {container for _, container, _, _ in KNOWN.values()} == {item.name for item in INPUT_FORMATS}


@pytest.mark.parametrize(
    ("head", "size", "reason"),
    [
        (id3(bytes(2_000_000)), 9_000_000, "its tag in front is too long to look behind it"),
        (b"RIFF\0\0\0\0WAVE" + chunk(b"JUNK", bytes(2_000_000)), 9_000_000, "the sound begins too far inside"),
        (FTYP + box(b"moov", bytes(2_000_000)) + MDAT, 9_000_000, "its index (moov) is too large to look through"),
        (FTYP + struct.pack(">I4sQ", 1, b"mdat", 5_000_000_000), 6_000_000_000, "its index (moov) lies behind"),
        (FTYP + moov() + struct.pack(">I4s", 4_000_000, b"mdat"), 9_000_000, "there are boxes behind"),
    ],
    ids=["long tag", "far sound", "large index", "large sound", "unseen middle"],
)  # fmt: skip
def test_sniffing_chooses_the_local_path_when_in_doubt(head: bytes, size: int, reason: str) -> None:
    """Where head and tail do not show enough, the local file is chosen."""
    found = sniff(head, size).reason

    assert found is not None
    assert found.startswith(reason)


def test_sniffing_works_without_the_tail() -> None:
    """The head alone, with the announced size, is enough to say what kind it is."""
    for data, container, _, _ in KNOWN.values():
        assert identify(data[:HEAD_BYTES], b"", 5_000_000_000).container == container


# ── what is refused ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("6.9")
@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"#EXTM3U\nhttp://x/\n", "playlist"),
        (b"\xef\xbb\xbf\r\n #EXTM3U\n", "playlist"),
        (b"ffconcat version 1.0\n", "playlist"),
        (b"[playlist]\nFile1=x", "playlist"),
        (b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n", "SDP"),
        (b"<?xml version='1.0'?><MPD/>", "XML"),
        (b"<html></html>", "HTML"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "JPEG"),
        (b"GIF89a\x30\0", "GIF"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "a picture"),
        (box(b"ftyp", b"avif", bytes(8)), "a picture"),
        (b"PK\x03\x04", "ZIP"),
        (b"%PDF-1.7", "PDF"),
        (b"MThd\0\0\0\6", "MIDI"),
        (b"Just a letter.\n" * 99, "a text"),
        ("Grüße aus Köln.\n".encode() * 99, "no audio that is known here"),
        (bytes(100_000), "no audio that is known here"),
        (MP3_FRAME, "no audio that is known here"),
        (b"ID3\x03\0\0\0\0\0\x0a" + bytes(10), "no audio that is known here"),
    ],
)
def test_sniffing_refuses_what_is_no_audio_and_names_it(data: bytes, says: str) -> None:
    """The refusal says what the bytes are, and what is supported."""
    with pytest.raises(UnsupportedMedia, match=says) as caught:
        sniff(data)

    assert caught.value.extra["supported"] == [item.name for item in INPUT_FORMATS]


def test_sniffing_refuses_an_empty_upload() -> None:
    """No bytes at all have an error of their own."""
    with pytest.raises(EmptyUpload):
        identify(b"", b"", 0)


# ── whatever comes ───────────────────────────────────────────────────────────────────────────────────────────────

BEGINNINGS = st.sampled_from([data[:400] for data, *_ in KNOWN.values()])
NUMBERS = st.sampled_from([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\1", b"\x80\0\0\0", b"\1" + bytes(7), b"\xff" * 8])


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """The beginning of a known kind with numbers overwritten, repeated, and something behind."""
    data = bytearray(draw(BEGINNINGS))
    for _ in range(draw(st.integers(0, 4))):
        at, number = draw(st.integers(0, max(len(data) - 1, 0))), draw(NUMBERS)
        data[at : at + len(number)] = number
    return bytes(data) * draw(st.integers(1, 5)) + draw(st.binary(max_size=60))


@given(mangled() | st.binary(max_size=300), st.binary(max_size=100), st.integers(0, 1 << 40))
@example(b"OggS" * 20_000, b"OggS" * 20_000, 1 << 30)
@example(b"\xff" * HEAD_BYTES, b"\xff" * TAIL_BYTES, HEAD_BYTES)
@example(b"ID3\x03\0\0\0\0\0\0" * 100_000, b"", 1_000_000)
@example(b"\0\0\0\x08free" * 100_000, b"", 800_000)
@example(FTYP + box(b"moov", box(b"trak") * 60_000, bytes(8)) + MDAT, b"", 500_000)
@example(matroska()[:40] + b"\xec\x80" * 400_000, b"", 800_000)
def test_sniffing_survives_any_bytes(head: bytes, tail: bytes, size: int) -> None:
    """Whatever the bytes, the answer is a source or one of two refusals, and it comes soon."""
    try:
        source = identify(head, tail, size)
    except (UnsupportedMedia, EmptyUpload):
        return

    assert source.needs_seeking is (source.reason is not None)
    assert source.declared_seconds is None or source.declared_seconds >= 0


# ── what is missing, and what is told ────────────────────────────────────────────────────────────────────────────

AU = b".snd" + struct.pack(">IIIII", 24, 16000, 3, 8000, 1) + bytes(16000)


@pytest.mark.requirement("6.5")
@pytest.mark.parametrize(
    "whole", [wav(), aiff(), w64(), caf(), AU, ogg()], ids=["wav", "aiff", "w64", "caf", "au", "ogg"]
)
def test_sniffing_sees_that_bytes_are_missing(whole: bytes) -> None:
    """What reaches beyond the end of the object is missing; of a whole file nothing is."""
    assert sniff(whole).cut_off is None
    assert sniff(whole[: len(whole) * 2 // 3]).cut_off is not None


@pytest.mark.requirement("6.5")
@pytest.mark.parametrize(
    "size", [0, 0x7F000008, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF - 36, 0xFFFFFFFF, 16000 + 44]
)
def test_sizes_that_were_never_filled_in_are_no_truncation(size: int) -> None:
    """What programs write that cannot go back and correct it means: up to the end."""
    assert sniff(wav(data_size=size)).cut_off is None
    assert sniff(wav(data_size=1_000_000_000)).cut_off is not None


def test_rate_of_a_wav_is_that_of_its_samples() -> None:
    """A wrong number of bytes per second, which nothing uses, does not change how long a WAV is."""
    data = bytearray(wav(seconds=3))
    data[28:32] = struct.pack("<I", 8000)

    assert sniff(bytes(data)).declared_seconds == 3


def test_sound_that_a_wav_does_not_declare_is_told() -> None:
    """What follows the declared sound and is no chunk is more of it; chunks and padding are not."""
    assert sniff(wav(bytes(100) + b"\7" * 8000)).holds_more is not None
    assert sniff(wav(chunk(b"LIST", bytes(5000)))).holds_more is None
    assert sniff(wav(bytes(5000))).holds_more is None


def test_counts_of_an_mp3_beyond_its_end_make_it_suspect() -> None:
    """A header that counts more bytes than there are is a hint, no proof: the seconds have to be missing, too."""
    assert sniff(xing(8, 9 * 417) + MP3_FRAME * 8).suspect is None
    assert sniff(xing(800, 801 * 417) + MP3_FRAME * 9).suspect is not None


def test_much_junk_in_front_of_an_mp3_is_known() -> None:
    """ffmpeg passes over 64 KiB, and takes what is further inside for damaged frames; zeros do no harm."""
    assert sniff(NOISE + MP3_FRAME * 9).junk
    assert not sniff(NOISE[:5000] + MP3_FRAME * 9).junk
    assert not sniff(bytes(100_000) + MP3_FRAME * 9).junk
