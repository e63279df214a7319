import pytest

from service.core.media.ending import cut_off, no_sound
from service.core.media.ffmpeg_log import LogReader
from service.core.media.inputs import Source
from service.core.media.options import Options


def log(position: float | None = None, duration: str | None = None, *more: str) -> LogReader:
    """What ffmpeg has said."""
    reader = LogReader()
    lines = [f"  Duration: {duration}, start: 0.0" if duration else "", *more, "Output #0, wav, to 'x':"]
    reached = f"out_time_us={round(position * 1e6)}" if position is not None else ""
    reader.feed("\n".join([*lines, reached, ""]).encode())
    return reader


def source(declared: float | None = None, missing: str | None = None, suspect: str | None = None) -> Source:
    """A WAV that was looked at."""
    return Source(
        container="wav", demuxer="wav", content_type="audio/wav",
        declared_seconds=declared, cut_off=missing, suspect=suspect,
    )  # fmt: skip


@pytest.mark.requirement("6.5")
@pytest.mark.parametrize(
    ("what", "said", "believed"),
    [
        (source(), log(3.0), True),
        (source(3610.0), log(10.0), True),  # a length proves nothing: times need not begin at zero
        (source(), log(6.1, "00:01:05.80"), True),  # a gap between two time stamps
        (source(missing="m"), log(3.0), False),
        (source(3.0, missing="m"), log(3.0), False),
        (source(600.0, suspect="s"), log(597.5), True),  # 0.4 %
        (source(600.0, suspect="s"), log(590.0), False),
        (source(6.0, suspect="s"), log(5.6), True),  # a short one may lack half a second
        (source(6.0, suspect="s"), log(5.4), False),
        (source(suspect="s"), log(3.0, "00:00:06.00"), False),
        (source(suspect="s"), log(3.0, "00:00:06.00", "[in#0 @ 1] Estimating duration from bitrate"), True),
        (source(suspect="s"), log(3.0), True),
        (source(1.5, suspect="s"), log(60.0), True),  # more than declared is no truncation
        (source(), log(3.0, None, "[in#0/mov @ 0x1] stream 0, offset 0x6f65: partial file"), False),
    ],
    ids=[
        *("nothing known", "late times", "a gap", "bytes", "bytes and a length", "rounded", "short", "little", "some"),
        *("short by ffmpeg", "guessed", "no length", "longer", "said by ffmpeg"),
    ],
)
def test_exit_code_0_is_not_believed_where_bytes_are_missing(what: Source, said: LogReader, believed: bool) -> None:
    """Missing bytes fail a job, a length in seconds alone does not; where bytes may be missing, it decides."""
    assert (cut_off(what, said, trimmed=False) is None) is believed
    assert cut_off(what, said, trimmed=True) is None, "a trim says nothing about the end"


@pytest.mark.parametrize(
    ("position", "options", "says"),
    [
        (3.0, Options(), None),
        (None, Options(), "no sound in it"),
        (0.0, Options(start_seconds=90), "ends before start_seconds (90)"),
        (0.0, Options(start_seconds=90, end_seconds=95.5), "between start_seconds (90) and end_seconds (95.5)"),
        (0.0, Options(end_seconds=0.5), "between start_seconds (0) and end_seconds (0.5)"),
    ],
)
def test_an_output_without_sound_is_no_success(position: float | None, options: Options, says: str | None) -> None:
    """What has no sound in it at all has failed, and says whether the options are why."""
    found = no_sound(log(position), options)

    assert found is None if says is None else says in str(found)


def test_a_truncation_says_how_much_is_there_and_what_is_missing() -> None:
    """The sentence gives the seconds where they are known, and the bytes."""
    assert cut_off(source(6.0, "its sound ends early"), log(3.0), trimmed=False) == (
        "the input ends after 3.0 s of the 6.0 s that it declares: its sound ends early"
    )
