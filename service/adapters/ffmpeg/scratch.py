"""
Files that nobody can find: anonymous memory for outputs, nameless files on disk for inputs that have to be seekable.

None of them has a name at any moment, so whatever happens to this process, nothing stays behind. Children reach them as
``/proc/self/fd/N``. Space on disk is taken before the first byte is written: either the whole file has room, or the
answer is a definite "not here", and another container can try.
"""

import errno
import os
import shutil
import tempfile
from pathlib import Path

from service.core.errors import Unavailable

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Scratch:
    """A directory for nameless files, of which `reserve` bytes always stay free for others."""

    def __init__(self, folder: str, reserve: int) -> None:
        self._folder = Path(folder)
        self._reserve = reserve

    def free(self) -> int:
        """Bytes that may be used."""
        self._exists()
        return max(0, shutil.disk_usage(self._folder).free - self._reserve)

    def file(self, size: int | None = None) -> int:
        """
        A new nameless file on disk, as a file descriptor; with `size`, its space is taken at once.

        Raises `Unavailable` if there is not enough room.
        """
        self._exists()
        if (size or 0) > (free := self.free()):
            raise Unavailable(f"not enough disk space: {size} bytes wanted, {free} free")
        fd = self._nameless()
        try:
            if size:
                os.posix_fallocate(fd, 0, size)
        except OSError as error:
            os.close(fd)
            if error.errno in FULL:
                raise Unavailable(f"not enough disk space: {size} bytes wanted") from error
            raise
        return fd

    def _exists(self) -> None:
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
    """A new anonymous file in memory, as a file descriptor; None where the platform has none."""
    try:
        return os.memfd_create("output", os.MFD_CLOEXEC)
    except (AttributeError, OSError):
        return None


def path_of(fd: int) -> str:
    """How a child that inherited `fd` opens the file anew, with an offset of its own."""
    return f"/proc/self/fd/{fd}"
