"""Small files that make a demuxer ask for a lot of memory."""

import struct

MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def index_bomb(*, tracks: int, samples: int) -> bytes:
    """
    A QuickTime file of 22 KB whose tracks each claim `samples` samples of one size: three numbers, which no list backs.

    ffmpeg makes an entry of 24 bytes of each.
    """
    header = full(
        b"mvhd", struct.pack(">5IHH", 0, 0, 44100, samples, 0x10000, 0x100, 0) + bytes(8) + MATRIX + bytes(28)
    )
    moov = box(b"moov", header + b"".join(track(number + 1, samples) for number in range(tracks)))
    return box(b"ftyp", b"qt  " + bytes(4) + b"qt  ") + moov + box(b"mdat", bytes(64))


def track(number: int, samples: int) -> bytes:
    """One sound track, all in one chunk."""
    place = struct.pack(">5I", 0, 0, number, 0, samples) + bytes(8) + struct.pack(">4H", 0, 0, 0x100, 0) + MATRIX
    entry = bytes(6) + struct.pack(">H8xHHHHI", 1, 1, 16, 0, 0, 44100 << 16)
    tables = (
        full(b"stsd", struct.pack(">I", 1) + box(b"sowt", entry)),
        full(b"stts", struct.pack(">III", 1, samples, 1024)),
        full(b"stsc", struct.pack(">IIII", 1, 1, samples, 1)),
        full(b"stsz", struct.pack(">II", 2, samples)),
        full(b"stco", struct.pack(">II", 1, 40)),
    )
    media = full(b"mdhd", struct.pack(">4IHH", 0, 0, 44100, samples, 0, 0))
    media += full(b"hdlr", bytes(4) + b"soun" + bytes(13))
    media += box(b"minf", full(b"smhd", bytes(4)) + box(b"stbl", b"".join(tables)))
    return box(b"trak", full(b"tkhd", place + bytes(8), 7) + box(b"mdia", media))


def box(kind: bytes, body: bytes) -> bytes:
    """A box."""
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full(kind: bytes, body: bytes, flags: int = 0) -> bytes:
    """A box with version and flags."""
    return box(kind, struct.pack(">I", flags) + body)
