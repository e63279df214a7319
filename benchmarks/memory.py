"""
Measure whether memory depends on the size of the file: peak of the process plus its window, large file against small.

The process's peak is the kernel's (``VmHWM``). The window is an anonymous file that belongs to no process; what it
occupies is read from the file's blocks while a conversion runs.
"""

import argparse
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.rig import BAD, GOOD, rig
from service.cli.sample import write_sample

TARGET = 1.10
SMALL_MIB = 50
MIB = 1024 * 1024
WAV_BYTES_PER_SECOND = 44_100 * 4


@dataclass(slots=True)
class Peak:
    """Bytes at most occupied by the window."""

    window: int = 0


def run(console: Console, given: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Measure both directions and print peaks and ratios."""
    table = Table(title="memory: peak in MiB, upload and conversion", title_justify="left")
    for name in ("conversion", "size", "process", "window", "sum", "ratio"):
        table.add_column(name, justify="right" if name != "conversion" else "left")
    verdicts = []
    for source, target in (("wav", "flac"), ("flac", "wav")):
        small = _measure(environment, source, target, SMALL_MIB)
        large = _measure(environment, source, target, given.large_mib)
        ratio = sum(large) / sum(small)
        for size, (process, window) in ((SMALL_MIB, small), (given.large_mib, large)):
            shown = f"{ratio:.3f}" if size == given.large_mib else ""
            total = f"{(process + window) / MIB:.1f}"
            row = (f"{size} MiB", f"{process / MIB:.1f}", f"{window / MIB:.1f}", total, shown)
            table.add_row(f"{source} → {target}", *row)
        verdicts.append(f"{source} → {target} {ratio:.3f} {GOOD if ratio <= TARGET else BAD}")
    console.print(table)
    console.print(f"memory: {given.large_mib} MiB against {SMALL_MIB} MiB, promised at most {TARGET:.2f}:")
    console.print("        " + ", ".join(verdicts) + "\n")


def _measure(environment: Mapping[str, str], source: str, target: str, mib: int) -> tuple[int, int]:
    """Peak bytes of a fresh process and of its window for a file whose WAV has `mib` MiB."""
    with tempfile.TemporaryDirectory(prefix="reprise-") as name, rig(Path(name), environment) as service:
        path = service.folder / "piece.wav"
        write_sample(path, mib * MIB / WAV_BYTES_PER_SECOND)
        if source != "wav":
            made = path.with_suffix(f".{source}")
            service.run_ffmpeg("-i", path, made)
            path.unlink()
            path = made
        upload_id = service.upload(path)
        path.unlink()
        with _watched(service.service.process.pid) as peak:
            service.convert(upload_id, target)
        return _high_water(service.service.process.pid), peak.window


def _high_water(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the kernel does not say how much memory the process has used")


@contextmanager
def _watched(pid: int) -> Iterator[Peak]:
    """Look at the window of process `pid` while the block runs."""
    peak, done = Peak(), threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak.window = max(peak.window, _window_bytes(pid))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def _window_bytes(pid: int) -> int:
    total = 0
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            try:
                if str(entry.readlink()).startswith("/memfd:"):
                    total += entry.stat().st_blocks * 512
            except OSError:
                continue
    except OSError:
        return 0
    return total
