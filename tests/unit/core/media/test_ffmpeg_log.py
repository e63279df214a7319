from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.core.media.ffmpeg_log import MAX_LINE, MAX_LINES, LogReader
from service.core.media.tracks import Track

LOG = """\
Input #0, mp3, from 'fd:':
  Metadata:
    title           : Prélude № 1
    comment         : Duration: 99:00:00.00 is not what it says
  Duration: 00:10:00.50, start: 0.025057, bitrate: 128 kb/s
  Stream #0:0: Audio: mp3 (mp3float), 44100 Hz, stereo, fltp, 128 kb/s
  Stream #0:1: Video: mjpeg (Baseline), yuvj444p(pc), 48x48, 90k tbr, 90k tbn (attached pic)
Stream mapping:
  Stream #0:0 -> #0:0 (mp3 (mp3float) -> flac (native))
Output #0, flac, to '/proc/self/fd/7':
bitrate= 816.3kbits/s
total_size=1769472
out_time_us=17339501
out_time_ms=17339501
out_time=00:00:17.339501
dup_frames=0
speed=  34x
progress=continue
[flac @ 0x1] something went wrong: a=b
out_time_us=599000000
out_time=00:09:59.000000
progress=end
size=   61234KiB time=00:10:00.50 bitrate= 816.3kbits/s speed= 34x
""".encode()


def read(*chunks: bytes) -> LogReader:
    """A reader that was fed these chunks."""
    reader = LogReader()
    for chunk in chunks:
        reader.feed(chunk)
    return reader


def state(reader: LogReader) -> tuple[object, ...]:
    """All that can be seen of a reader."""
    return (
        reader.duration_seconds, reader.promised_seconds, reader.position_seconds, reader.finished,
        reader.ended_early, reader.last_lines,
    )  # fmt: skip


@pytest.mark.requirement("2.1")
def test_ffmpeg_log_gives_duration_and_position() -> None:
    """The input's duration and the last position are known, and that ffmpeg came to its end."""
    reader = read(LOG)

    assert (reader.duration_seconds, reader.position_seconds, reader.finished) == (600.5, 599.0, True)


@pytest.mark.requirement("2.1")
def test_last_lines_of_ffmpeg_leave_progress_blocks_out() -> None:
    """Diagnostics hold what ffmpeg said, without the progress blocks and the closing statistics."""
    lines = read(LOG).last_lines

    assert lines[-1] == "[flac @ 0x1] something went wrong: a=b"
    assert lines[0].startswith("Input #0")
    assert not any("out_time" in line or "speed" in line for line in lines)


@pytest.mark.requirement("2.2")
@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        (b"  Duration: 00:00:01.50, start: 0.0\n", 1.5),
        (b"  Duration: 123:45:06.78, bitrate: 1 kb/s\n", 123 * 3600 + 45 * 60 + 6.78),
        (b"  Duration: N/A, start: 0.000000, bitrate: N/A\n", None),
        (b"  Duration: 00:00:00.00, start: 0.000000\n", None),
        (b"  Duration: 1:2\n", None),
        (b"    Duration        : 00:00:09.00\n", None),
        (b"", None),
    ],
)
def test_ffmpeg_durations_are_read_in_every_form(line: bytes, seconds: float | None) -> None:
    """Hours over 99, not available, nought, mangled, a tag of that name, or no such line at all."""
    assert read(line).duration_seconds == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.requirement("2.2")
@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        (b"out_time_us=N/A\nout_time=N/A\nprogress=continue\n", None),
        (b"out_time_us=-21333\nout_time=-00:00:00.021333\n", None),
        (b"out_time=123:00:00.500000\n", 442800.5),
        (b"out_time_us=500000\nout_time_us=400000\n", 0.5),
        (b"out_time_us=\nout_time_us=1e9\nout_time_us=0x10\n", None),
        (b"out_time_us=1500000\r\nprogress=continue\r\n", 1.5),
        (b"out_time_us=1500000", None),
    ],
)
def test_ffmpeg_positions_are_read_in_every_form(lines: bytes, seconds: float | None) -> None:
    """Not available, negative, over 99 hours, going back, mangled, with CR LF, or cut off before its end."""
    assert read(lines).position_seconds == seconds


def test_ffmpeg_progress_may_continue_after_an_end_block() -> None:
    """Only the last block says whether ffmpeg is done."""
    assert not read(b"progress=end\nprogress=continue\n").finished


@pytest.mark.requirement("2.2")
@given(st.lists(st.integers(0, len(LOG)), max_size=30))
def test_ffmpeg_log_may_be_cut_anywhere(cuts: list[int]) -> None:
    """Any split of a log gives the same reading, also inside a UTF-8 character."""
    edges = [0, *sorted(cuts), len(LOG)]

    assert state(read(*(LOG[a:b] for a, b in pairwise(edges)))) == state(read(LOG))


@pytest.mark.requirement("2.2")
@given(
    st.lists(st.binary(max_size=200) | st.sampled_from([b"  Duration: ", b"out_time_us=", b"progress=", b"\n", b"\r"]))
)
@example([b"x" * 5_000_000])
@example([b"\xff\xfe\n" * 1000])
def test_ffmpeg_log_reader_survives_any_bytes_in_bounded_memory(chunks: list[bytes]) -> None:
    """Whatever comes, nothing is raised, and what is kept stays small."""
    reader = read(*chunks)

    assert len(reader.last_lines) <= MAX_LINES
    assert all(len(line) <= MAX_LINE for line in reader.last_lines)
    assert reader.position_seconds is None or reader.position_seconds >= 0
    assert state(read(b"".join(chunks))) == state(reader)


def test_unfinished_last_line_of_ffmpeg_counts() -> None:
    """The last words of a process that died in the middle of a line count."""
    assert read(b"one\ntwo").last_lines == ("one", "two")
    assert read(b"one\nout_time_us=12").last_lines == ("one",)


def test_duration_estimated_from_the_bitrate_is_no_promise() -> None:
    """A duration guessed from the bitrate serves for progress, but no file is failed for missing it."""
    reader = read(b"[in#0/aac @ 0x1] Estimating duration from bitrate, this may be inaccurate\n", LOG)

    assert (reader.duration_seconds, reader.promised_seconds) == (600.5, None)


STREAMS = b"""\
ffmpeg version 9.0.2-static https://example.org/  Copyright (c) 2000-2026 the FFmpeg developers
  built with gcc 8 (Debian 8.3.0-6)
  configuration: --enable-gpl
  libavutil      60. 26.100 / 60. 26.100
Input #0, mpegts, from 'fd:':
  Program 1
  Stream #0:2[0x102](ger): Audio: aac_latm (LC) ([17][0][0][0] / 0x0011), 48000 Hz, stereo, fltp
  Stream #0:1[0x101](und): Audio: ac3 ([129][0][0][0] / 0x0081), 48000 Hz, 5.1(side), fltp, 384 kb/s (default)
  Stream #0:0[0x100]: Video: h264 (High), yuv420p, 64x48
  Stream #0:3: Video: gif (GIF / 0x20464947), bgra, 48x48, 90k tbr (attached pic)
  Stream #0:4: Video: mjpeg (Baseline), yuvj444p(pc), 48x48 (attached pic)
  Stream #0:5: Audio: none (ac-4 / 0x342D6361), 12 channels
Output #0, mp3, to 'x':
  Stream #0:0: Audio: mp3, 48000 Hz, stereo
"""


def test_ffmpeg_log_names_the_tracks_of_the_input() -> None:
    """Tracks of sound are numbered in ffmpeg's order of streams, whatever the order of the lines; outputs are none."""
    first, second, third = read(STREAMS).tracks

    assert first == Track(number=1, codec="ac3", rate=48000, channels=6, default=True)
    assert second == Track(number=2, codec="aac_latm", language="ger", rate=48000, channels=2)
    assert (third.number, third.codec) == (3, "none")


def test_ffmpeg_log_names_the_track_that_it_has_chosen() -> None:
    """The stream that becomes the first of the output is told as a track; without one, or of a film, there is none."""
    mapping = b"Stream mapping:\n  Stream #0:2 -> #0:0 (aac_latm (native) -> pcm_s16le (native))\n"
    streams = STREAMS.partition(b"Output #0")[0]

    assert read(streams, mapping).chosen == Track(number=2, codec="aac_latm", language="ger", rate=48000, channels=2)
    assert read(streams).chosen is None
    assert read(streams, mapping.replace(b"#0:2", b"#0:0")).chosen is None


def test_ffmpeg_log_names_its_version_and_the_covers_that_are_dropped() -> None:
    """The banner gives the version and is no last line; a cover that is not copied is known by its kind."""
    reader = read(STREAMS)

    assert reader.version == "9.0.2-static"
    assert reader.dropped_covers == ["gif"]
    assert reader.last_lines[0] == "Input #0, mpegts, from 'fd:':"


@pytest.mark.parametrize(
    "line",
    [
        b"[in#0/matroska,webm @ 0x1] File ended prematurely\n",
        b"[mov,mp4,m4a @ 0x1] stream 0, offset 0x6f65: partial file\n",
        b"[mov,mp4,m4a @ 0x1] moov atom not found\n",
    ],
)
def test_truncated_input_is_recognised_in_the_ffmpeg_log(line: bytes) -> None:
    """What a container's own structure tells about a truncation is kept."""
    assert read(line).ended_early
    assert not read(LOG).ended_early
