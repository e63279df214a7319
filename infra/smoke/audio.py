"""
What is sent, and how the bytes that come back are judged without a decoder.

A WAV that comes back has the very samples that were sent. A FLAC file states the MD5 of its samples in its first block,
which the encoder can only write when it has seen all of them: if it is the MD5 of what was sent, then the whole of it
arrived, was encoded, and the head was mended at the end.
"""

import array
import hashlib
import io
import math
import struct
import sys
import wave

RATE = 44_100
STREAMINFO = 34  # bytes
MD5_AT, MD5_LENGTH = 18, 16  # in STREAMINFO


class NotTheSame(Exception):
    """The bytes are not what they should be; the message says in what respect."""


def samples(seconds: float) -> bytes:
    """A rising tone: one channel, 16 bits, little-endian, 44.1 kHz."""
    rising = (
        int(12_000 * math.sin(2 * math.pi * (220 + 20 * n / RATE) * n / RATE)) for n in range(int(seconds * RATE))
    )
    made = array.array("h", rising)
    if sys.byteorder == "big":
        made.byteswap()
    return made.tobytes()


def wav(pcm: bytes) -> bytes:
    """A WAV file of these samples."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(pcm)
    return file.getvalue()


def compare_wav(found: bytes, pcm: bytes) -> None:
    """Raises `NotTheSame` unless the WAV file in `found` is whole and has exactly these samples."""
    if found[:4] != b"RIFF" or found[8:12] != b"WAVE":
        raise NotTheSame(f"no WAV file: it begins with {found[:12]!r}")
    stated = struct.unpack_from("<I", found, 4)[0] + 8
    if stated != len(found):
        raise NotTheSame(f"its head says {stated} bytes, and it has {len(found)}")
    try:
        with wave.open(io.BytesIO(found)) as reader:
            form = (reader.getnchannels(), reader.getsampwidth(), reader.getframerate())
            got = reader.readframes(reader.getnframes())
    except (wave.Error, EOFError) as error:
        raise NotTheSame(f"a broken WAV file: {error}") from error
    if form != (1, 2, RATE):
        raise NotTheSame(f"channels, bytes per sample and rate are {form}, not {(1, 2, RATE)}")
    if got != pcm:
        raise NotTheSame(f"other samples: {len(got)} bytes of them, {len(pcm)} were sent")


def compare_flac(found: bytes, pcm: bytes) -> None:
    """Raises `NotTheSame` unless the FLAC file in `found` states the number and the MD5 of exactly these samples."""
    if found[:4] != b"fLaC" or len(found) < 8 + STREAMINFO or found[4] & 0x7F:
        raise NotTheSame(f"no FLAC file: it begins with {found[:8]!r}")
    info = found[8 : 8 + STREAMINFO]
    total = int.from_bytes(info[13:18], "big") & 0xF_FFFF_FFFF
    if total != len(pcm) // 2:
        raise NotTheSame(f"its head says {total} samples, {len(pcm) // 2} were sent")
    stated, sent = info[MD5_AT : MD5_AT + MD5_LENGTH].hex(), hashlib.md5(pcm, usedforsecurity=False).hexdigest()
    if stated != sent:
        raise NotTheSame(f"other samples: their MD5 is {stated}, {sent} was sent")
