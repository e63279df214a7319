"""The service is hidden from other processes of its user, which ffmpeg is one of."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from service.cli import processes
from tests.support.cluster import a_cluster

# Gives up what root may do, for good (PR_SET_NO_NEW_PRIVS): to root without it the kernel refuses what it refuses to
# any user, and what root has by its capabilities would hide whether it does.
NO_CAPABILITIES = """
import ctypes, os, struct, sys
libc = ctypes.CDLL(None)
if libc.prctl(38, 1, 0, 0, 0) or libc.capset(struct.pack("=Ii", 0x20080522, 0), bytes(24)):
    sys.exit("capset")
"""
BECOME = f"{NO_CAPABILITIES}\nos.execv(sys.argv[1], sys.argv[1:])"
READ = f"""{NO_CAPABILITIES}
for path in sys.argv[1:]:
    try:
        open(path, "rb").read(1)
        print("read")
    except OSError as error:
        print(type(error).__name__)
"""
PYTHON = (sys.executable, "-I", "-S", "-c")


def read_by_another(pid: int) -> list[str]:
    """What another process of this user meets that reads files of a process."""
    files = [f"/proc/{pid}/{name}" for name in ("environ", "maps", "fd/0", "stat")]
    return subprocess.run([*PYTHON, READ, *files], capture_output=True, text=True, check=True).stdout.split()


def test_service_is_hidden_from_its_own_user_and_tells_what_confines_ffmpeg(
    embedded_stack: Mapping[str, str], tmp_path: Path
) -> None:
    """No process of the same user reads its environment or memory, while it reads its own numbers and starts ffmpeg."""
    with a_cluster(embedded_stack, redis=False) as cluster:
        worker = processes.start("worker", cluster.pointed, tmp_path, (*PYTHON, BECOME), REPRISE_ROLE="worker")
        cluster.stack.callback(worker.stop)
        read = read_by_another(worker.process.pid)
        ready = httpx.get(f"{worker.address}/health/ready").json()
        metrics = httpx.get(f"{worker.address}/metrics").text
        (told,) = (event for event in worker.events() if event["event"] == "service.sandbox")
    visible = subprocess.Popen([*PYTHON, BECOME, *PYTHON, "input()"], stdin=subprocess.PIPE)
    try:
        while (seen := read_by_another(visible.pid)) != ["read"] * 4 and visible.poll() is None:
            pass  # it is still being started
    finally:
        visible.communicate(b"\n")

    assert read == [*["PermissionError"] * 3, "read"]
    assert seen == ["read"] * 4, "a process that does not hide itself is seen"
    assert ready["checks"]["sandbox"].startswith("ok (")
    assert "seccomp" in ready["checks"]["sandbox"]
    assert 'reprise_sandbox_confined{by="seccomp"} 1.0' in metrics.splitlines()
    assert "process_open_fds " in metrics
    assert "process_resident_memory_bytes " in metrics
    assert told["seccomp"] is True
    assert told["memory"] >= 256 << 20
