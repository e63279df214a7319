"""
A private `redis-server` as a child process, to be killed, paused and started again in the middle of a test.

It listens on a loopback port that was free, keeps nothing on disk, and dies with the process that started it.
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

START_TIMEOUT = 100.0  # seconds for a cold start on a busy machine
TRIES = 5  # another process may take the port between our finding it and Redis taking it
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def redis_or_skip() -> str:
    """The path of `redis-server`. Without one the test is skipped, or fails where REPRISE_REQUIRE_REDIS is 1."""
    if path := shutil.which("redis-server"):
        return path
    reason = "redis-server is not installed"
    if os.environ.get("REPRISE_REQUIRE_REDIS") == "1":
        pytest.fail(f"{reason}, and REPRISE_REQUIRE_REDIS=1 demands it")
    pytest.skip(reason)


class RedisServer:
    """One server; `start` after `kill` comes back on the same port, having forgotten everything."""

    def __init__(self, program: str, *options: str) -> None:
        self._program, self._options = program, options
        self._child: subprocess.Popen[bytes] | None = None
        self._directory = tempfile.TemporaryDirectory(prefix="reprise-redis-")
        self.port = 0

    @property
    def url(self) -> str:
        """Where it is, without a password."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and return when it accepts connections; raises `RuntimeError` with its log."""
        said = ""
        for _ in range(1 if self.port else TRIES):
            port = self.port or free_port()
            ready, said = self._try(port)
            if ready:
                self.port = port
                return
        raise RuntimeError(f"redis-server did not start:\n{said[-2000:]}")

    def kill(self) -> None:
        """SIGKILL; returns when it is dead."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None

    def pause(self) -> None:
        """Freeze it: connections stay open, answers stay away."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Thaw it."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """End it and remove its directory."""
        self.kill()
        self._directory.cleanup()

    def _signal(self, number: signal.Signals) -> None:
        if self._child is None:
            raise RuntimeError("redis-server is not running")
        self._child.send_signal(number)

    def _try(self, port: int) -> tuple[bool, str]:
        log = Path(self._directory.name) / "redis.log"
        address = ["--port", str(port), "--bind", "127.0.0.1", "--dir", self._directory.name]
        nothing_kept = ["--save", "", "--appendonly", "no"]
        with log.open("wb") as sink:
            self._child = subprocess.Popen(
                [self._program, *address, *nothing_kept, *self._options],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                # Nothing but a system call between fork and exec: no thread can hold a lock that it would need.
                preexec_fn=lambda: _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),  # noqa: PLW1509
            )
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and self._child.poll() is None:
            if "Ready to accept connections" in log.read_text(errors="replace"):
                return True, ""
            time.sleep(0.01)
        self.kill()
        return False, log.read_text(errors="replace")


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
