"""
The bytes of one part on their way to S3, in memory that is used again and again.

A fresh 8 MiB object for every part would leave it to malloc how much memory a long file takes; a few mapped buffers,
one for each upload under way, take what they take, and give it back when the conversion ends.
"""

import io
import mmap
import queue
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer


class PartBody(io.RawIOBase):
    """A buffer as the file that botocore wants: measured, hashed, sent in small blocks, rewound for a retry."""

    def __init__(self, data: memoryview) -> None:
        super().__init__()
        self._data = data
        self._at = 0

    def __len__(self) -> int:
        return len(self._data)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, into: "Buffer", /) -> int:
        target = memoryview(into).cast("B")
        block = self._data[self._at : self._at + len(target)]
        target[: len(block)] = block
        self._at += len(block)
        return len(block)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._data)}[whence]
        self._at = max(0, start + offset)
        return self._at


class Buffers:
    """`count` buffers of `size` bytes, made when they are needed first."""

    def __init__(self, count: int, size: int) -> None:
        self._size = size
        self._idle: queue.SimpleQueue[mmap.mmap | None] = queue.SimpleQueue()
        for _ in range(count):
            self._idle.put(None)

    @contextmanager
    def borrow(self) -> Iterator[memoryview]:
        """One of them, for a while; waits until there is one."""
        buffer = self._idle.get() or mmap.mmap(-1, self._size)
        try:
            with memoryview(buffer) as view:
                yield view
        finally:
            self._idle.put(buffer)

    def close(self) -> None:
        """Give the memory back; nothing may be borrowed any more."""
        while not self._idle.empty():
            if (buffer := self._idle.get()) is not None:
                buffer.close()
