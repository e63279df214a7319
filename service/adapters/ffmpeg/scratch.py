"""
Files without names: anonymous memory for outputs, nameless files on disk for inputs that have to be seekable.

The kernel frees them with their last descriptor, so whatever happens to this process, nothing stays behind. Children
open them as `/proc/self/fd/N`. Space on disk is allocated before the first byte is written: either there is room for
the whole file, or the error is `DiskFull`, and another container can try.
"""

import errno
import os
import shutil
import tempfile
from pathlib import Path

from service.core.errors import DiskFull

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
MOST_RESERVED = 4  # a disk that is smaller than the reserve would hold no file at all: at most a fourth is kept free


class Scratch:
    """A directory for nameless files, on a disk of which `reserve` bytes stay free, a fourth of it at most."""

    def __init__(self, folder: str, reserve: int) -> None:
        self._folder = Path(folder)
        self._reserve = reserve

    def free(self) -> int:
        """Return the bytes that may be used."""
        self._make_folder()
        disk = shutil.disk_usage(self._folder)
        return max(0, disk.free - min(self._reserve, disk.total // MOST_RESERVED))

    def file(self, size: int | None = None) -> int:
        """
        Make a nameless file on disk; return its descriptor. With `size`, its space is allocated at once.

        Raises `DiskFull` if there is not enough room.
        """
        self._make_folder()
        if (size or 0) > (free := self.free()):
            raise DiskFull(f"not enough disk space: {size} bytes wanted, {free} free")
        fd = self._nameless()
        try:
            if size:
                os.posix_fallocate(fd, 0, size)
        except OSError as error:
            os.close(fd)
            if error.errno in FULL:
                raise DiskFull(f"not enough disk space: {size} bytes wanted") from error
            raise
        return fd

    def _make_folder(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _nameless(self) -> int:
        try:
            return os.open(self._folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            if error.errno not in {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT}:
                raise
        fd, name = tempfile.mkstemp(dir=self._folder)  # this file system cannot do it in one step
        Path(name).unlink()
        return fd


def memory_file() -> int | None:
    """Make an anonymous file in memory; return its descriptor, or None where the platform has no such files."""
    try:
        return os.memfd_create("output", os.MFD_CLOEXEC)
    except (AttributeError, OSError):
        return None


def path_of(fd: int) -> str:
    """Return the path under which a child that inherited `fd` opens the file, with an offset of its own."""
    return f"/proc/self/fd/{fd}"
