"""
The files that a program cannot start without: itself, its loader, its libraries. For Landlock, which hides all others.

The loader is asked (`--list`, as ldd does), so that glibc and musl, RPATH and the cache of the loader are followed as
they will be. A static program has neither. Asked once for each program: a start of ffmpeg must not take two.
"""

import functools
import re
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

CACHE_OF_THE_LOADER = "/etc/ld.so.cache"
TIMEOUT = 20.0  # seconds; it takes a few milliseconds
PT_INTERP = 3
MOST_SCRIPTS = 4  # as the kernel: a script whose interpreter is a script, and so on


@dataclass(frozen=True, slots=True)
class ProgramFiles:
    """Absolute paths, which exist."""

    executed: tuple[str, ...]
    read: tuple[str, ...]


@functools.cache
def files_of(program: str) -> ProgramFiles:
    """Return the files of a program; what cannot be found out is left out, and the start of the program fails then."""
    executed: list[str] = []
    try:
        for _ in range(MOST_SCRIPTS):
            executed.append(program)
            if (interpreter := _interpreter_of_script(program)) is None:
                break
            program = interpreter
        if (loader := _loader_of(program)) is None:
            return _existing(executed, [])
        return _existing([*executed, loader], [CACHE_OF_THE_LOADER, *_libraries(loader, program)])
    except (OSError, struct.error, subprocess.SubprocessError):
        return _existing(executed, [])


def _interpreter_of_script(program: str) -> str | None:
    with Path(program).open("rb") as file:
        first = file.readline(256)
    return first[2:].split()[0].decode() if first.startswith(b"#!") and first[2:].split() else None


def _loader_of(program: str) -> str | None:
    """The PT_INTERP of a 64-bit little-endian ELF; None for a static one, and for what is no ELF."""
    with Path(program).open("rb") as file:
        header = file.read(64)
        if header[:6] != b"\x7fELF\x02\x01":
            return None
        table, size, count = struct.unpack_from("<Q", header, 32)[0], *struct.unpack_from("<HH", header, 54)
        for index in range(count):
            file.seek(table + index * size)
            kind, _, offset, _, _, length = struct.unpack("<IIQQQQ", file.read(40))
            if kind == PT_INTERP:
                file.seek(offset)
                return file.read(length).rstrip(b"\0").decode()
    return None


def _libraries(loader: str, program: str) -> list[str]:
    listed = subprocess.run(
        [loader, "--list", program], capture_output=True, check=False, env={}, timeout=TIMEOUT, stdin=subprocess.DEVNULL
    )
    return re.findall(r"(?:=> |^\s*)(/\S+) \(0x", listed.stdout.decode(errors="replace"), flags=re.MULTILINE)


def _existing(executed: list[str], read: list[str]) -> ProgramFiles:
    found = [tuple(dict.fromkeys(path for path in paths if Path(path).exists())) for paths in (executed, read)]
    return ProgramFiles(*found)
