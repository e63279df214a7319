"""
What this container has left, as the kernel tells it: from its control groups (either version), else from the machine.

A container sees the machine's memory in /proc/meminfo however little it may use itself, so its control group is asked
first. Pages that only cache files are not counted: the kernel drops them when it needs room.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from service.core.limits.capacity import Load

KIB = 1 << 10
UNLIMITED = 1 << 60  # bytes; version 1 says "no limit" with a number near 2**63


class CgroupReadings:
    """`ports.Capacity`. `scratch` need not exist yet; `root` is where /proc and /sys are found."""

    def __init__(self, scratch: str, root: str = "/") -> None:
        self._scratch = Path(scratch)
        self._root = Path(root)

    def load(self) -> Load:
        """Return the present load, read from a few files of the kernel; nothing of that blocks."""
        return Load(memory=self._memory(), disk_free=self._disk_free(), cpu=self._cpu())

    def memory_limit(self) -> int | None:
        """Return the bytes that this container may use: the least of its groups' limits, else the whole machine."""
        top, groups = self._root / "sys/fs/cgroup", self._groups()
        files = [
            *(group / "memory.max" for group in _upwards(top, groups.get("", ""))),
            *(group / "memory.limit_in_bytes" for group in _upwards(top / "memory", groups.get("memory", ""))),
        ]
        limits = [most for most in map(_number, files) if most is not None and 0 < most < UNLIMITED]
        machine = _table(self._root / "proc/meminfo").get("MemTotal:")
        return min((*limits, *([machine * KIB] if machine else [])), default=None)

    def memory_kills(self) -> int:
        """Return how many processes the kernel has ended for want of memory, here or on the machine; it only grows."""
        top, groups = self._root / "sys/fs/cgroup", self._groups()
        files = [
            *(group / "memory.events" for group in _upwards(top, groups.get("", ""))),
            *(group / "memory.oom_control" for group in _upwards(top / "memory", groups.get("memory", ""))),
            self._root / "proc/vmstat",
        ]
        return sum(_table(file).get("oom_kill", 0) for file in files)

    def _memory(self) -> float | None:
        groups, cgroup = self._groups(), self._root / "sys/fs/cgroup"
        # A container mostly sees its own group as the root; outside of one the path is that of /proc/self/cgroup.
        # Every group above has a say too: the fullest counts.
        shares = [
            self._share(group / "memory.max", group / "memory.current", group / "memory.stat", "inactive_file")
            for group in _upwards(cgroup, groups.get("", ""))
        ] + [
            self._share(
                group / "memory.limit_in_bytes",
                group / "memory.usage_in_bytes",
                group / "memory.stat",
                "total_inactive_file",
            )
            for group in _upwards(cgroup / "memory", groups.get("memory", ""))
        ]
        known = [share for share in shares if share is not None]
        share = max(known) if known else self._machine()
        return None if share is None else round(share, 3)

    def _share(self, limit: Path, usage: Path, stat: Path, droppable: str) -> float | None:
        most, used = _number(limit), _number(usage)
        if most is None or used is None or not 0 < most < UNLIMITED:
            return None
        return max(0, used - _table(stat).get(droppable, 0)) / most

    def _machine(self) -> float | None:
        found = _table(self._root / "proc/meminfo")
        total, available = found.get("MemTotal:"), found.get("MemAvailable:")
        return None if not total or available is None else 1 - available / total

    def _cpu(self) -> float | None:
        """Pressure on our own group only: that of the machine is not ours to relieve."""
        path = self._root / "sys/fs/cgroup" / self._groups().get("", "").lstrip("/") / "cpu.pressure"
        for line in _lines(path):
            words = line.split()
            if words and words[0] == "some":
                average = next((word[6:] for word in words if word.startswith("avg10=")), "")
                return _share_of(average)
        return None

    def _disk_free(self) -> int | None:
        folder = next((path for path in (self._scratch, *self._scratch.parents) if path.exists()), None)
        try:
            return None if folder is None else shutil.disk_usage(folder).free
        except OSError:
            return None

    def _groups(self) -> Mapping[str, str]:
        """Our groups by controller; that of version 2 under the empty name."""
        found: dict[str, str] = {}
        for line in _lines(self._root / "proc/self/cgroup"):
            _, controllers, path = [*line.split(":", 2), "", ""][:3]
            found |= dict.fromkeys(controllers.split(","), path)
        return found


def memory_kills() -> int:
    """Return the number of `CgroupReadings.memory_kills` of this process."""
    return CgroupReadings("/").memory_kills()


def _upwards(top: Path, group: str) -> list[Path]:
    """The folder of a group and of all groups above it, up to `top`."""
    names = [name for name in group.split("/") if name not in {"", ".", ".."}]
    return [top.joinpath(*names[:depth]) for depth in range(len(names), -1, -1)]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except OSError:
        return []


def _number(path: Path) -> int | None:
    """The one number in a file; None if there is no such file, or it says `max`."""
    text = "".join(_lines(path)).strip()
    return int(text) if text.isdigit() else None


def _table(path: Path) -> dict[str, int]:
    """Lines of a name and a number."""
    words = (line.split() for line in _lines(path))
    return {pair[0]: int(pair[1]) for pair in words if len(pair) >= 2 and pair[1].isdigit()}


def _share_of(percent: str) -> float | None:
    try:
        return round(float(percent) / 100, 3)
    except ValueError:
        return None
