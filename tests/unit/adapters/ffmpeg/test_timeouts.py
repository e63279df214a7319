import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.adapters.ffmpeg.config import MIB, FfmpegConfig
from service.adapters.ffmpeg.timeouts import LONGEST_GAP, Patience
from service.core.errors import GuestStalled, TimeExceeded

CONFIG = FfmpegConfig(ffmpeg="/ffmpeg", scratch_dir="/scratch", stall_seconds=5, least_patience=20, most_patience=1000)


def look_on(patience: Patience, until: float, *, excused: bool = False, signs: bool = False) -> None:
    """Look every half second from 0 until then; with `signs`, something new is seen each time."""
    for n in range(1, int(until * 2) + 1):
        patience.look(n / 2, n if signs else 0, excused=excused, media_seconds=None)


def test_silence_is_a_stall() -> None:
    """An ffmpeg without any sign of life for `stall_seconds` has stalled."""
    patience = Patience(CONFIG, 0, 0.0)
    with pytest.raises(GuestStalled, match="5 seconds"):
        look_on(patience, 6)


def test_any_sign_of_life_counts() -> None:
    """As long as something changes, be it only the bytes fed, nothing has stalled."""
    look_on(Patience(CONFIG, 0, 0.0), 19, signs=True)


def test_waiting_for_us_is_no_stall() -> None:
    """While ffmpeg is paused, or waits for S3, neither clock runs."""
    patience = Patience(CONFIG, 0, 0.0)
    look_on(patience, 500, excused=True)
    assert (patience.silent, patience.spent) == (0.0, 0.0)


def test_a_frozen_service_blames_nobody() -> None:
    """After this process stood still for an hour, ffmpeg has not stalled."""
    patience = Patience(CONFIG, 0, 0.0)
    patience.look(3600.0, 0, excused=False, media_seconds=None)
    assert patience.silent <= LONGEST_GAP


def test_the_wall_clock_is_capped_whatever_happens() -> None:
    """However lively it is, a conversion ends at its cap."""
    with pytest.raises(TimeExceeded, match="20 seconds"):
        look_on(Patience(CONFIG, 0, 0.0), 21, signs=True)


@given(size=st.integers(0, 1 << 40), media=st.none() | st.floats(0, 1e12))
def test_the_cap_has_bounds(size: int, media: float | None) -> None:
    """No header and no size can make the cap smaller than the least or larger than the most patience."""
    assert 20 <= Patience(CONFIG, size, 0.0).cap(media) <= 1000


def test_the_cap_is_the_kinder_one() -> None:
    """Duration and size both count, so that a header that lies cannot kill an honest file."""
    patience = Patience(CONFIG, 50 * MIB, 0.0)
    assert patience.cap(None) == patience.cap(1.0) == 200
    assert patience.cap(700.0) == 700
