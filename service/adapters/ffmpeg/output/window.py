"""
A sliding window over a file that ffmpeg is still writing.

    part    0 (head)        1            2            3            4
        ┌────────────┬────────────┬────────────┬────────────┬───────╌╌
        │ kept back  │ punched out│ punched out│  finished, │ being written
        └────────────┴────────────┴────────────┴────────────┴───────╌╌
           muxers        already on their         waits for      ▲
           patch it      way to S3                an upload      └ end of file: `margin` must lie between

Muxers write forward, and at the end go back to the head to fill in what they could not know before: lengths, seek
tables, checksums. So the head stays until ffmpeg has exited, and every other part can leave as soon as it is finished:
its bytes are read once and its pages are given back to the kernel (a hole is punched), so that the file holds a few
parts in memory however long it grows.

That no muxer goes back further is not believed but checked: a byte written into a hole makes a page, and `violated`
finds it. (A write that falls between the reading and the punching of that very part would escape it; that instant is
short, though threads that compete for Python's lock stretch it, and lies at least `margin` behind the end of the file.)
"""

import ctypes
import errno
import os
import threading

KEEP_SIZE, PUNCH_HOLE = 1, 2  # fallocate(2)

_libc = ctypes.CDLL(None, use_errno=True)
_libc.fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)


class Window:
    """
    The parts of the file behind `fd`. Offsets and sizes are bytes; parts count from 0, and part 0 is the head.

    With `sliding` off, nothing is punched and nothing leaves before the end: for a file on disk, which may be
    written in any order.
    """

    def __init__(self, fd: int, *, part_size: int, margin: int, sliding: bool = True) -> None:
        self.fd = fd
        self.part_size = part_size
        self.sliding = sliding
        self._margin = margin
        self._lock = threading.Lock()
        self._next = 1  # the first part that has not been handed out
        self._holes: list[int] = []  # parts that were punched

    def size(self) -> int:
        """The present size of the file."""
        return os.fstat(self.fd).st_size

    def finished(self, size: int) -> list[int]:
        """The parts that have become complete; each is named once."""
        first = self._next
        while self.sliding and (self._next + 1) * self.part_size + self._margin <= size:
            self._next += 1
        return list(range(first, self._next))

    def rest(self, size: int) -> list[int]:
        """After the end: the parts behind the head that were not named yet, the last one possibly short."""
        first = self._next
        self._next = max(first, -(-size // self.part_size))
        return list(range(first, self._next))

    def take(self, part: int, into: memoryview) -> memoryview:
        """Read a part into a buffer of `part_size`, and let go of the memory behind it; returns what was read."""
        start = part * self.part_size
        data = read_into(self.fd, start, into)
        if self.sliding and len(data) == self.part_size:
            punch(self.fd, start, self.part_size)
            with self._lock:
                self._holes.append(part)
        return data

    def head(self, into: memoryview) -> memoryview:
        """Read the first part as it is now; it stays where it is."""
        return read_into(self.fd, 0, into)

    def violated(self) -> list[int]:
        """The parts into which something was written after they had left (or which were cut off)."""
        size = self.size()
        return [
            part
            for part in sorted(self._holes)
            if (part + 1) * self.part_size > size or has_data(self.fd, part * self.part_size, self.part_size)
        ]


def read_into(fd: int, start: int, into: memoryview) -> memoryview:
    """Fill the buffer from `start` on, as far as the file goes; returns the part of it that was filled."""
    filled = 0
    while filled < len(into) and (count := os.preadv(fd, [into[filled:]], start + filled)):
        filled += count
    return into[:filled]


def punch(fd: int, start: int, length: int) -> None:
    """Give the memory (or disk) behind a range back; it reads as zeros then. Raises OSError."""
    if _libc.fallocate(fd, PUNCH_HOLE | KEEP_SIZE, start, length) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def has_data(fd: int, start: int, length: int) -> bool:
    """Whether anything is stored in a range, to the page."""
    try:
        return os.lseek(fd, start, os.SEEK_DATA) < start + length
    except OSError as error:
        if error.errno == errno.ENXIO:  # nothing but a hole up to the end
            return False
        raise
