"""Files on this machine as sources of uploads."""

from pathlib import Path


class FileSource:
    """A file; it must not change while it is sent."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.size = path.stat().st_size

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer only at the end."""
        with self._path.open("rb") as file:
            file.seek(offset)
            return file.read(length)


class BytesSource:
    """Bytes that are at hand, as from standard input."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer only at the end."""
        return self._data[offset : offset + length]
