"""
How long ffmpeg may take, and how long it may make no progress. Pure: it is told the time.

Only ffmpeg's own time counts. While it is paused because the uploads lag, or waits for a slow S3, neither clock runs;
and when this process itself was frozen for a while, that is not ffmpeg's fault either: the time between two
observations counts `MAX_GAP` at most.
"""

from collections.abc import Hashable

from service.adapters.ffmpeg.config import MIB, FfmpegConfig
from service.core.errors import FfmpegStalled, TimeExceeded

MAX_GAP = 1.0  # seconds between two observations that count; they come 50 times a second


class Watchdog:
    """Two clocks over one conversion: since its start, and since its last activity. Times are monotonic seconds."""

    def __init__(self, config: FfmpegConfig, input_size: int, now: float) -> None:
        self._config = config
        self._input_size = input_size
        self._last = now
        self._activity: Hashable = None
        self.spent = 0.0
        self.silent = 0.0

    def time_limit(self, media_seconds: float | None) -> float:
        """
        Return the seconds that a conversion may take in all.

        By size or by duration, whichever gives more: the header of a file may say anything.
        """
        config = self._config
        by_size = config.time_limit_per_mib * self._input_size / MIB
        by_time = config.time_limit_per_second * (media_seconds or 0.0)
        return min(config.max_time_limit, max(config.min_time_limit, by_size, by_time))

    def observe(self, now: float, activity: Hashable, *, waiting_for_us: bool, media_seconds: float | None) -> None:
        """
        Let the clocks run on to `now`; any change of `activity` is progress.

        Raises `FfmpegStalled` or `TimeExceeded`.
        """
        gap = 0.0 if waiting_for_us else min(MAX_GAP, max(0.0, now - self._last))
        self._last = now
        self.spent += gap
        self.silent = 0.0 if activity != self._activity or waiting_for_us else self.silent + gap
        self._activity = activity
        if self.silent >= self._config.stall_seconds:
            raise FfmpegStalled(f"ffmpeg made no progress for {self.silent:.0f} seconds.")
        if self.spent >= (limit := self.time_limit(media_seconds)):
            raise TimeExceeded(
                f"The conversion took longer than the {limit:.0f} seconds that a file like this may take."
            )
