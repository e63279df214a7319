"""
How long ffmpeg may take, how long it may make no progress, and how much it may write. Pure: it is told the time.

Only ffmpeg's own time counts. While it is paused because the uploads lag, or waits for a slow S3, neither clock runs;
and when this process itself was frozen for a while, that is not ffmpeg's fault either: the time between two
observations counts `MAX_GAP` at most.
"""

from collections.abc import Hashable

from service.adapters.ffmpeg.config import GIB, MIB, FfmpegConfig
from service.core.errors import FfmpegStalled, TimeExceeded

# Headers can declare any duration. It is believed as far as the bytes could last at this rate, which is below that of
# every codec for speech (AMR begins at 4.75 kbit/s). A file that really holds less, such as silence in FLAC, takes a
# small part of that time to convert.
LEAST_BITS_PER_SECOND = 4000

# What small files may grow to: three hours of CD quality. Above that a factor, which the lowest rates of long
# recordings need: ten hours of AMR-WB at 12.65 kbit/s are 57 MB, and 6.9 GB as WAV with 48 kHz in stereo.
LEAST_OUTPUT_CAP, OUTPUT_PER_INPUT = 2 * GIB, 100

MAX_GAP = 1.0  # seconds between two observations that count; they come 50 times a second


def believed_seconds(declared: float | None, input_size: int) -> float:
    """Return how long an input of so many bytes is taken to last: as long as it declares, within reason."""
    return min(declared or 0.0, input_size * 8 / LEAST_BITS_PER_SECOND)


def output_cap(input_size: int, ceiling: int) -> int:
    """
    Return how many bytes the output of an input of so many bytes may have, at most `ceiling`.

    Without it 7 KB of FLAC could become 20 GiB of silence in WAV, in every one of a tenant's jobs.
    """
    return min(ceiling, LEAST_OUTPUT_CAP + OUTPUT_PER_INPUT * input_size)


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

        By size or by duration, whichever gives more; the duration as far as it can be believed.
        """
        config = self._config
        by_size = config.time_limit_per_mib * self._input_size / MIB
        by_time = config.time_limit_per_second * believed_seconds(media_seconds, self._input_size)
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
