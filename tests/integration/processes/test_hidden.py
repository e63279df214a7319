"""The service is hidden from other processes of its user, which ffmpeg is one of."""

import subprocess
import sys
from collections.abc import Mapping

import httpx

from tests.support.cluster import a_cluster

# As another process of this user would, without what root may do: the files that follow are read one by one.
READ_WITHOUT_CAPABILITIES = """
import ctypes, struct, sys
if ctypes.CDLL(None).capset(struct.pack("=Ii", 0x20080522, 0), bytes(24)):
    sys.exit("capset")
for path in sys.argv[1:]:
    try:
        open(path, "rb").read(1)
        print("read")
    except OSError as error:
        print(type(error).__name__)
"""


def test_service_is_hidden_from_its_own_user_and_tells_what_confines_ffmpeg(
    embedded_stack: Mapping[str, str],
) -> None:
    """No process of the same user reads its environment or memory, while it reads its own numbers and starts ffmpeg."""
    with a_cluster(embedded_stack, redis=False) as cluster:
        worker = cluster.start(REPRISE_ROLE="worker")
        pid = worker.process.pid
        read = subprocess.run(
            [sys.executable, "-I", "-S", "-c", READ_WITHOUT_CAPABILITIES]
            + [f"/proc/{pid}/{name}" for name in ("environ", "mem", "maps", "fd/0", "stat")],
            capture_output=True, text=True, check=True,
        ).stdout.split()  # fmt: skip
        ready = httpx.get(f"{worker.address}/health/ready").json()
        metrics = httpx.get(f"{worker.address}/metrics").text
        (told,) = (event for event in worker.events() if event["event"] == "service.sandbox")

    assert read == [*["PermissionError"] * 4, "read"]
    assert ready["checks"]["sandbox"].startswith("ok (")
    assert "seccomp" in ready["checks"]["sandbox"]
    assert 'reprise_sandbox_confined{by="seccomp"} 1.0' in metrics.splitlines()
    assert "process_open_fds " in metrics
    assert "process_resident_memory_bytes " in metrics
    assert told["seccomp"] is True
    assert told["memory"] >= 256 << 20
