"""How far a conversion is, as `core.jobs.progress.Reading`: from ffmpeg's log and from the bytes that it was given."""

from collections.abc import Callable

from service.core.jobs.progress import Reading
from service.core.media.ffmpeg_log import LogReader
from service.ports.time import Clock
from service.ports.transcoder import Order

SPOOLING_SHARE = 10  # fetching the input to disk first is a tenth of the way


class ProgressReporter:
    """
    Reports at most once in `seconds`, but for the first sound that is converted: it shows that the job goes on.

    Used by one thread.
    """

    def __init__(self, order: Order, clock: Clock, report: Callable[[Reading], None], seconds: float) -> None:
        self._order = order
        self._clock = clock
        self._report = report
        self._seconds = seconds
        self._last: float | None = None
        self._begun = False

    def report_spooling(self, done: int) -> None:
        """Report that `done` bytes of the input were copied to disk."""
        if self._due():
            self._report(Reading(bytes_fed=done, bytes_total=self._order.input_size * SPOOLING_SHARE))

    def report_converting(self, log: LogReader, fed: int, *, paused: bool) -> None:
        """Report where ffmpeg is; by bytes too, but not in a spooled file, in which it goes to and fro."""
        position = log.position_seconds
        if self._begins(position) or self._due():
            total = self._expected(log)
            reading = Reading(
                # Before ffmpeg names a position it stands at the beginning; the bytes would run ahead of it.
                position_seconds=0.0 if position is None and total is not None else position,
                total_seconds=total,
                bytes_fed=0 if self._order.local else fed,
                bytes_total=0 if self._order.local else self._order.input_size,
                paused=paused,
            )
            self._report(reading)

    def media_seconds(self, log: LogReader) -> float | None:
        """Return the length of the input, as far as it is known."""
        # The headers first: of a fragmented file, ffmpeg names the length of the first fragment only.
        return self._order.source.declared_seconds or log.duration_seconds

    def _expected(self, log: LogReader) -> float | None:
        """Return the seconds of output to come in all."""
        options, end = self._order.target.options, self.media_seconds(log)
        if options.end_seconds is not None:
            end = min(end or options.end_seconds, options.end_seconds)
        return None if end is None else max(0.0, end - (options.start_seconds or 0.0))

    def _begins(self, position: float | None) -> bool:
        """Tell whether ffmpeg names a position behind the beginning for the first time."""
        if self._begun or not position:
            return False
        self._begun, self._last = True, self._clock.monotonic()
        return True

    def _due(self) -> bool:
        now = self._clock.monotonic()
        if self._last is not None and now - self._last < self._seconds:
            return False
        self._last = now
        return True
