"""One ffmpeg process: started in the sandbox (`sandbox/enter.py`), paused, resumed, ended."""

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from service.adapters.ffmpeg.config import Confinement
from service.adapters.ffmpeg.sandbox import enter
from service.adapters.ffmpeg.sandbox.calls import filter_here
from service.adapters.ffmpeg.sandbox.files import files_of
from service.adapters.system.ambient import secret_number

SANDBOX = Path(enter.__file__)
READ_BYTES = 1 << 16


class FfmpegProcess:
    """
    A running ffmpeg, the leader of a session and process group of its own.

    To be used by the thread that made it, which has to outlive the process: the kernel kills ffmpeg when that thread
    ends.
    """

    def __init__(
        self,
        command: Sequence[str],
        limits: Mapping[str, int],
        *,
        stdin: int,
        reads: Sequence[int] = (),
        writes: Sequence[int] = (),
        confinement: Confinement,
        report: bool = False,
    ) -> None:
        """
        Start it with `stdin` as its input, and with descriptors under their own numbers that it `reads` or `writes`.

        With `report`, the first line on stderr says what confines it. Raises OSError.
        """
        files = files_of(command[0])
        settings = [
            *(f"{name}={value}" for name, value in limits.items()),
            *(f"execute={path}" for path in files.executed),
            *(f"read={path}" for path in (*files.read, *confinement.readable)),
            *(f"input={fd}" for fd in reads),
            *(f"output={fd}" for fd in writes),
            *(("optional=1",) if confinement.optional else ()),
            *(("report=1",) if report else ()),
            f"filter={filter_here().hex()}",
            f"token={secret_number()}",
        ]
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(SANDBOX), str(os.getpid()), *settings, "--", *command],
            bufsize=0,
            stdin=stdin,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={},
            cwd="/",
            pass_fds=(*reads, *writes),
            start_new_session=True,
        )
        self.paused = False
        self._stderr_ended = False  # ffmpeg closed it, or ended
        self._poll = select.poll()  # select() itself cannot see descriptors above 1023
        if self._process.stderr is not None:
            os.set_blocking(self._process.stderr.fileno(), False)
            self._poll.register(self._process.stderr, select.POLLIN)

    @property
    def pid(self) -> int:
        """The process id, which is also that of its group."""
        return self._process.pid

    def read_stderr(self, timeout: float) -> bytes:
        """Return what is new on stderr, at most 64 KiB; wait up to `timeout` seconds for something, or for the end."""
        stderr = self._process.stderr
        if stderr is None or self._stderr_ended:
            self.wait(timeout)
            return b""
        if not self._poll.poll(timeout * 1000):
            return b""
        data = stderr.read(READ_BYTES)
        self._stderr_ended = data == b""
        return data or b""

    def wait(self, timeout: float) -> None:
        """Wait up to `timeout` seconds for the end, without reading: only for a process that writes little."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)

    def exit_code(self) -> int | None:
        """Return None while it runs, the negative number of the signal that killed it, or the exit code."""
        return self._process.poll()

    def pause(self) -> None:
        """Send SIGSTOP."""
        self._signal(signal.SIGSTOP)
        self.paused = True

    def resume(self) -> None:
        """Send SIGCONT."""
        self._signal(signal.SIGCONT)
        self.paused = False

    def end(self, grace: float) -> None:
        """Send SIGTERM, after `grace` seconds SIGKILL, and take the exit code. Returns when the process is gone."""
        if self.exit_code() is None and grace > 0:
            self._signal(signal.SIGTERM)
            self.resume()  # a stopped process does not act on SIGTERM
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace)
        if self.exit_code() is None:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def close(self) -> None:
        """Close the pipe to its stderr."""
        if self._process.stderr is not None:
            self._process.stderr.close()

    def _signal(self, number: signal.Signals) -> None:
        # Not reaped yet, so the number is still its own.
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
