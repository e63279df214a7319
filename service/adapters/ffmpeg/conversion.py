"""
One conversion from beginning to end, blocking, on a thread of its own.

    S3 ──▶ input source ──▶ ffmpeg ──▶ window ──▶ part uploader ──▶ S3
                              │ stderr
                              └──▶ log ──▶ progress

`Conversion._run` is the list of its steps. Whatever happens, all that was begun here ends here, in the reverse order:
ffmpeg, the input, the uploads under way, the multipart upload, the window. Only a draft survives.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from service.adapters.ffmpeg.context import ConversionContext, StoppedOnRequest
from service.adapters.ffmpeg.input import InputSource, PipeInput, SpooledInput
from service.adapters.ffmpeg.output.draft import WindowDraft
from service.adapters.ffmpeg.output.part_uploads import PartUploader
from service.adapters.ffmpeg.output.window import Window
from service.adapters.ffmpeg.progress import ProgressReporter
from service.adapters.ffmpeg.scratch import memory_file
from service.adapters.ffmpeg.supervision import Running, Supervision
from service.adapters.ffmpeg.tracks import look_at, needs_look, wanted_track
from service.adapters.s3.multipart import MultipartUploads
from service.adapters.s3.output_upload import Destination, OutputUpload
from service.adapters.s3.reading import ObjectRange, ObjectStream
from service.core.errors import BadMedia, WindowViolated
from service.core.jobs.progress import Reading
from service.core.media.tracks import Track
from service.ports.transcoder import Order
from service.telemetry import emit, events


class Conversion:
    """
    `run` it once. Setting `stop` makes it raise `StoppedOnRequest` soon; ffmpeg is paused while `trusted` says False.

    `report` and `on_stopped` are called on this thread; `on_stopped` with what `run` is going to raise, as soon as
    there is no ffmpeg any more. What follows is clean-up, which takes as long as S3 does.
    """

    def __init__(
        self,
        context: ConversionContext,
        order: Order,
        report: Callable[[Reading], None],
        stop: threading.Event,
        on_stopped: Callable[[Exception], None],
        trusted: Callable[[], bool],
    ) -> None:
        self._context, self._config, self._clock = context, context.config, context.clock
        self._order = order
        self._stop = stop
        self._on_stopped = on_stopped
        self._trusted = trusted
        self._report = report
        self._progress = self._reporter()

    @property
    def job_id(self) -> str:
        """The job that is being converted."""
        return self._order.job_id

    def run(self) -> WindowDraft:
        """Convert. Raises `TranscodeFailed`, `StoreError`, `StoppedOnRequest`; nothing is left behind then."""
        try:
            return self._attempt()
        except BadMedia as error:
            if self._order.local:
                raise
            source = self._order.source
            emit(events.STREAM_RETRIED, container=source.container, demuxer=source.demuxer, detail=error.detail)
            # What a pipe did not let ffmpeg read may be whole: only a file shows whether the media is at fault.
            self._order = replace(self._order, local=True)
            self._progress = self._reporter()
            return self._attempt()

    def _attempt(self) -> WindowDraft:
        try:
            return self._run(memory_file())
        except WindowViolated as error:
            # The output has to be on disk until it is finished, because its muxer goes back further than we keep.
            emit(events.LOCAL_FALLBACK, reason=error.detail, size=self._order.input_size)
            return self._run(None)

    def _run(self, memory: int | None) -> WindowDraft:
        """Convert into the anonymous memory file `memory`, or into a file on disk."""
        started = self._clock.monotonic()
        with ExitStack() as unless_drafted:
            window = self._open_window(memory, unless_drafted)
            upload = self._prepare_upload(unless_drafted)
            with self._under_way() as in_any_case:
                uploader = self._start_uploader(window, upload, in_any_case)
                source = self._open_input(in_any_case)
                track = self._choose_track(source)
                supervision = self._supervise(window, uploader, source, track)
                exit_code = supervision.run()
                self._check_window(window)
                self._send_rest(window, uploader)
            self._raise_if_stopped()
            seconds = round(self._clock.monotonic() - started, 3)
            facts = {
                "path": supervision.path,
                "size": window.size(),
                "parts": upload.parts,
                "exit_code": exit_code,
                "pauses": supervision.pauses,
                "mended": source.mended,
                "seconds": seconds,
                "report": {**supervision.report, "seconds": seconds},
            }
            draft = WindowDraft(self._context.aws, self._context.s3, window, upload, facts)
            unless_drafted.pop_all()
            return draft

    def _reporter(self) -> ProgressReporter:
        return ProgressReporter(self._order, self._clock, self._report, self._config.report_seconds)

    # ── the steps ────────────────────────────────────────────────────────────────────────────────────────────────

    def _open_window(self, memory: int | None, undo: ExitStack) -> Window:
        fd = self._context.scratch.file() if memory is None else memory
        undo.callback(os.close, fd)
        return Window(fd, part_size=self._config.part_size, margin=self._config.margin, sliding=memory is not None)

    def _prepare_upload(self, undo: ExitStack) -> OutputUpload:
        context, order = self._context, self._order
        bucket = context.aws.settings.bucket
        destination = Destination(bucket, order.output_key, order.content_type)
        upload = OutputUpload(context.aws, MultipartUploads(context.s3, context.completer, bucket), destination)
        undo.callback(upload.abandon)
        return upload

    @contextmanager
    def _under_way(self) -> Iterator[ExitStack]:
        """Close what the block has opened, however it ends; an error that ends it is told before that."""
        with ExitStack() as in_any_case:
            try:
                yield in_any_case
            except WindowViolated:
                raise  # not the end: it begins again
            except Exception as error:
                if isinstance(error, BadMedia) and not self._order.local:
                    raise  # nor is this
                self._on_stopped(error)
                raise

    def _start_uploader(self, window: Window, upload: OutputUpload, in_any_case: ExitStack) -> PartUploader:
        uploader = PartUploader(window, upload, self._config.concurrent_uploads)
        in_any_case.callback(uploader.close)
        return uploader

    def _stream(self) -> ObjectStream:
        context, order = self._context, self._order
        wanted = ObjectRange(
            bucket=context.aws.settings.bucket,
            key=order.input_key,
            etag=order.input_etag,
            start=0,
            stop=order.input_size,
        )
        return ObjectStream(context.aws, context.s3, wanted, self._config.read_retry)

    def _open_input(self, in_any_case: ExitStack) -> InputSource:
        context, order = self._context, self._order
        stream = self._stream()
        source: InputSource
        if order.local:
            reason = order.source.reason or "the input has to be seekable"
            emit(events.LOCAL_FALLBACK, reason=reason, size=order.input_size)
            source = SpooledInput(context.scratch, stream, self._spooled)
        else:
            source = PipeInput(stream)
        in_any_case.callback(source.close)
        return source

    def _choose_track(self, source: InputSource) -> Track | None:
        order = self._order
        if not needs_look(order.source, order.target):
            return wanted_track(order.source.tracks, order.target)
        if order.local:
            return look_at(self._context, order, source, self._stop)
        other = PipeInput(self._stream())  # a pipe can be read only once
        try:
            return look_at(self._context, order, other, self._stop)
        finally:
            other.close()

    def _spooled(self, done: int) -> None:
        self._raise_if_stopped()
        self._progress.report_spooling(done)

    def _supervise(
        self, window: Window, uploader: PartUploader, source: InputSource, track: Track | None
    ) -> Supervision:
        running = Running(window, uploader, source, track, self._trusted)
        return Supervision(self._context, self._order, self._progress, self._stop, running)

    def _check_window(self, window: Window) -> None:
        if violated := window.violated():
            raise WindowViolated(f"the muxer went back to parts {violated}, which had left already")

    def _send_rest(self, window: Window, uploader: PartUploader) -> None:
        uploader.send_rest(window.size())
        while not uploader.wait(self._config.report_seconds):
            self._raise_if_stopped()

    def _raise_if_stopped(self) -> None:
        if self._stop.is_set():
            raise StoppedOnRequest
