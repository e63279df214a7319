"""
One conversion from beginning to end, blocking, on a thread of its own.

    S3 ──▶ supply ──▶ ffmpeg ──▶ window ──▶ shipping ──▶ S3
                        │ stderr
                        └──▶ log ──▶ readings

This thread starts ffmpeg, and then looks after it about 50 times a second: hears what it says, sends away what it
finished, pauses it when the uploads lag, ends it when it stalls, fails or is not wanted any more. Whatever happens, all
that was begun here ends here, in the reverse order: ffmpeg, the feed, the uploads under way, the multipart upload, the
window. Only a draft survives.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.adapters.aws.clients import Aws
from service.adapters.ffmpeg.config import FfmpegConfig
from service.adapters.ffmpeg.draft import WindowDraft
from service.adapters.ffmpeg.exit_status import Ending, judge, with_diagnostics
from service.adapters.ffmpeg.input import Feed, Spooled, Supply
from service.adapters.ffmpeg.part_uploads import Shipping
from service.adapters.ffmpeg.process import Guest
from service.adapters.ffmpeg.progress import Readings
from service.adapters.ffmpeg.scratch import Scratch, memory_file, path_of
from service.adapters.ffmpeg.timeouts import Patience
from service.adapters.ffmpeg.window import Window
from service.adapters.s3.completion import Completer
from service.adapters.s3.multipart import Destination, Multipart
from service.adapters.s3.object_stream import ObjectStream, Original
from service.core.errors import NoFfmpeg, OutputTooLarge, TranscodeFailed, WindowViolated
from service.core.media.arguments import command
from service.core.media.ffmpeg_log import LogReader
from service.core.progress import Reading
from service.ports.time import Clock
from service.ports.transcoder import Order
from service.telemetry import emit, events

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

LAST_WORDS = 16  # reads of 64 KiB: what the largest pipe holds


class StoppedOnRequest(Exception):
    """The conversion is not wanted any more; everything it began is gone."""


@dataclass(frozen=True, slots=True)
class Outfit:
    """What all conversions share."""

    aws: Aws
    s3: "S3Client"
    completer: Completer
    config: FfmpegConfig
    clock: Clock
    scratch: Scratch


class Conversion:
    """
    `run` it once. Setting `stop` makes it raise `StoppedOnRequest` soon.

    `report` and `over` are called on this thread; `over` with what `run` is going to raise, as soon as there is no
    ffmpeg any more. What follows is clean-up, which takes as long as S3 does.
    """

    def __init__(
        self,
        outfit: Outfit,
        order: Order,
        report: Callable[[Reading], None],
        stop: threading.Event,
        over: Callable[[Exception], None],
    ) -> None:
        self._outfit = outfit
        self._config = outfit.config
        self._order = order
        self._stop = stop
        self._over = over
        self._readings = Readings(order, outfit.clock, report, outfit.config.report_seconds)
        self._log = LogReader()
        self._pauses = 0
        self._room = outfit.config.max_output_bytes  # for the output

    @property
    def job_id(self) -> str:
        """Whose it is."""
        return self._order.job_id

    def run(self) -> WindowDraft:
        """Convert. Raises `TranscodeFailed`, `StoreError`, `StoppedOnRequest`; nothing is left behind then."""
        try:
            return self._run(memory_file())
        except WindowViolated as error:
            # The output has to be on disk until it is finished, because its muxer goes back further than we keep.
            emit(events.LOCAL_FALLBACK, reason=error.detail, size=self._order.input_size)
            return self._run(None)

    def _run(self, memory: int | None) -> WindowDraft:
        """Convert into the anonymous memory file `memory`, or into a file on disk."""
        started = self._outfit.clock.monotonic()
        self._log, self._pauses = LogReader(), 0
        with ExitStack() as leftovers:
            window = self._window(memory)
            leftovers.callback(os.close, window.fd)
            multipart = self._multipart()
            leftovers.callback(multipart.abandon)
            with ExitStack() as under_way:
                shipping = Shipping(window, multipart, self._config.concurrent_uploads)
                under_way.callback(shipping.close)
                with self._announced():
                    supply = self._supply()
                    under_way.callback(supply.close)
                    exit_code = self._convert(window, shipping, supply)
                    if violated := window.violated():
                        raise WindowViolated(f"the muxer went back to parts {violated}, which had left already")
                    shipping.rest(window.size())
                    while not shipping.settled(self._config.report_seconds):
                        self._stay()
            self._stay()
            facts = {
                "path": supply.path if window.sliding else "local",
                "size": window.size(),
                "parts": multipart.parts,
                "exit_code": exit_code,
                "pauses": self._pauses,
                "mended": supply.mended,
                "seconds": round(self._outfit.clock.monotonic() - started, 3),
            }
            draft = WindowDraft(self._outfit.aws, self._outfit.s3, window, multipart, facts)
            leftovers.pop_all()
            return draft

    @contextmanager
    def _announced(self) -> Iterator[None]:
        """Tell what this block is left with, before anything is cleared away."""
        try:
            yield
        except WindowViolated:
            raise  # not the end: it begins again
        except Exception as error:
            self._over(error)
            raise

    # ── the parts that it is put together from ───────────────────────────────────────────────────────────────────

    def _window(self, memory: int | None) -> Window:
        fd = self._outfit.scratch.file() if memory is None else memory
        return Window(fd, part_size=self._config.part_size, margin=self._config.margin, sliding=memory is not None)

    def _multipart(self) -> Multipart:
        outfit, order = self._outfit, self._order
        destination = Destination(outfit.aws.settings.bucket, order.output_key, order.content_type)
        return Multipart(outfit.aws, outfit.s3, destination, outfit.completer)

    def _supply(self) -> Supply:
        order, outfit = self._order, self._outfit
        bucket = outfit.aws.settings.bucket
        original = Original(bucket=bucket, key=order.input_key, etag=order.input_etag, size=order.input_size)
        stream = ObjectStream(outfit.aws, outfit.s3, original, self._config)
        if not order.local:
            return Feed(stream)
        reason = order.source.reason or "the input has to be seekable"
        emit(events.LOCAL_FALLBACK, reason=reason, size=order.input_size)
        return Spooled(outfit.scratch, stream, self._spooling)

    def _spooling(self, done: int) -> None:
        self._stay()
        self._readings.spooled(done)

    # ── ffmpeg, from its start to its end ────────────────────────────────────────────────────────────────────────

    def _convert(self, window: Window, shipping: Shipping, supply: Supply) -> int:
        """Run ffmpeg until it ends well; return its exit code (0), or raise what its end means."""
        guest = self._launch(window, supply)
        started = self._outfit.clock.monotonic()
        try:
            supply.start()
            code = self._watch(guest, window, shipping, supply)
            self._hear_last_words(guest)
        except TranscodeFailed as error:
            emit(events.FFMPEG_STOPPED, code=error.code, detail=error.detail)
            guest.end(self._config.polite_seconds)
            self._hear_last_words(guest)
            raise with_diagnostics(error, guest.exit_code() or 0, self._log.last_lines) from None
        finally:
            guest.end(self._config.brisk_seconds)
            guest.close()
            seconds = round(self._outfit.clock.monotonic() - started, 3)
            last_lines = self._log.last_lines[-3:]
            emit(events.FFMPEG_ENDED, exit_code=guest.exit_code(), seconds=seconds, last_lines=last_lines)
        if supply.error is not None:
            raise supply.error
        if (problem := judge(self._ending(code, window))) is not None:
            raise problem
        return code

    def _launch(self, window: Window, supply: Supply) -> Guest:
        self._stay()  # the last word of `spooled` may have been a while ago
        config, order = self._config, self._order
        if not window.sliding:
            self._room = min(self._room, self._outfit.scratch.free())
        limits = {
            "as": config.memory_bytes,
            "fsize": self._room,
            "nofile": config.open_files,
            "cpu": int(config.most_patience) * 4,  # a backstop: patience ends earlier, but here every thread counts
        }
        argv = command(config.ffmpeg, order.source, order.target, supply.url, path_of(window.fd))
        try:
            guest = Guest(argv, limits, stdin=supply.stdin, keep=(window.fd, *supply.keep))
        except OSError as error:  # no memory, no process to be had
            raise NoFfmpeg(f"ffmpeg could not be started here: {error}") from error
        path, key = supply.path if window.sliding else "local", order.input_key
        emit(events.FFMPEG_STARTED, pid=guest.pid, arguments=argv, path=path, input_key=key)
        return guest

    def _watch(self, guest: Guest, window: Window, shipping: Shipping, supply: Supply) -> int:
        config, log, clock = self._config, self._log, self._outfit.clock
        patience = Patience(config, self._order.input_size, clock.monotonic())
        size, grown = 0, config.part_size  # nobody knows yet how fast it is
        while True:
            # What decodes fast can write tens of megabytes between two looks: then look more often.
            said = guest.listen(config.tick / 8 if grown > config.part_size // 4 else config.tick)
            if said:
                log.feed(said)
                emit(events.FFMPEG_SAID, line=said[-1000:].decode(errors="replace"))
            before, size = size, window.size()
            grown = size - before
            shipping.advance(size)
            self._stay()
            if supply.error is not None:
                raise supply.error
            if size > config.max_output_bytes:
                raise OutputTooLarge(f"The output grew beyond {config.max_output_bytes} bytes.")
            self._throttle(guest, window, shipping.behind(size))
            media_seconds = self._readings.media_seconds(log)
            sign_of_life = (log.position_seconds, supply.fed, size)
            excused = guest.paused or supply.waiting
            patience.look(clock.monotonic(), sign_of_life, excused=excused, media_seconds=media_seconds)
            self._readings.converting(log, supply.fed, paused=guest.paused)
            if (code := guest.exit_code()) is not None:
                return code

    def _throttle(self, guest: Guest, window: Window, behind: int) -> None:
        """Stop the process when too much waits for its upload, until one part of that has gone."""
        limit = self._config.window_parts * self._config.part_size
        if window.sliding and not guest.paused and behind > limit:
            guest.pause()
            self._pauses += 1
            emit(events.FFMPEG_PAUSED, behind=behind)
        elif guest.paused and behind <= limit - self._config.part_size:
            guest.resume()

    def _ending(self, code: int, window: Window) -> Ending:
        return Ending(
            exit_code=code,
            output_size=window.size(),
            max_output_bytes=self._config.max_output_bytes,
            last_lines=self._log.last_lines,
            doubt=self._readings.doubt(self._log),
            disk_full=not window.sliding
            and (self._outfit.scratch.free() == 0 or self._config.max_output_bytes > self._room <= window.size()),
        )

    def _hear_last_words(self, guest: Guest) -> None:
        """Read what a process that has ended left in the pipe; its last progress block tells where the output ends."""
        for _ in range(LAST_WORDS):
            if not (said := guest.listen(0)):
                return
            self._log.feed(said)

    def _stay(self) -> None:
        if self._stop.is_set():
            raise StoppedOnRequest
