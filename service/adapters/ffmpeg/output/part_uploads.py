"""Sends finished parts from the window to S3, a few at a time, on threads of its own."""

import contextvars
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as futures_wait
from functools import partial

from service.adapters.ffmpeg.output.window import Window
from service.adapters.s3.output_upload import OutputUpload
from service.adapters.s3.part_body import Buffers, PartBody


class PartUploader:
    """
    The uploads of one conversion. Used by one thread; what it starts runs on others.

    At most `workers` parts are in flight, each of which holds `part_size` bytes; all others wait in the window.
    """

    def __init__(self, window: Window, upload: OutputUpload, workers: int) -> None:
        self._window = window
        self._upload = upload
        self._buffers = Buffers(workers, window.part_size)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="upload-part")
        self._open: set[Future[None]] = set()

    def send_finished(self, size: int) -> None:
        """Send the parts that have become complete in a file of `size` bytes. Raises what an upload has failed with."""
        for part in self._window.finished(size):
            self._send(part)
        done = {future for future in self._open if future.done()}
        self._open -= done
        for future in done:
            future.result()

    def send_rest(self, size: int) -> None:
        """Send the remaining parts after the end, but for the head, which the draft sends when it is published."""
        for part in self._window.rest(size):
            self._send(part)

    def wait(self, timeout: float) -> bool:
        """Wait for the uploads; return False if some are still under way. Raises what one has failed with."""
        done, self._open = futures_wait(self._open, timeout)
        for future in done:
            future.result()
        return not self._open

    def backlog(self, size: int) -> int:
        """Return the bytes of a file of `size` that S3 does not have yet, the head left out."""
        return max(0, size - self._window.part_size - self._upload.size)

    def close(self) -> None:
        """Cancel the uploads that have not begun, and wait for those under way."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._buffers.close()

    def _send(self, part: int) -> None:
        # A context can be entered once at a time: every upload gets its own copy, for what is bound to the log.
        run = contextvars.copy_context().run
        self._open.add(self._pool.submit(partial(run, self._move, part)))

    def _move(self, part: int) -> None:
        with self._buffers.borrow() as buffer, self._window.take(part, buffer) as data, PartBody(data) as body:
            self._upload.send(part + 1, body)
