"""
Small real input files of every accepted kind, made on the spot with the real ffmpeg.

Each sample says what ``sniff.identify`` must make of it: its container, and whether it can be read from a pipe. The
plain ones are encoded by ffmpeg from one piece of synthetic music; those that ffmpeg would not write (tags in odd
places, sizes left open) are made from a plain one by surgery on its bytes.

    path = make(ffmpeg, "mp3-id3v1.mp3", folder)     # made once per folder, then reused

Nothing is fetched, nothing is random: the same ffmpeg gives the same bytes.
"""

import array
import base64
import math
import struct
import subprocess
import wave
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

SECONDS = 1.5
RATE = 44_100

Surgery = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Sample:
    """One kind of input. ``made_by`` are ffmpeg's arguments between the inputs and the file name."""

    name: str  # of the file, with the extension that a user would give it
    container: str  # what identify() must call it
    seeking: bool = False  # what identify() must say about needs_seeking
    made_by: tuple[str, ...] = ()
    cover: str | None = None  # "png" or "jpg": mapped as a second input
    video: bool = False  # a moving test picture is mapped as a second input
    chapters: bool = False
    surgery: Surgery | None = None
    of: str | None = None  # start from this sample instead of the synthetic music
    rate: int = RATE
    channels: int = 2
    extra: tuple[str, ...] = field(default=())  # sample names that the maker wants to exist


def _tags(*, title: str = "Prélude № 1", artist: str = "Ada & Søn") -> tuple[str, ...]:
    return "-metadata", f"title={title}", "-metadata", f"artist={artist}", "-metadata", "date=2026"


# ── surgery ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _id3v1(data: bytes) -> bytes:
    return data + b"TAG" + b"Old title".ljust(30, b"\0") + b"Old artist".ljust(30, b"\0") + bytes(64) + b"\x11"


def _apev2(data: bytes) -> bytes:
    item = struct.pack("<II", 9, 0) + b"Title\0" + b"Ape title"
    size = len(item) + 32

    def frame(flags: int) -> bytes:
        return b"APETAGEX" + struct.pack("<IIII", 2000, size, 1, flags) + bytes(8)

    return data + frame(0xA0000000) + item + frame(0x80000000)


def _id3v2_in_front(data: bytes) -> bytes:
    text = b"\0Framed"
    body = b"TIT2" + struct.pack(">IH", len(text), 0) + text + bytes(40)
    return b"ID3\x03\0\0" + bytes((0, 0, 0, len(body))) + body + data


def _riff_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) & 1)


def _wav_list_behind(data: bytes) -> bytes:
    info = b"INFO" + _riff_chunk(b"INAM", b"Trailing title\0\0") + _riff_chunk(b"IART", b"Trailing artist\0")
    grown = data + _riff_chunk(b"LIST", info)
    return b"RIFF" + struct.pack("<I", len(grown) - 8) + grown[8:]


def _wav_id3_behind(data: bytes) -> bytes:
    grown = data + _riff_chunk(b"id3 ", _id3v2_in_front(b""))
    return b"RIFF" + struct.pack("<I", len(grown) - 8) + grown[8:]


def _wav_data_size(size: int) -> Surgery:
    def change(data: bytes) -> bytes:
        at = data.index(b"data") + 4
        return data[:at] + struct.pack("<I", size) + data[at + 4 :]

    return change


def _aiff_text_behind(data: bytes) -> bytes:
    text = b"Trailing name."
    grown = data + b"NAME" + struct.pack(">I", len(text)) + text
    return b"FORM" + struct.pack(">I", len(grown) - 8) + grown[8:]


def _caf_info_behind(data: bytes) -> bytes:
    body = struct.pack(">I", 1) + b"title\0Trailing\0"
    return data + b"info" + struct.pack(">q", len(body)) + body


def _zeros_in_front(data: bytes) -> bytes:
    return bytes(700) + data


def _zeros_behind(data: bytes) -> bytes:
    return data + bytes(3000)


def _junk_behind(data: bytes) -> bytes:
    return data + bytes((7 * n * n + 13 * n) % 251 for n in range(900))


def _ebml(number: int, body: bytes) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big") + (len(body) | 1 << 56).to_bytes(8, "big") + body


def matroska_tags_behind(data: bytes) -> bytes:
    """Move the title behind the clusters, where only a SeekHead in front (over ffmpeg's Void) leads to it."""
    simple = _ebml(0x67C8, _ebml(0x45A3, b"ARTIST") + _ebml(0x4487, b"Trailing artist"))
    tags = _ebml(0x1254C367, _ebml(0x7373, _ebml(0x63C0, b"") + simple))
    segment = data.index(b"\x18\x53\x80\x67")
    first = segment + 12  # ffmpeg writes the size of the segment in 8 bytes
    assert data[first : first + 4] == b"\x11\x4d\x9b\x74", "ffmpeg begins its segment with a SeekHead"
    seek = _ebml(0x4DBB, _ebml(0x53AB, b"\x12\x54\xc3\x67") + _ebml(0x53AC, (len(data) - first).to_bytes(8, "big")))
    head = _ebml(0x114D9B74, seek)
    room = (
        data.rindex(b"\x15\x49\xa9\x66", 0, first + 400) - first
    )  # up to Info: the old SeekHead and the Void behind it
    void = b"\xec" + (room - len(head) - 9 | 1 << 56).to_bytes(8, "big") + bytes(room - len(head) - 9)
    grown = len(data) + len(tags) - first
    return (
        data[: segment + 4] + (grown | 1 << 56).to_bytes(8, "big") + head + void + data[first + room :] + tags
    )  # fmt: skip


def _chained(data: bytes) -> bytes:
    """Two logical streams one after the other; the second gets another serial and so other checksums."""
    return data + _reserialised(data, 0x5EC0)


def _reserialised(data: bytes, serial: int) -> bytes:
    out, at = bytearray(), 0
    while data[at : at + 4] == b"OggS":
        count = data[at + 26]
        end = at + 27 + count + sum(data[at + 27 : at + 27 + count])
        page = bytearray(data[at:end])
        page[14:18] = struct.pack("<I", serial)
        page[22:26] = bytes(4)
        page[22:26] = struct.pack("<I", ogg_crc(page))
        out += page
        at = end
    return bytes(out)


def ogg_crc(page: bytes | bytearray) -> int:
    """The checksum of a page whose own is zero."""
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value


# ── the samples ──────────────────────────────────────────────────────────────────────────────────────────────────

_H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "12")
_AAC = ("-c:a", "aac", "-b:a", "96k")
_FRAGMENTS = ("-movflags", "+frag_keyframe+empty_moov+default_base_moof", "-frag_duration", "400000")

SAMPLES: tuple[Sample, ...] = (
    # MPEG audio
    Sample("mp3.mp3", "mp3", made_by=("-b:a", "128k", *_tags())),
    Sample("mp3-vbr.mp3", "mp3", made_by=("-q:a", "4")),
    Sample("mp3-bare.mp3", "mp3", made_by=("-b:a", "128k", "-id3v2_version", "0", "-write_xing", "0")),
    Sample("mp3-mono-8k.mp3", "mp3", made_by=("-b:a", "24k", "-ar", "8000", "-ac", "1")),
    Sample("mp3-cover-jpg.mp3", "mp3", cover="jpg", made_by=("-b:a", "128k", *_tags())),
    Sample("mp3-cover-png.mp3", "mp3", cover="png", made_by=("-b:a", "128k", *_tags())),
    Sample("mp3-id3v1.mp3", "mp3", True, of="mp3-bare.mp3", surgery=_id3v1),
    Sample("mp3-apev2.mp3", "mp3", of="mp3-bare.mp3", surgery=_apev2),
    Sample("mp3-id3v2-id3v1.mp3", "mp3", of="mp3.mp3", surgery=_id3v1),
    Sample("mp3-zeros-in-front.mp3", "mp3", of="mp3-bare.mp3", surgery=_zeros_in_front),
    Sample("mp3-zeros-behind.mp3", "mp3", True, of="mp3.mp3", surgery=_zeros_behind),
    Sample("mp3-junk-behind.mp3", "mp3", of="mp3.mp3", surgery=_junk_behind),
    Sample("mp2.mp2", "mp2", made_by=("-c:a", "mp2", "-b:a", "128k")),
    # WAV and its relatives
    Sample("wav.wav", "wav", made_by=_tags()),
    Sample("wav-u8.wav", "wav", made_by=("-c:a", "pcm_u8")),
    Sample("wav-s24.wav", "wav", made_by=("-c:a", "pcm_s24le")),
    Sample("wav-f32.wav", "wav", made_by=("-c:a", "pcm_f32le")),
    Sample("wav-alaw.wav", "wav", made_by=("-c:a", "pcm_alaw")),
    Sample("wav-adpcm.wav", "wav", made_by=("-c:a", "adpcm_ms")),
    Sample("wav-ima.wav", "wav", made_by=("-c:a", "adpcm_ima_wav")),
    Sample("wav-mp3-inside.wav", "wav", made_by=("-c:a", "libmp3lame")),
    Sample("wav-5.1.wav", "wav", made_by=("-c:a", "pcm_s16le"), channels=6),
    Sample("wav-96k.wav", "wav", made_by=("-c:a", "pcm_s24le", "-ar", "96000")),
    Sample("wav-list-behind.wav", "wav", True, of="wav.wav", surgery=_wav_list_behind),
    Sample("wav-id3-behind.wav", "wav", True, of="wav.wav", surgery=_wav_id3_behind),
    Sample("wav-size-zero.wav", "wav", of="wav.wav", surgery=_wav_data_size(0)),
    Sample("wav-size-open.wav", "wav", of="wav.wav", surgery=_wav_data_size(0xFFFFFFFF)),
    Sample("wav-rf64.wav", "wav", made_by=("-rf64", "always", *_tags())),
    Sample("w64.w64", "w64", made_by=_tags()),
    Sample("aiff.aiff", "aiff", made_by=_tags()),
    Sample("aiff-s24.aiff", "aiff", made_by=("-c:a", "pcm_s24be")),
    Sample("aifc.aifc", "aiff", made_by=("-c:a", "pcm_s16le", "-f", "aiff")),
    Sample("aiff-id3-behind.aiff", "aiff", True, cover="png", made_by=("-write_id3v2", "1", *_tags())),
    Sample("aiff-name-behind.aiff", "aiff", True, of="aiff.aiff", surgery=_aiff_text_behind),
    Sample("caf.caf", "caf", made_by=("-c:a", "pcm_s16be", *_tags())),
    Sample("caf-alac.caf", "caf", True, made_by=("-c:a", "alac")),
    Sample("caf-info-behind.caf", "caf", True, of="caf.caf", surgery=_caf_info_behind),
    Sample("au.au", "au", made_by=_tags()),
    # FLAC, Ogg
    Sample("flac.flac", "flac", made_by=_tags()),
    Sample("flac-cover.flac", "flac", cover="png", made_by=_tags()),
    Sample("flac-id3v2.flac", "flac", of="flac.flac", surgery=_id3v2_in_front),
    Sample("flac-id3v1.flac", "flac", of="flac.flac", surgery=_id3v1),
    Sample("vorbis.ogg", "ogg", made_by=("-c:a", "libvorbis", *_tags())),
    Sample("flac.oga", "ogg", made_by=("-c:a", "flac", "-f", "ogg", *_tags())),
    Sample("theora.ogv", "ogg", video=True, made_by=("-c:v", "libtheora", "-c:a", "libvorbis")),
    Sample("chained.ogg", "ogg", True, of="vorbis.ogg", surgery=_chained),
    Sample("opus.opus", "opus", made_by=("-c:a", "libopus", *_tags())),
    Sample("cover.opus", "opus", made_by=("-c:a", "libopus", *_tags(), "PICTURE")),
    # MP4 and its relatives
    Sample("m4a.m4a", "m4a", True, made_by=(*_AAC, *_tags())),
    Sample("m4a-front.m4a", "m4a", made_by=(*_AAC, "-movflags", "+faststart", *_tags())),
    Sample("m4a-cover.m4a", "m4a", cover="jpg", made_by=(*_AAC, "-movflags", "+faststart", *_tags())),
    Sample("m4a-alac.m4a", "m4a", made_by=("-c:a", "alac", "-movflags", "+faststart")),
    Sample("m4a-fragments.m4a", "mp4", made_by=(*_AAC, *_FRAGMENTS, "-f", "mp4")),
    Sample("m4b-chapters.m4b", "m4a", True, chapters=True, made_by=(*_AAC, "-movflags", "+faststart", *_tags())),
    Sample("mp4.mp4", "mp4", True, video=True, made_by=(*_AAC, *_H264)),
    Sample("mp4-front.mp4", "mp4", video=True, made_by=(*_AAC, *_H264, "-movflags", "+faststart")),
    Sample(  # the first samples in the index, and fragments behind
        "m4a-half-fragments.m4a",
        "mp4",
        True,
        made_by=(*_AAC, "-movflags", "+frag_keyframe", "-frag_duration", "400000", "-f", "mp4"),
    ),
    Sample("mp4-fragments.mp4", "mp4", video=True, made_by=(*_AAC, *_H264, *_FRAGMENTS)),
    Sample("mov.mov", "mov", True, video=True, made_by=("-c:a", "pcm_s16le", *_H264)),
    Sample("mov-front.mov", "mov", video=True, made_by=("-c:a", "pcm_s16le", *_H264, "-movflags", "+faststart")),
    Sample(
        "3gp.3gp", "3gp", made_by=("-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1", "-movflags", "+faststart")
    ),
    # raw streams
    Sample("aac.aac", "aac", made_by=_AAC),
    Sample("aac-id3v1.aac", "aac", True, of="aac.aac", surgery=_id3v1),
    Sample("aac-apev2.aac", "aac", True, of="aac.aac", surgery=_apev2),
    Sample("aac-id3v2.aac", "aac", of="aac.aac", surgery=_id3v2_in_front),
    Sample("ac3.ac3", "ac3", made_by=("-b:a", "192k")),
    Sample("eac3.eac3", "eac3", made_by=("-b:a", "192k")),
    Sample("dts.dts", "dts", made_by=("-c:a", "dca", "-strict", "-2")),
    Sample("amr.amr", "amr", made_by=("-ar", "8000", "-ac", "1")),
    # the rest
    Sample("wma.wma", "wma", made_by=("-c:a", "wmav2", *_tags())),
    Sample("wmv.wmv", "wma", video=True, made_by=("-c:v", "wmv2", "-c:a", "wmav2")),
    Sample("mka.mka", "mka", made_by=("-c:a", "libvorbis", *_tags())),
    Sample("mka-tags-behind.mka", "mka", True, of="mka.mka", surgery=matroska_tags_behind),
    Sample("mka-cover.mka", "mka", made_by=("-c:a", "flac", "-metadata:s:t", "mimetype=image/png", *_tags(), "ATTACH")),
    Sample("mkv.mkv", "mkv", video=True, made_by=(*_AAC, *_H264)),
    Sample(
        "webm.webm",
        "webm",
        made_by=(
            "-c:a",
            "libopus",
        ),
    ),
    Sample("webm-live.webm", "webm", made_by=("-c:a", "libopus", "-live", "1")),
    Sample(
        "webm-video.webm", "webm", video=True, made_by=("-c:a", "libopus", "-c:v", "libvpx", "-deadline", "realtime")
    ),
    Sample("ts.ts", "ts", True, video=True, made_by=(*_AAC, *_H264)),
    Sample("ts-audio.ts", "ts", True, made_by=_AAC),
    Sample("mpg.mpg", "mpg", True, video=True, made_by=("-c:v", "mpeg2video", "-c:a", "mp2", "-f", "vob")),
    Sample("avi.avi", "avi", True, video=True, made_by=("-c:v", "mpeg4", "-c:a", "libmp3lame")),
    Sample("flv.flv", "flv", True, video=True, made_by=(*_AAC, "-c:v", "flv1")),
    Sample("tta.tta", "tta", True),
    Sample("wv.wv", "wv", True),
)

BY_NAME = {sample.name: sample for sample in SAMPLES}


# ── making them ──────────────────────────────────────────────────────────────────────────────────────────────────


def make(ffmpeg: str, name: str, folder: Path, *, seconds: float = SECONDS) -> Path:
    """Return the sample's path in *folder*, made now unless it is there already; one folder holds one length."""
    path = folder / name
    if path.exists():
        return path
    sample = BY_NAME[name]
    if sample.of is not None:
        data = make(ffmpeg, sample.of, folder, seconds=seconds).read_bytes()
        path.write_bytes(sample.surgery(data) if sample.surgery else data)
        return path
    made_by = list(sample.made_by)
    inputs = ["-i", str(music(folder, rate=sample.rate, channels=sample.channels, seconds=seconds))]
    maps = ["-map", "0:a"]
    if sample.video:
        inputs += ["-f", "lavfi", "-i", f"testsrc=size=64x48:rate=12:duration={seconds:g}"]
        maps += ["-map", "1:v", "-pix_fmt", "yuv420p"]
    if sample.cover:
        inputs += ["-i", str(picture(ffmpeg, folder, sample.cover))]
        maps += ["-map", "1:v", "-c:v", "copy", "-disposition:v", "attached_pic"]
    if sample.chapters:
        listing = folder / "chapters.txt"
        listing.write_text(
            ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=700\ntitle=One\n"
            "[CHAPTER]\nTIMEBASE=1/1000\nSTART=700\nEND=1500\ntitle=Two\n"
        )
        inputs += ["-f", "ffmetadata", "-i", str(listing)]
        maps += ["-map_chapters", "1"]
    if "PICTURE" in made_by:
        made_by[made_by.index("PICTURE") :] = [
            "-metadata:s:a",
            f"METADATA_BLOCK_PICTURE={_picture_block(ffmpeg, folder)}",
        ]
    if "ATTACH" in made_by:
        made_by[made_by.index("ATTACH") :] = [
            "-attach",
            str(picture(ffmpeg, folder, "png")),
            "-metadata:s:t",
            "filename=cover.png",
        ]
    run_ffmpeg(ffmpeg, *inputs, *maps, *made_by, "-fflags", "+bitexact", str(path))
    return path


def run_ffmpeg(ffmpeg: str, *arguments: str) -> None:
    """Run ffmpeg; raise with its stderr if it fails."""
    done = subprocess.run(
        [ffmpeg, "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *arguments],
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{arguments}\n{done.stderr.decode(errors='replace')}")


def music(folder: Path, *, rate: int = RATE, channels: int = 2, seconds: float = SECONDS) -> Path:
    """A WAV of synthetic music: every channel its own sweep with a little noise, so that encoders have work to do."""
    path = folder / f"music-{rate}-{channels}-{seconds:g}.wav"
    if path.exists():
        return path
    count, noise, frames = round(rate * seconds), 12345, array.array("h")
    for n in range(count):
        t = n / rate
        for channel in range(channels):
            noise = (noise * 1103515245 + 12345) & 0x7FFFFFFF
            tone = math.sin(2 * math.pi * (180 + 90 * channel + 120 * t) * t) * 9000
            frames.append(int(tone) + (noise >> 16) % 1200 - 600)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(frames.tobytes())
    return path


def picture(ffmpeg: str, folder: Path, kind: str) -> Path:
    """A small picture, "png" or "jpg"."""
    path = folder / f"picture.{kind}"
    if not path.exists():
        run_ffmpeg(ffmpeg, "-f", "lavfi", "-i", "testsrc=size=48x48", "-frames:v", "1", "-update", "1", str(path))
    return path


def _picture_block(ffmpeg: str, folder: Path) -> str:
    data = picture(ffmpeg, folder, "png").read_bytes()
    mime = b"image/png"
    block = struct.pack(">II", 3, len(mime)) + mime + struct.pack(">I", 0) + struct.pack(">IIII", 48, 48, 24, 0)
    return base64.b64encode(block + struct.pack(">I", len(data)) + data).decode()
