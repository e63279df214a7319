"""
Files that other programs write, and files that no tool writes, each whole: ffmpeg alone converts every one of them.

`WRITERS` runs programs of Debian packages; `SURGERY` changes bytes of a file of `media_samples`. What such a file must
still be refused for is in `tests/integration/ffmpeg/test_truncation.py`.
"""

import os
import shutil
import struct
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.support import media_samples
from tests.support.media_samples import ogg_crc

MUSIC, SPEECH = "music", "speech"  # what a writer begins with: 44.1 kHz in stereo, 8 kHz in mono

# file → the program, and its command line; IN and OUT stand for the files, | for a pipe into OUT
WRITERS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "sox.wav": ("sox", MUSIC, ("IN", "OUT")),
    "sox.aiff": ("sox", MUSIC, ("IN", "OUT")),
    "sox.caf": ("sox", MUSIC, ("IN", "OUT")),
    "sox.w64": ("sox", MUSIC, ("IN", "OUT")),
    "sox.ogg": ("sox", MUSIC, ("IN", "OUT")),
    "sox-float.wav": ("sox", MUSIC, ("IN", "-e", "float", "-b", "32", "OUT")),
    "sox-gsm.wav": ("sox", SPEECH, ("IN", "-e", "gsm-full-rate", "OUT")),
    "sox-ima.wav": ("sox", SPEECH, ("IN", "-e", "ima-adpcm", "OUT")),
    "sox-ulaw.au": ("sox", SPEECH, ("IN", "-e", "u-law", "OUT")),
    "sox-pipe.wav": ("sox", MUSIC, ("IN", "-t", "wav", "-", "|")),
    "sox-pipe.aiff": ("sox", MUSIC, ("IN", "-t", "aiff", "-", "|")),
    "sox-pipe.au": ("sox", MUSIC, ("IN", "-t", "au", "-", "|")),
    "sndfile.caf": ("sndfile-convert", MUSIC, ("-float32", "IN", "OUT")),
    "sndfile.aiff": ("sndfile-convert", MUSIC, ("-pcm24", "IN", "OUT")),
    "sndfile.rf64": ("sndfile-convert", MUSIC, ("-float64", "IN", "OUT")),
    "sndfile.w64": ("sndfile-convert", SPEECH, ("-gsm610", "IN", "OUT")),
    "sndfile-alac.caf": ("sndfile-convert", MUSIC, ("-alac16", "IN", "OUT")),
    "sndfile-ulaw.aifc": ("sndfile-convert", SPEECH, ("-ulaw", "IN", "OUT")),
    "flac.flac": ("flac", MUSIC, ("-s", "-f", "IN", "-o", "OUT")),
    "flac.oga": ("flac", MUSIC, ("-s", "-f", "--ogg", "IN", "-o", "OUT")),
    "flac-pipe.flac": ("flac", MUSIC, ("-s", "-c", "IN", "|")),
    "oggenc.ogg": ("oggenc", MUSIC, ("-Q", "IN", "-o", "OUT")),
    "oggenc-skeleton.ogg": ("oggenc", MUSIC, ("-Q", "--skeleton", "IN", "-o", "OUT")),
    "opusenc.opus": ("opusenc", MUSIC, ("--quiet", "IN", "OUT")),
    "lame.mp3": ("lame", MUSIC, ("--quiet", "--tt", "Title", "--add-id3v2", "IN", "OUT")),
    "lame-vbr.mp3": ("lame", MUSIC, ("--quiet", "-V4", "IN", "OUT")),
    "lame-pipe.mp3": ("lame", MUSIC, ("--quiet", "-V4", "IN", "-", "|")),
    "mkvmerge.mka": ("mkvmerge", MUSIC, ("-q", "-o", "OUT", "IN")),
    "mkvmerge-two.mka": (
        "mkvmerge", MUSIC,
        ("-q", "-o", "OUT", "--language", "0:fre", "--default-track-flag", "0:0", "IN",
         "--language", "0:eng", "--default-track-flag", "0:1", "SPEECH")),
    "wavpack.wv": ("wavpack", MUSIC, ("-q", "-y", "IN", "-o", "OUT")),
}  # fmt: skip


def write(name: str, folder: Path) -> Path:
    """Return the path of a file that another program has written; skip the test where that program is missing."""
    program, begin, arguments = WRITERS[name]
    if shutil.which(program) is None:
        reason = f"{program} is not installed"
        if os.environ.get("REPRISE_REQUIRE_WRITERS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    speech = media_samples.music(folder, rate=8000, channels=1)
    music = media_samples.music(folder) if begin == MUSIC else speech
    path = folder / name
    names = {"IN": str(music), "OUT": str(path), "SPEECH": str(speech)}
    command = [program, *(names.get(argument, argument) for argument in arguments if argument != "|")]
    done = subprocess.run(command, capture_output=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    if "|" in arguments:
        path.write_bytes(done.stdout)
    return path


# ── surgery ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _ogg_later(seconds: float, rate: int) -> Callable[[bytes], bytes]:
    """Move the times of all pages of sound, as a recording that was joined late has them."""

    def change(data: bytes) -> bytes:
        out, at = bytearray(), 0
        while data[at : at + 4] == b"OggS":
            count = data[at + 26]
            end = at + 27 + count + sum(data[at + 27 : at + 27 + count])
            page = bytearray(data[at:end])
            (granule,) = struct.unpack_from("<q", page, 6)
            if granule > 0:
                struct.pack_into("<q", page, 6, granule + round(seconds * rate))
            page[22:26] = bytes(4)
            page[22:26] = struct.pack("<I", ogg_crc(page))
            out += page
            at = end
        return bytes(out)

    return change


def _patched(marker: bytes, offset: int, value: bytes) -> Callable[[bytes], bytes]:
    """Overwrite bytes behind the first `marker`."""

    def change(data: bytes) -> bytes:
        at = data.index(marker) + offset
        return data[:at] + value + data[at + len(value) :]

    return change


def _in_front(junk: bytes) -> Callable[[bytes], bytes]:
    return lambda data: junk + data


def _noise(size: int, first: bytes = b"") -> bytes:
    """Bytes without a sync word."""
    return first + bytes(n * n % 241 for n in range(size - len(first)))


def id3_tag(size: int, *, plain_size: bool = False) -> bytes:
    """An ID3v2.3 tag with so many bytes of a picture in it; `plain_size`: its length in bytes of eight bits."""
    picture = b"\0image/jpeg\0\3\0" + _noise(size)
    body = b"APIC" + struct.pack(">IH", len(picture), 0) + picture
    length = len(body).to_bytes(4, "big") if plain_size else bytes(len(body) >> n & 127 for n in (21, 14, 7, 0))
    return b"ID3\3\0\0" + length + body


def ape_tag() -> bytes:
    """An APEv2 tag with header and footer."""
    item = struct.pack("<II", 5, 0) + b"Title\0" + b"Front"
    size = len(item) + 32
    head, foot = (
        b"APETAGEX" + struct.pack("<IIII", 2000, size, 1, flags) + bytes(8) for flags in (0xA0 << 24, 1 << 31)
    )
    return head + item + foot


def _flac_counts_more(data: bytes) -> bytes:
    at = data.index(b"fLaC") + 21
    return data[:at] + bytes((data[at] & 0xF0 | 1,)) + data[at + 1 :]  # 2^32 samples more


def _box_in_moov(data: bytes, kind: bytes) -> int:
    return data.index(kind) + 4


def _empty_edit(data: bytes) -> bytes:
    """Let the edit list begin with ten seconds of nothing, by the length of the track in front of it."""
    at = _box_in_moov(data, b"elst")
    (count,) = struct.unpack_from(">I", data, at + 4)
    entries = data[at + 8 : at + 8 + 12 * count]
    longer = struct.pack(">II", 0, count + 1) + struct.pack(">IiI", 10_000, -1, 1 << 16) + entries
    grown = len(longer) - (8 + 12 * count)
    out = bytearray(data[:at] + longer + data[at + 8 + 12 * count :])
    for kind in (b"moov", b"trak", b"edts", b"elst"):
        where = out.index(kind) - 4
        struct.pack_into(">I", out, where, struct.unpack_from(">I", out, where)[0] + grown)
    _move_chunks(out, grown)
    return bytes(out)


def _move_chunks(out: bytearray, by: int) -> None:
    at = out.index(b"stco") + 4
    (count,) = struct.unpack_from(">I", out, at + 4)
    for n in range(count):
        where = at + 8 + 4 * n
        struct.pack_into(">I", out, where, struct.unpack_from(">I", out, where)[0] + by)


def _big_endian(data: bytes) -> bytes:
    """A WAV of 16 bits with all its numbers the other way round."""
    fmt, at = data.index(b"fmt ") + 8, data.index(b"data") + 8
    form = struct.pack(">HHIIHH", *struct.unpack_from("<HHIIHH", data, fmt))
    sound = data[at : at + (len(data) - at) // 2 * 2]
    swapped = bytearray(sound)
    swapped[::2], swapped[1::2] = sound[1::2], sound[::2]
    body = b"WAVEfmt " + struct.pack(">I", 16) + form + b"data" + struct.pack(">I", len(swapped)) + swapped
    return b"RIFX" + struct.pack(">I", len(body)) + body


def _rf64_without_size(data: bytes) -> bytes:
    """An RF64 whose writer never came back to fill in how long it is."""
    rest, at = data[12:], data.index(b"data") + 4 - 12
    rest = rest[:at] + b"\xff" * 4 + rest[at + 4 :]
    lengths = b"ds64" + struct.pack("<IQQQI", 28, (1 << 63) - 1, (1 << 63) - 1, 0, 0)
    return b"RF64" + b"\xff" * 4 + b"WAVE" + lengths + rest


def _with_a_broken_sample(data: bytes) -> bytes:
    """A fifth of a second of a WAV in stereo, and two bytes of the next four."""
    at = data.index(b"data")
    size = 4 * 9000 + 2
    return data[: at + 4] + struct.pack("<I", size) + data[at + 8 : at + 8 + size]


# what it is → the sample it is made of, what is changed, and what it must be called
SURGERY: Mapping[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "opus, from 0.86 s on": ("opus.opus", _ogg_later(0.86, 48000), "opus"),
    "opus, joined after an hour": ("opus.opus", _ogg_later(3600, 48000), "opus"),
    "vorbis, joined after an hour": ("vorbis.ogg", _ogg_later(3600, 44100), "ogg"),
    "flac in ogg, from 0.86 s on": ("flac.oga", _ogg_later(0.86, 44100), "ogg"),
    "wav, half the byte rate": ("wav.wav", _patched(b"fmt ", 16, struct.pack("<I", 88200)), "wav"),
    "wav, no byte rate": ("wav.wav", _patched(b"fmt ", 16, bytes(4)), "wav"),
    "wav, size of a recorder": ("wav.wav", _patched(b"data", 4, struct.pack("<I", 0x7FFFFFFF)), "wav"),
    "wav, size of SoX": ("wav.wav", _patched(b"data", 4, struct.pack("<I", 0x7FFFF000)), "wav"),
    "wav, open size less its header": ("wav.wav", _patched(b"data", 4, struct.pack("<I", 0xFFFFFFFF - 36)), "wav"),
    "wav, size with its header": ("wav.wav", _patched(b"data", 4, struct.pack("<I", 264600 + 44)), "wav"),
    "aiff, lengths of a pipe": (
        "aiff.aiff", lambda data: _patched(b"SSND", 4, struct.pack(">I", 0x7F000008))(
            _patched(b"COMM", 10, struct.pack(">I", 0x1FC00000))(data)), "aiff"),
    "aiff, too many frames": ("aiff.aiff", _patched(b"COMM", 10, struct.pack(">I", 600_000)), "aiff"),
    "au, open size": ("au.au", _patched(b".snd", 8, b"\xff" * 4), "au"),
    "caf, open size": ("caf.caf", _patched(b"data", 4, b"\xff" * 8), "caf"),
    "flac, counts more samples": ("flac.flac", _flac_counts_more, "flac"),
    "flac behind a long tag": ("flac.flac", _in_front(id3_tag(1_600_000)), "flac"),
    "aac behind a long tag": ("aac.aac", _in_front(id3_tag(1_600_000)), "aac"),
    "mp3 behind a long tag": ("mp3-bare.mp3", _in_front(id3_tag(1_600_000)), "mp3"),
    "mp3 behind a tag that ends with the first MiB": ("mp3-bare.mp3", _in_front(id3_tag(1_048_576 - 34 - 400)), "mp3"),
    "ac3 behind a tag": ("ac3.ac3", _in_front(id3_tag(400)), "ac3"),
    "eac3 behind a tag": ("eac3.eac3", _in_front(id3_tag(400)), "eac3"),
    "vorbis behind a tag": ("vorbis.ogg", _in_front(id3_tag(400)), "ogg"),
    "tta behind a tag": ("tta.tta", _in_front(id3_tag(400)), "tta"),
    "wav, big-endian": ("wav.wav", _big_endian, "wav"),
    "wav, short, with a part of a sample": ("wav.wav", _with_a_broken_sample, "wav"),
    "rf64, size never filled in": ("wav.wav", _rf64_without_size, "wav"),
    "mp3 behind two tags": ("mp3.mp3", _in_front(id3_tag(400)), "mp3"),
    "mp3 behind an APE tag": ("mp3-bare.mp3", _in_front(ape_tag()), "mp3"),
    "mp3 behind a tag with a plain size": ("mp3-bare.mp3", _in_front(id3_tag(20_000, plain_size=True)), "mp3"),
    "mp3 behind a tag with a plain size of high bits": (
        "mp3-bare.mp3", _in_front(id3_tag(20_200, plain_size=True)), "mp3"),
    "mp3 behind 4121 bytes that begin like XML": ("mp3-bare.mp3", _in_front(_noise(4121, b"<")), "mp3"),
    "mp3 behind 20000 bytes that begin like JSON": ("mp3-bare.mp3", _in_front(_noise(20_000, b"{")), "mp3"),
    "m4a with an empty edit": ("m4a-front.m4a", _empty_edit, "m4a"),
}  # fmt: skip
