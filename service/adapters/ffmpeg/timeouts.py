"""
How long ffmpeg may take, and how long it may be silent. Pure: it is told the time.

Only ffmpeg's own time counts. While it is paused because the uploads lag, or waits for a slow S3, neither clock runs;
and when this process itself was frozen for a while, that is not ffmpeg's fault either: a gap counts `LONGEST_GAP` at
most.
"""

from collections.abc import Hashable

from service.adapters.ffmpeg.config import MIB, FfmpegConfig
from service.core.errors import GuestStalled, TimeExceeded

LONGEST_GAP = 1.0  # seconds between two looks that are believed


class Patience:
    """Two clocks over one conversion: since its start, and since its last sign of life. Times are monotonic seconds."""

    def __init__(self, config: FfmpegConfig, input_size: int, now: float) -> None:
        self._config = config
        self._input_size = input_size
        self._last = now
        self._sign: Hashable = None
        self.spent = 0.0
        self.silent = 0.0

    def cap(self, media_seconds: float | None) -> float:
        """
        The seconds that a conversion may take in all.

        By size as well as by duration, whichever is kinder: the header of a file may say anything.
        """
        config = self._config
        by_size = config.patience_per_mib * self._input_size / MIB
        by_time = config.patience_per_second * (media_seconds or 0.0)
        return min(config.most_patience, max(config.least_patience, by_size, by_time))

    def look(self, now: float, sign: Hashable, *, excused: bool, media_seconds: float | None) -> None:
        """
        Let the clocks run on to `now`; any change of `sign` is a sign of life.

        Raises `GuestStalled` or `TimeExceeded`.
        """
        gap = 0.0 if excused else min(LONGEST_GAP, max(0.0, now - self._last))
        self._last = now
        self.spent += gap
        self.silent = 0.0 if sign != self._sign or excused else self.silent + gap
        self._sign = sign
        if self.silent >= self._config.stall_seconds:
            raise GuestStalled(f"ffmpeg made no progress for {self.silent:.0f} seconds.")
        if self.spent >= (cap := self.cap(media_seconds)):
            raise TimeExceeded(f"The conversion took longer than the {cap:.0f} seconds that a file like this may take.")
