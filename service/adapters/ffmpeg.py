"""
`ports.Transcoder`: the async face of a conversion.

All the work is done by `service.adapters.conversion` on a thread of its own; here it is started, awaited, and stopped
when nobody wants it any more. A cancellation is passed on only after ffmpeg is gone and its leftovers are cleared away.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

from service import telemetry
from service.adapters.aws import Aws
from service.adapters.conversion import Conversion, Outfit, StoppedOnRequest
from service.adapters.draft import WindowDraft
from service.adapters.ffmpeg_config import FfmpegConfig
from service.adapters.scratch import Scratch
from service.core.progress import Reading
from service.ports import Clock, Order

__all__ = ["FfmpegConfig", "FfmpegTranscoder"]


class FfmpegTranscoder:
    """Converts with ffmpeg, from S3 to S3. One instance serves any number of conversions at a time."""

    def __init__(self, aws: Aws, config: FfmpegConfig, clock: Clock) -> None:
        self._config = config
        scratch = Scratch(config.scratch_dir, config.disk_reserve)
        self._outfit = Outfit(aws, aws.s3(), config, clock, scratch)

    async def convert(self, order: Order, report: Callable[[Reading], None]) -> WindowDraft:
        run = _Run(self._outfit, order, report)
        run.start()
        try:
            await asyncio.wait({run.done})
        except asyncio.CancelledError:
            if not await run.give_up(self._config.cleanup_seconds):
                telemetry.say(telemetry.CLEANUP_SLOW, job_id=order.job_id, seconds=self._config.cleanup_seconds)
            raise
        return run.done.result()


class _Run:
    """A conversion on its thread, and the future by which the event loop knows it."""

    def __init__(self, outfit: Outfit, order: Order, report: Callable[[Reading], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._report = report
        self._conversion = Conversion(outfit, order, self._relay, self._stop)
        self.done: asyncio.Future[WindowDraft] = self._loop.create_future()

    def start(self) -> None:
        """Begin."""
        # A daemon, so that a second SIGTERM can leave at once. ffmpeg dies with this thread.
        name = f"convert {self._conversion.job_id}"
        threading.Thread(target=copy_context().run, args=(self._work,), name=name, daemon=True).start()

    async def give_up(self, seconds: float) -> bool:
        """Stop it and wait until nothing of it is left; False if that takes longer than `seconds`."""
        self._stop.set()
        await _outlast(self.done, seconds)
        if not self.done.done():
            return False
        if self.done.exception() is None:  # it had just come to its end
            discarding = asyncio.ensure_future(self.done.result().discard())
            await _outlast(discarding, seconds)
            return discarding.done()
        return True

    def _work(self) -> None:
        draft, problem = None, None
        try:
            draft = self._conversion.run()
        except Exception as error:  # noqa: BLE001  # all of it belongs to whoever awaits `done`
            problem = error
        try:
            self._loop.call_soon_threadsafe(self._finish, draft, problem)
        except RuntimeError:  # the loop is closed: nobody will ever ask
            if draft is not None:
                draft.discard_now()

    def _finish(self, draft: WindowDraft | None, problem: Exception | None) -> None:
        if draft is not None:
            self.done.set_result(draft)
        else:
            self.done.set_exception(problem or StoppedOnRequest())
            self.done.exception()  # whoever was cancelled does not ask for it

    def _relay(self, reading: Reading) -> None:
        with contextlib.suppress(RuntimeError):  # as above
            self._loop.call_soon_threadsafe(self._show, reading)

    def _show(self, reading: Reading) -> None:
        if not self._stop.is_set() and not self.done.done():
            self._report(reading)


async def _outlast(future: asyncio.Future[Any], seconds: float) -> None:
    """Wait for it, however often we are cancelled meanwhile: the one who waits is on the way out already."""
    while not future.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({future}, timeout=seconds)
            return
