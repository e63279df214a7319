import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.adapters.ffmpeg.config import GIB, MIB, FfmpegConfig
from service.adapters.ffmpeg.timeouts import MAX_GAP, Watchdog, output_cap
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


def test_a_small_file_cannot_declare_itself_hours_of_a_slot() -> None:
    """400 KB that declare 200,000 s get the time that 400 KB can last; honest speech gets all of its own."""
    config = FfmpegConfig(ffmpeg="/ffmpeg", scratch_dir="/scratch")
    assert Watchdog(config, 400_044, 0.0).time_limit(200_000.0) < 15 * 60
    hour_of_amr = 4_750 * 3600 // 8
    assert Watchdog(config, hour_of_amr, 0.0).time_limit(3600.0) == 3600.0


@given(size=st.integers(0, 1 << 43), ceiling=st.integers(1, 100 * GIB))
def test_an_output_is_bounded_by_its_input(size: int, ceiling: int) -> None:
    """No output exceeds the ceiling, and none of a small file what a long recording needs."""
    cap = output_cap(size, ceiling)
    assert cap <= ceiling
    assert cap <= 2 * GIB + 100 * size
    assert output_cap(size + 1, ceiling) >= cap


def test_what_people_convert_stays_below_the_cap() -> None:
    """An album as FLAC, an audio book at 32 kbit/s and ten hours of speech at 12.65 kbit/s fit as WAV in stereo."""
    ceiling, cd, dvd = 20 * GIB, 176_400, 192_000
    assert output_cap(7_000, ceiling) == 2 * GIB + 700_000
    assert output_cap(400 * MIB, ceiling) > 80 * 60 * cd
    assert output_cap(10 * 3600 * 4000, ceiling) > 10 * 3600 * cd
    assert output_cap(10 * 3600 * 12_650 // 8, ceiling) > 10 * 3600 * dvd
