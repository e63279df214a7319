"""
`ports.Transcoder`: the async face of a conversion.

All the work is done by `conversion` on a thread of its own; here it is started, awaited, and stopped when its task is
cancelled. Two moments are told apart: ffmpeg is gone, and nothing is left in S3. The first is there within a moment;
the second may take as long as S3 does, and the record of the attempt does not wait for it.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

from service.adapters.aws.clients import Aws
from service.adapters.ffmpeg.config import FfmpegConfig
from service.adapters.ffmpeg.context import ConversionContext, StoppedOnRequest
from service.adapters.ffmpeg.conversion import Conversion
from service.adapters.ffmpeg.output.draft import WindowDraft
from service.adapters.ffmpeg.scratch import Scratch
from service.adapters.s3.completion import Completer
from service.core.jobs.progress import Reading
from service.ports.time import Clock
from service.ports.transcoder import Order, always

__all__ = ["FfmpegConfig", "FfmpegTranscoder"]


class FfmpegTranscoder:
    """Converts with ffmpeg, from S3 to S3. One instance serves any number of conversions at a time."""

    def __init__(self, aws: Aws, config: FfmpegConfig, clock: Clock) -> None:
        self._config = config
        scratch = Scratch(config.scratch_dir, config.disk_reserve)
        s3 = aws.s3()
        self._context = ConversionContext(aws, s3, Completer(aws.s3(repeats=False), s3), config, clock, scratch)
        self._runs: dict[str, _Run] = {}  # by output key, until their clean-up is done

    async def convert(
        self, order: Order, report: Callable[[Reading], None], trusted: Callable[[], bool] = always
    ) -> WindowDraft:
        run = self._runs[order.output_key] = _Run(self._context, order, report, trusted)
        run.cleanup_done.add_done_callback(lambda _: self._runs.pop(order.output_key, None))
        run.start()
        try:
            await asyncio.wait({run.result})
        except asyncio.CancelledError:
            await run.stop(self._config.cancel_timeout)
            raise
        return run.take()

    async def wait_for_cleanup(self, order: Order) -> None:
        if run := self._runs.get(order.output_key):
            await asyncio.wait({run.cleanup_done})


class _Run:
    """A conversion on its thread, and the two futures by which the event loop knows it."""

    def __init__(
        self, context: ConversionContext, order: Order, report: Callable[[Reading], None], trusted: Callable[[], bool]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._report = report
        self._conversion = Conversion(context, order, self._relay, self._stop, self._on_stopped, trusted)
        self._discarding: asyncio.Task[None] | None = None
        # Done when ffmpeg is gone: the draft, or the error.
        self.result: asyncio.Future[WindowDraft] = self._loop.create_future()
        # Done when nothing is left in S3 but a draft that was taken.
        self.cleanup_done: asyncio.Future[None] = self._loop.create_future()

    def start(self) -> None:
        """Start the thread."""
        # A daemon, so that a second SIGTERM can leave at once. ffmpeg dies with this thread.
        name = f"convert {self._conversion.job_id}"
        threading.Thread(target=copy_context().run, args=(self._work,), name=name, daemon=True).start()

    def take(self) -> WindowDraft:
        """Return the draft, which belongs to the caller from now on, or raise the error."""
        draft = self.result.result()
        self.cleanup_done.set_result(None)
        return draft

    async def stop(self, seconds: float) -> None:
        """Stop, and wait until ffmpeg is gone; at most `seconds`, if the thread hangs where there is no ffmpeg."""
        self._stop.set()
        await _wait_despite_cancellation(self.result, seconds)
        if self.result.done() and self.result.exception() is None:  # it had just come to its end
            self._discard(self.result.result())

    def _work(self) -> None:
        draft = None
        try:
            draft = self._conversion.run()
        except Exception as error:  # noqa: BLE001  # all of it is raised to the task that awaits the result
            self._on_stopped(error)
        try:
            self._loop.call_soon_threadsafe(self._finish, draft)
        except RuntimeError:  # the loop is closed: the draft will not be asked for
            if draft is not None:
                draft.discard_now()

    def _on_stopped(self, problem: Exception) -> None:
        """Note that ffmpeg is gone and there is no draft. Called on the thread, the first time before the clean-up."""
        with contextlib.suppress(RuntimeError):  # as above
            self._loop.call_soon_threadsafe(self._fail, problem)

    def _fail(self, problem: Exception) -> None:
        if not self.result.done():
            self.result.set_exception(problem)
            self.result.exception()  # marks it as seen: a task that was cancelled does not ask for it

    def _finish(self, draft: WindowDraft | None) -> None:
        """Hand over what the thread has ended with."""
        if draft is None:
            self.cleanup_done.set_result(None)
        elif self._stop.is_set():
            self._fail(StoppedOnRequest())
            self._discard(draft)
        else:
            self.result.set_result(draft)

    def _discard(self, draft: WindowDraft) -> None:
        self._discarding = asyncio.ensure_future(draft.discard())
        self._discarding.add_done_callback(lambda _: self.cleanup_done.set_result(None))

    def _relay(self, reading: Reading) -> None:
        with contextlib.suppress(RuntimeError):  # as above
            self._loop.call_soon_threadsafe(self._show, reading)

    def _show(self, reading: Reading) -> None:
        if not self._stop.is_set() and not self.result.done():
            self._report(reading)


async def _wait_despite_cancellation(future: asyncio.Future[Any], seconds: float) -> None:
    """Wait for it, however often we are cancelled meanwhile: the caller is being cancelled already."""
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    while not future.done() and (left := until - clock()) > 0:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({future}, timeout=left)
