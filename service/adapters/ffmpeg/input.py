"""
How ffmpeg gets its input: through a pipe that a thread fills (`PipeInput`), or as a nameless file (`SpooledInput`).

The end of the pipe is closed only after the last byte of the object, so that a broken stream can never look like the
end of the file. After a failure the pipe stays open; the conversion ends ffmpeg first, then calls `close`.
"""

import contextlib
import fcntl
import os
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import Protocol

from service.adapters.ffmpeg.scratch import Scratch, path_of
from service.adapters.s3.reading import ObjectStream
from service.core.errors import RepriseError
from service.core.media.arguments import STREAM_URL
from service.telemetry import emit, events

PIPE_BYTES = 1 << 20  # what /proc/sys/fs/pipe-max-size allows an unprivileged process by default


class InputSource(Protocol):
    """An input that ffmpeg can be started with."""

    url: str
    path: str  # "streaming" or "local": what the job's record calls it
    stdin: int
    keep: Sequence[int]  # descriptors to be inherited, for reading
    error: RepriseError | None

    @property
    def fed(self) -> int:
        """Bytes handed to ffmpeg so far, where they tell how far it is; else 0."""

    @property
    def waiting(self) -> bool:
        """Whether ffmpeg waits for S3 at this moment."""

    @property
    def mended(self) -> int:
        """How often reading from S3 went on after a break."""

    def start(self) -> None:
        """Begin. To be called when ffmpeg runs and has inherited its end."""

    def close(self) -> None:
        """End. To be called when ffmpeg is gone."""


class PipeInput:
    """Writes a stream into a pipe, on a thread of its own, and never holds more than a chunk."""

    path = "streaming"
    url = STREAM_URL
    keep: Sequence[int] = ()

    def __init__(self, stream: ObjectStream, *, close_timeout: float = 1.0) -> None:
        """Open the pipe. `close_timeout`: seconds for which `close` waits for a thread that hangs in S3."""
        self.error: RepriseError | None = None
        self.refused = False  # ffmpeg closed its end: it wants no more
        self.complete = False  # every byte was written, and the pipe closed
        self.fed = 0
        self._stream = stream
        self._close_timeout = close_timeout
        self._lock = threading.Lock()
        self._closed = False
        self.stdin, self._writing_end = os.pipe()
        with contextlib.suppress(OSError):  # a larger pipe saves context switches; any size works
            fcntl.fcntl(self._writing_end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._thread = threading.Thread(target=copy_context().run, args=(self._run,), name="feed", daemon=True)

    @property
    def waiting(self) -> bool:
        return self._stream.waiting

    @property
    def mended(self) -> int:
        return self._stream.mended

    def start(self) -> None:
        self._close_stdin()
        self._thread.start()

    def close(self) -> None:
        """Stop the thread. One that hangs in S3 ends by itself later, and closes the pipe then."""
        self._close_stdin()
        self._stream.stop.set()
        if self._thread.ident is not None:
            self._thread.join(self._close_timeout)
        with self._lock:
            self._closed = True
            if not self._thread.is_alive():
                self._close_pipe()

    def _run(self) -> None:
        try:
            for data in self._stream:
                self._push(data)
            if self._stream.complete:
                self._close_pipe()  # the only place where ffmpeg sees the end of the file
                self.complete = True
        except BrokenPipeError:
            self.refused = True
        except RepriseError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001  # it has to reach the thread that can end ffmpeg
            emit(events.UNEXPECTED, where="feed", exc_info=error)
            self.error = RepriseError(f"Feeding ffmpeg failed: {type(error).__name__}.")
        with self._lock:
            if self._closed:
                self._close_pipe()

    def _push(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.write(self._writing_end, view)
            self.fed += written
            view = view[written:]

    def _close_stdin(self) -> None:
        end, self.stdin = self.stdin, -1
        if end >= 0:
            os.close(end)

    def _close_pipe(self) -> None:
        end, self._writing_end = self._writing_end, -1
        if end >= 0:
            os.close(end)


class SpooledInput:
    """The whole input in a nameless file on disk."""

    path = "local"
    stdin = subprocess.DEVNULL
    error: RepriseError | None = None
    fed = 0  # ffmpeg goes back and forth in it
    waiting = False

    def __init__(self, scratch: Scratch, stream: ObjectStream, progress: Callable[[int], None]) -> None:
        """
        Copy the object; `progress` is called after every chunk with the bytes so far, and may raise to stop it.

        Raises `Unavailable` if there is no room, and what reading from S3 raises.
        """
        fd = scratch.file(stream.size)
        try:
            for data in stream:
                _write_all(fd, data)
                progress(stream.offset)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        self.url = path_of(fd)
        self.keep: Sequence[int] = (fd,)
        self.mended = stream.mended

    def start(self) -> None:
        pass

    def close(self) -> None:
        os.close(self._fd)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
