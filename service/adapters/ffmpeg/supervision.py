"""
One ffmpeg process under supervision, from its start to its end, on the thread of its conversion.

About 50 times a second: read its log, send away the parts it has finished, pause it while the uploads lag behind or its
lease is in doubt, end it when it stalls, fails, takes too long or is not wanted any more.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from service.adapters.ffmpeg.context import ConversionContext, StoppedOnRequest
from service.adapters.ffmpeg.exit_status import ProcessEnd, outcome_of, with_diagnostics
from service.adapters.ffmpeg.input import InputSource
from service.adapters.ffmpeg.output.part_uploads import PartUploader
from service.adapters.ffmpeg.output.window import Window
from service.adapters.ffmpeg.process import FfmpegProcess
from service.adapters.ffmpeg.progress import ProgressReporter
from service.adapters.ffmpeg.report import doubt, not_decoded, report
from service.adapters.ffmpeg.scratch import path_of
from service.adapters.ffmpeg.stderr_log import StderrLog
from service.adapters.ffmpeg.timeouts import Watchdog, output_cap
from service.adapters.system.cgroups import memory_kills
from service.core.errors import NoFfmpeg, OutputTooLarge, TranscodeFailed
from service.core.media.arguments import command
from service.core.media.ffmpeg_log import LogReader
from service.core.media.tracks import Track
from service.ports.transcoder import Order, always
from service.telemetry import emit, events

DRAIN_READS = 16  # reads of 64 KiB: what the largest pipe holds


@dataclass(frozen=True, slots=True)
class Running:
    """
    What one run of ffmpeg reads and writes, and whether it may. `track`: which sound is converted, the first if None.

    `trusted` says False while the lease may be another worker's; ffmpeg is paused meanwhile.
    """

    window: Window
    uploader: PartUploader
    source: InputSource
    track: Track | None = None
    trusted: Callable[[], bool] = always


class Supervision:
    """Of one ffmpeg process that reads the source and writes into the window of `running`. `run` it once."""

    def __init__(
        self,
        context: ConversionContext,
        order: Order,
        progress: ProgressReporter,
        stop: threading.Event,
        running: Running,
    ) -> None:
        self.pauses = 0  # how often ffmpeg was paused for the uploads
        self._behind = False  # so many bytes wait for their upload that ffmpeg has to wait as well
        self._trusted = running.trusted
        self._context, self._order, self._progress, self._stop = context, order, progress, stop
        self._config, self._clock = context.config, context.clock
        self._window, self._uploader, self._source = running.window, running.uploader, running.source
        self._track = running.track
        self._log = LogReader()
        self._said = StderrLog(self._clock.monotonic())
        self._cap = output_cap(order.input_size, self._config.max_output_bytes)  # of the output
        self._room = self._cap  # for it
        self._memory_kills = memory_kills()
        if not running.window.sliding:
            self._room = min(self._room, context.scratch.free())

    @property
    def path(self) -> str:
        """`streaming` or `local`: what the job's record calls the way of the bytes."""
        return self._source.path if self._window.sliding else "local"

    def run(self) -> int:
        """Run ffmpeg until it ends well; return its exit code (0), or raise what its end means."""
        process = self._start()
        started = self._clock.monotonic()
        try:
            self._source.start()
            code = self._watch(process)
            self._drain_stderr(process)
        except TranscodeFailed as error:
            emit(events.FFMPEG_STOPPED, code=error.code, detail=error.detail)
            process.end(self._config.stop_grace)
            self._drain_stderr(process)
            raise with_diagnostics(error, process.exit_code() or 0, self._log.last_lines) from None
        finally:
            process.end(self._config.cancel_grace)
            process.close()
            seconds = round(self._clock.monotonic() - started, 3)
            self._said.flush(self._clock.monotonic())
            last_lines = self._log.last_lines[-3:]
            code_of_end, pid = process.exit_code(), process.pid
            emit(events.FFMPEG_ENDED, pid=pid, exit_code=code_of_end, seconds=seconds, last_lines=last_lines)
        if self._source.error is not None:
            raise self._source.error
        if (problem := outcome_of(self._process_end(code))) is not None:
            raise not_decoded(self._track, self._log) or problem
        return code

    @property
    def report(self) -> dict[str, object]:
        """What the job's client is told of the conversion."""
        return report(self._order, self._log, self._track)

    def _start(self) -> FfmpegProcess:
        config, order, window, source = self._config, self._order, self._window, self._source
        self._raise_if_stopped()  # the last check, while the input was spooled, may have been a while ago
        limits = {
            **config.limits(),
            "fsize": self._room,
            "nofile": config.open_files,
            "cpu": int(config.max_time_limit) * 4,  # a backstop: the watchdog ends it earlier, but this counts threads
        }
        program, *rest = command(config.ffmpeg, order.source, order.target, source.url, path_of(window.fd), self._track)
        argv = (program, *config.options, *rest)
        try:
            process = FfmpegProcess(
                argv,
                limits,
                stdin=source.stdin,
                reads=source.keep,
                writes=(window.fd,),
                confinement=config.confinement,
            )
        except OSError as error:  # no memory, no process to be had
            raise NoFfmpeg(f"ffmpeg could not be started here: {error}") from error
        emit(events.FFMPEG_STARTED, pid=process.pid, arguments=argv, path=self.path, input_key=order.input_key)
        return process

    def _watch(self, process: FfmpegProcess) -> int:
        """Look after the process until it ends; return its exit code."""
        config, clock, log, window, source = self._config, self._clock, self._log, self._window, self._source
        watchdog = Watchdog(config, self._order.input_size, clock.monotonic())
        size, grown = 0, config.part_size  # it is not known yet how fast it is
        while True:
            # What decodes fast can write tens of megabytes between two looks: then look more often.
            text = process.read_stderr(config.tick / 8 if grown > config.part_size // 4 else config.tick)
            self._said.write(text, clock.monotonic())
            if text:
                log.feed(text)
            before, size = size, window.size()
            grown = size - before
            self._uploader.send_finished(size)
            self._raise_if_stopped()
            if source.error is not None:
                raise source.error
            if size > self._cap:
                raise OutputTooLarge(f"The output grew beyond {self._cap} bytes.")
            self._throttle(process, self._uploader.backlog(size))
            watchdog.observe(
                clock.monotonic(),
                (log.position_seconds, source.fed, size),
                waiting_for_us=process.paused or source.waiting,
                media_seconds=self._progress.media_seconds(log),
            )
            self._progress.report_converting(log, source.fed, paused=process.paused)
            if (code := process.exit_code()) is not None:
                return code

    def _throttle(self, process: FfmpegProcess, backlog: int) -> None:
        """Pause the process when too much waits for its upload, until one part of that has gone; or without trust."""
        limit = self._config.window_parts * self._config.part_size
        if self._window.sliding and not self._behind and backlog > limit:
            self._behind = True
            self.pauses += 1
            emit(events.FFMPEG_PAUSED, behind=backlog)
        elif self._behind and backlog <= limit - self._config.part_size:
            self._behind = False
        paused = self._behind or not self._trusted()
        if paused and not process.paused:
            process.pause()
        elif process.paused and not paused:
            process.resume()

    def _process_end(self, code: int) -> ProcessEnd:
        size, on_disk = self._window.size(), not self._window.sliding
        out_of_room = self._cap > self._room <= size
        return ProcessEnd(
            exit_code=code,
            output_size=size,
            max_output_bytes=self._cap,
            last_lines=self._log.last_lines,
            doubt=doubt(self._order, self._log),
            empty_range=self._order.target.options.trimmed,
            killed_for_memory=memory_kills() > self._memory_kills,
            disk_full=on_disk and (self._context.scratch.free() == 0 or out_of_room),
        )

    def _drain_stderr(self, process: FfmpegProcess) -> None:
        """Read what a process that has ended left in the pipe; its last progress block tells where the output ends."""
        for _ in range(DRAIN_READS):
            if not (text := process.read_stderr(0)):
                return
            self._log.feed(text)
            self._said.write(text, self._clock.monotonic())

    def _raise_if_stopped(self) -> None:
        if self._stop.is_set():
            raise StoppedOnRequest
