import errno
import os
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import pytest

from service.adapters.ffmpeg.scratch import Scratch, memory_file, path_of
from service.core.errors import DiskFull
from tests.support.conversions import open_files


class Usage(NamedTuple):
    """As `shutil.disk_usage` returns it."""

    total: int
    used: int
    free: int


def test_scratch_file_has_no_name_and_its_space_is_allocated(tmp_path: Path) -> None:
    """The file exists for those who hold its descriptor, and for nobody else; its space is taken at once."""
    fd = Scratch(str(tmp_path / "scratch"), 0).file(100_000)
    try:
        assert list((tmp_path / "scratch").iterdir()) == []
        assert os.fstat(fd).st_nlink == 0
        assert os.fstat(fd).st_blocks * 512 >= 100_000
        os.write(fd, b"hello")
        assert Path(path_of(fd)).read_bytes()[:5] == b"hello"
    finally:
        os.close(fd)


@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EISDIR])
def test_scratch_file_works_where_o_tmpfile_is_not_supported(tmp_path: Path, number: int) -> None:
    """Where no nameless file can be made, a file loses its name right after it was made."""
    scratch = Scratch(str(tmp_path), 0)
    opened = os.open

    def refuse(path: object, flags: int, *rest: int, **named: int) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(number, "no")
        return opened(path, flags, *rest, **named)  # type: ignore[arg-type]

    with patch("os.open", refuse):
        fd = scratch.file()
    try:
        assert list(tmp_path.iterdir()) == []
        assert os.fstat(fd).st_nlink == 0
    finally:
        os.close(fd)


@pytest.mark.requirement("6.10")
def test_scratch_file_that_would_use_the_disk_reserve_is_refused(tmp_path: Path) -> None:
    """A file that would eat into the reserve is refused before it exists."""
    disk = Usage(total=1000, used=500, free=500)
    with patch("shutil.disk_usage", return_value=disk):
        assert Scratch(str(tmp_path), 100).free() == 400
        with pytest.raises(DiskFull):
            Scratch(str(tmp_path), 100).file(401)


def test_disk_smaller_than_the_reserve_still_takes_files(tmp_path: Path) -> None:
    """At most a fourth of a disk is kept free, so that a container with a small one can convert small files."""
    with patch("shutil.disk_usage", return_value=Usage(total=1000, used=0, free=1000)):
        assert Scratch(str(tmp_path), 1 << 62).free() == 750
    with patch("shutil.disk_usage", return_value=Usage(total=1000, used=800, free=200)):
        assert Scratch(str(tmp_path), 1 << 62).free() == 0


@pytest.mark.requirement("6.10")
def test_scratch_file_is_refused_when_the_disk_fills_up_meanwhile(tmp_path: Path) -> None:
    """If the space is gone between asking and taking, the answer is the same, and nothing is left open."""
    before = len(open_files(os.getpid()))
    with (
        patch("os.posix_fallocate", side_effect=OSError(errno.ENOSPC, "full")),
        pytest.raises(DiskFull),
    ):
        Scratch(str(tmp_path), 0).file(1000)
    assert len(open_files(os.getpid())) == before


def test_memory_file_is_none_where_memfd_is_missing() -> None:
    """There is None instead of an exception."""
    with patch("os.memfd_create", side_effect=OSError(errno.ENOSYS, "no such call")):
        assert memory_file() is None
