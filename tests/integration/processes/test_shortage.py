"""What a service logs that runs short of something in the middle of a conversion: memory, CPU, disk and descriptors."""

import contextlib
import mmap
import resource
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.cli.processes import ServiceProcess
from tests.blackbox.stories import tone
from tests.support.cluster import a_cluster, wait_for

CHUNK = 64 << 20  # bytes
# A mount namespace in which the kernel's folder of control groups is one of the test, and the rest is as it is: no
# plain process can bring about pressure on the CPU of a group of its own.
OWN_GROUPS = ("--map-root-user", "--mount", "sh", "-c", 'mount --bind "$0" /sys/fs/cgroup && exec "$@"')


@pytest.mark.requirement("7.13")
def test_each_shortage_in_a_conversion_is_logged_with_its_readings_and_the_active_jobs(
    embedded_stack: Mapping[str, str], tmp_path: Path
) -> None:
    """CPU by the kernel's pressure file, descriptors by a lower limit, disk by a full one, memory by using it up."""
    groups, scratch, full = tmp_path / "cgroup", tmp_path / "scratch", tmp_path / "full"
    for folder in (groups, tmp_path / "disk"):
        folder.mkdir()
    scratch.symlink_to(tmp_path / "disk")
    full.symlink_to("/proc")  # a disk without any room
    unshare = shutil.which("unshare") or "/bin/false"
    if subprocess.run([unshare, *OWN_GROUPS[:2], "true"], check=False).returncode:
        pytest.skip("this platform gives no process a mount namespace of its own")
    settings = {"REPRISE_SCRATCH": str(scratch), "REPRISE_MAX_MEMORY_PERCENT": str(round(memory_in_use() * 100) + 4)}
    held: list[mmap.mmap] = []
    with a_cluster(embedded_stack, redis=False) as cluster:
        service = cluster.start(under=(unshare, *OWN_GROUPS, str(groups)), **settings, **cluster.slow_ffmpeg(1))
        with httpx.Client(base_url=service.address, timeout=60) as http:
            upload = http.post("/v1/uploads?filename=song.wav", content=tone(120)).json()["upload_id"]
            job = http.post("/v1/jobs", json={"upload_id": upload, "format": "mp3"}).json()["job_id"]
            wait_for(lambda: http.get(f"/v1/jobs/{job}").json()["percent"] > 0, "progress")

            quiet = highest(service)
            press_on_the_cpu(groups)
            full.replace(scratch)
            before = resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE)
            used = len([*Path(f"/proc/{service.process.pid}/fd").iterdir()])
            resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE, (used + used // 8, before[1]))
            first = line_about(service, {"cpu", "disk", "descriptors"})
            resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE, before)
            last = line_about(service, {"memory"}, lambda: use_up(held))
            for piece in held:
                piece.close()
            http.post(f"/v1/jobs/{job}/cancel")

    assert quiet is None, "nothing was short before"
    most = int(settings["REPRISE_MAX_MEMORY_PERCENT"]) / 100
    assert (first["active"], first["cpu"], first["disk_free"]) == (1, 0.955, 0)
    assert 0.8 <= first["descriptors"] <= 1
    assert first["memory"] < most
    assert (last["active"], last["short_of"][-1]) == (1, "memory")
    assert last["memory"] >= most


def press_on_the_cpu(groups: Path) -> None:
    """Write what the kernel would: that something in the group of this process waited for a CPU nearly all the time."""
    rows = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    group = next((row.removeprefix("0::/") for row in rows if row.startswith("0::/")), "")
    (groups / group).mkdir(parents=True, exist_ok=True)
    pressure = "some avg10=95.50 avg60=40.00 avg300=10.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
    (groups / group / "cpu.pressure").write_text(pressure, encoding="utf-8")


def memory_in_use() -> float:
    """The share of the machine's memory that cannot be dropped: of the groups nothing is known here."""
    rows = [line.split() for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()]
    table = {row[0]: int(row[1]) for row in rows}
    return 1 - table["MemAvailable:"] / table["MemTotal:"]


def use_up(held: list[mmap.mmap]) -> None:
    """Take a little more of the machine's memory, at most 3 GiB in all."""
    if len(held) < 48:
        held.append(mmap.mmap(-1, CHUNK))
        for page in range(0, CHUNK, mmap.PAGESIZE):
            held[-1][page] = 1


def highest(service: ServiceProcess) -> dict[str, Any] | None:
    """The latest line about a shortage."""
    with contextlib.suppress(ValueError):  # the last line is being written
        return next((it for it in reversed([*service.events()]) if it["event"] == "resources.high"), None)
    return None


def line_about(service: ServiceProcess, what: set[str], more: Callable[[], object] = lambda: None) -> dict[str, Any]:
    """The line that names these shortages first, while `more` is done for them."""

    def named() -> dict[str, Any] | None:
        more()
        line = highest(service)
        return line if line is not None and what <= set(line["short_of"]) else None

    found: dict[str, Any] = wait_for(named, f"the service is short of {sorted(what)}")
    return found
