"""
`ports.Transcoder`: the async face of a conversion.

All the work is done by `conversion` on a thread of its own; here it is started, awaited, and stopped when nobody
wants it any more. Two moments are told apart: ffmpeg is gone, and nothing is left in S3. The first is there within a
moment; the second may take as long as S3 does, and nobody's record has to wait for it.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

from service.adapters.aws.clients import Aws
from service.adapters.ffmpeg.config import FfmpegConfig
from service.adapters.ffmpeg.conversion import Conversion, Outfit, StoppedOnRequest
from service.adapters.ffmpeg.draft import WindowDraft
from service.adapters.ffmpeg.scratch import Scratch
from service.adapters.s3.completion import Completer
from service.core.progress import Reading
from service.ports.time import Clock
from service.ports.transcoder import Order

__all__ = ["FfmpegConfig", "FfmpegTranscoder"]


class FfmpegTranscoder:
    """Converts with ffmpeg, from S3 to S3. One instance serves any number of conversions at a time."""

    def __init__(self, aws: Aws, config: FfmpegConfig, clock: Clock) -> None:
        self._config = config
        scratch = Scratch(config.scratch_dir, config.disk_reserve)
        s3 = aws.s3()
        self._outfit = Outfit(aws, s3, Completer(aws.s3(repeats=False), s3), config, clock, scratch)
        self._runs: dict[str, _Run] = {}  # by output key, until nothing is left of them

    async def convert(self, order: Order, report: Callable[[Reading], None]) -> WindowDraft:
        run = self._runs[order.output_key] = _Run(self._outfit, order, report)
        run.clear.add_done_callback(lambda _: self._runs.pop(order.output_key, None))
        run.start()
        try:
            await asyncio.wait({run.verdict})
        except asyncio.CancelledError:
            await run.give_up(self._config.farewell_seconds)
            raise
        return run.take()

    async def cleared(self, order: Order) -> None:
        if run := self._runs.get(order.output_key):
            await asyncio.wait({run.clear})


class _Run:
    """A conversion on its thread, and the two futures by which the event loop knows it."""

    def __init__(self, outfit: Outfit, order: Order, report: Callable[[Reading], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._report = report
        self._conversion = Conversion(outfit, order, self._relay, self._stop, self._over)
        self._discarding: asyncio.Task[None] | None = None
        self.verdict: asyncio.Future[WindowDraft] = self._loop.create_future()  # ffmpeg is gone, and what it came to
        self.clear: asyncio.Future[None] = self._loop.create_future()  # nothing is left, but for a draft that is wanted

    def start(self) -> None:
        """Begin."""
        # A daemon, so that a second SIGTERM can leave at once. ffmpeg dies with this thread.
        name = f"convert {self._conversion.job_id}"
        threading.Thread(target=copy_context().run, args=(self._work,), name=name, daemon=True).start()

    def take(self) -> WindowDraft:
        """The draft, which is somebody else's from now on; or raise what there is instead."""
        draft = self.verdict.result()
        self.clear.set_result(None)
        return draft

    async def give_up(self, seconds: float) -> None:
        """Stop it, and wait until ffmpeg is gone; at most `seconds`, if the thread hangs where there is no ffmpeg."""
        self._stop.set()
        await _outlast(self.verdict, seconds)
        if self.verdict.done() and self.verdict.exception() is None:  # it had just come to its end
            self._throw_away(self.verdict.result())

    def _work(self) -> None:
        draft = None
        try:
            draft = self._conversion.run()
        except Exception as error:  # noqa: BLE001  # all of it belongs to whoever awaits the verdict
            self._over(error)
        try:
            self._loop.call_soon_threadsafe(self._finish, draft)
        except RuntimeError:  # the loop is closed: nobody will ever ask
            if draft is not None:
                draft.discard_now()

    def _over(self, problem: Exception) -> None:
        """There is no ffmpeg any more, and no draft. Called on the thread, the first time before it clears up."""
        with contextlib.suppress(RuntimeError):  # as above
            self._loop.call_soon_threadsafe(self._judge, problem)

    def _judge(self, problem: Exception) -> None:
        if not self.verdict.done():
            self.verdict.set_exception(problem)
            self.verdict.exception()  # whoever was cancelled does not ask for it

    def _finish(self, draft: WindowDraft | None) -> None:
        """The thread has ended."""
        if draft is None:
            self.clear.set_result(None)
        elif self._stop.is_set():
            self._judge(StoppedOnRequest())
            self._throw_away(draft)
        else:
            self.verdict.set_result(draft)

    def _throw_away(self, draft: WindowDraft) -> None:
        self._discarding = asyncio.ensure_future(draft.discard())
        self._discarding.add_done_callback(lambda _: self.clear.set_result(None))

    def _relay(self, reading: Reading) -> None:
        with contextlib.suppress(RuntimeError):  # as above
            self._loop.call_soon_threadsafe(self._show, reading)

    def _show(self, reading: Reading) -> None:
        if not self._stop.is_set() and not self.verdict.done():
            self._report(reading)


async def _outlast(future: asyncio.Future[Any], seconds: float) -> None:
    """Wait for it, however often we are cancelled meanwhile: the one who waits is on the way out already."""
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    while not future.done() and (left := until - clock()) > 0:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({future}, timeout=left)
