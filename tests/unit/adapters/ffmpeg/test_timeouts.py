import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.adapters.ffmpeg.config import MIB, FfmpegConfig
from service.adapters.ffmpeg.timeouts import MAX_GAP, Watchdog
from service.core.errors import FfmpegStalled, TimeExceeded

CONFIG = FfmpegConfig(ffmpeg="/ffmpeg", scratch_dir="/scratch", stall_seconds=5, min_time_limit=20, max_time_limit=1000)


def observe_until(watchdog: Watchdog, until: float, *, waiting_for_us: bool = False, signs: bool = False) -> None:
    """Observe every half second from 0 until then; with `signs`, there is new activity each time."""
    for n in range(1, int(until * 2) + 1):
        watchdog.observe(n / 2, n if signs else 0, waiting_for_us=waiting_for_us, media_seconds=None)


def test_ffmpeg_without_activity_has_stalled() -> None:
    """An ffmpeg without any activity for `stall_seconds` has stalled."""
    watchdog = Watchdog(CONFIG, 0, 0.0)
    with pytest.raises(FfmpegStalled, match="5 seconds"):
        observe_until(watchdog, 6)


def test_any_activity_of_ffmpeg_prevents_a_stall() -> None:
    """As long as something changes, be it only the bytes fed, nothing has stalled."""
    observe_until(Watchdog(CONFIG, 0, 0.0), 19, signs=True)


def test_time_in_which_ffmpeg_waits_for_us_does_not_count() -> None:
    """While ffmpeg is paused, or waits for S3, neither clock runs."""
    watchdog = Watchdog(CONFIG, 0, 0.0)
    observe_until(watchdog, 500, waiting_for_us=True)
    assert (watchdog.silent, watchdog.spent) == (0.0, 0.0)


def test_a_freeze_of_the_service_is_no_stall_of_ffmpeg() -> None:
    """After this process stood still for an hour, ffmpeg has not stalled."""
    watchdog = Watchdog(CONFIG, 0, 0.0)
    watchdog.observe(3600.0, 0, waiting_for_us=False, media_seconds=None)
    assert watchdog.silent <= MAX_GAP


def test_conversion_ends_at_its_time_limit_however_active() -> None:
    """However lively it is, a conversion ends at its cap."""
    with pytest.raises(TimeExceeded, match="20 seconds"):
        observe_until(Watchdog(CONFIG, 0, 0.0), 21, signs=True)


@given(size=st.integers(0, 1 << 40), media=st.none() | st.floats(0, 1e12))
def test_time_limit_stays_within_its_bounds(size: int, media: float | None) -> None:
    """No header and no size can make the cap smaller than the minimum or larger than the maximum."""
    assert 20 <= Watchdog(CONFIG, size, 0.0).time_limit(media) <= 1000


def test_time_limit_is_the_larger_of_size_and_duration() -> None:
    """Duration and size both count, so that a header that lies cannot kill an honest file."""
    watchdog = Watchdog(CONFIG, 50 * MIB, 0.0)
    assert watchdog.time_limit(None) == watchdog.time_limit(1.0) == 200
    assert watchdog.time_limit(700.0) == 700
