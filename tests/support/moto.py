"""
S3 and DynamoDB to stand on: a moto server in a child process.

The child takes port 0 and says in its log which one it got, so no two sessions can fight over one. It cannot outlive
its parent, however that one ends: its stdin is a pipe that is never written to, and the child ends when the pipe does.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_TIMEOUT = 100.0  # seconds for a cold start on a busy machine

CHILD = """
import os, runpy, sys, threading
threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "1"  # a blanket permission that would hide the bucket's own rules
if "MOTO_IAM_LOAD_MANAGED_POLICIES" in os.environ:
    # It walks through the roles while another thread adds one, which ends in a 500.
    from moto.iam.models import IAMBackend
    IAMBackend.get_roles = lambda backend: list(backend.roles.values())
sys.argv = ["stand_in", "-H", "127.0.0.1", "-p", "0"]
runpy.run_module("service.adapters.embedded.moto_server", run_name="__main__")
"""


@contextmanager
def start_moto(**variables: str) -> Iterator[str]:
    """
    Start a server and yield its endpoint, like ``http://127.0.0.1:40001``; raises `RuntimeError` with its log.

    `variables` are added to the child's environment: moto is configured by them.
    """
    with tempfile.TemporaryDirectory(prefix="reprise-moto-") as directory:
        log = Path(directory) / "moto.log"
        with log.open("wb") as sink:
            child = subprocess.Popen(
                [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=sink, stderr=sink, cwd=ROOT,
                env={**os.environ, **variables},
            )  # fmt: skip
        try:
            yield _address(child, log)
        finally:
            child.kill()
            child.communicate()


def _address(child: subprocess.Popen[bytes], log: Path) -> str:
    """Where the child says that it listens."""
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        said = log.read_text(errors="replace")
        if found := re.search(r"Running on (http://127\.0\.0\.1:[1-9]\d*)", said):
            return found[1]
        if child.poll() is not None:
            break
        time.sleep(0.02)
    raise RuntimeError(f"moto did not start (exit code {child.poll()}):\n{log.read_text(errors='replace')[-2000:]}")
