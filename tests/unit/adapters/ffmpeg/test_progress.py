import pytest

from service.adapters.ffmpeg.progress import ProgressReporter
from service.core.jobs.progress import Reading, percent_of
from service.core.media.ffmpeg_log import LogReader
from service.core.media.inputs import Source
from service.core.media.options import Options, Target
from service.ports.transcoder import Order


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        raise AssertionError


def order(*, declared: float | None = None, local: bool = False, options: Options | None = None) -> Order:
    """An order whose input has 1000 bytes."""
    return Order(
        job_id="j",
        attempt=1,
        input_key="in",
        input_etag="e",
        input_size=1000,
        source=Source(container="wav", demuxer="wav", content_type="audio/wav", declared_seconds=declared),
        target=Target(format="wav", options=options or Options()),
        output_key="out",
        content_type="audio/wav",
        filename="out.wav",
        local=local,
    )


def reading(given: Order, said: bytes, fed: int = 0) -> Reading:
    """The first reading of a conversion in which ffmpeg said this."""
    got: list[Reading] = []
    log = LogReader()
    log.feed(said)
    ProgressReporter(given, Clock(), got.append, 0.25).report_converting(log, fed, paused=False)
    return got[0]


def test_progress_is_reported_at_most_once_per_interval() -> None:
    """However often it is told, at most one reading comes in the given time."""
    clock, got = Clock(), list[Reading]()
    readings = ProgressReporter(order(), clock, got.append, 0.25)
    for n in range(101):
        clock.now = n / 100
        readings.report_converting(LogReader(), n, paused=False)
    assert [one.bytes_fed for one in got] == [0, 25, 50, 75, 100]


def test_the_first_progress_is_reported_at_once() -> None:
    """Who waits for a job that was taken over sees that it goes on; what comes after that waits for its turn again."""
    clock, got, log = Clock(), list[Reading](), LogReader()
    readings = ProgressReporter(order(declared=50), clock, got.append, 0.25)
    for n, said in enumerate((b"out_time_us=0\n", b"out_time_us=1000000\n", b"out_time_us=2000000\n")):
        clock.now = n / 10
        log.feed(said)
        readings.report_converting(log, 0, paused=False)
    assert [one.position_seconds for one in got] == [0.0, 1.0]


@pytest.mark.requirement("2.1")
def test_progress_follows_time_where_the_duration_is_known() -> None:
    """ffmpeg's own duration, or that of the upload's headers, gives the total."""
    assert percent_of(reading(order(), b"  Duration: 00:01:40.00, start\nout_time_us=25000000\n")) == 25.0
    assert percent_of(reading(order(declared=50), b"out_time_us=25000000\n")) == 50.0


@pytest.mark.requirement("2.2")
def test_progress_follows_bytes_where_the_duration_is_unknown() -> None:
    """Without any duration, progress is the share of the input that was fed."""
    assert percent_of(reading(order(), b"  Duration: N/A\nout_time_us=25000000\n", fed=400)) == 40.0


def test_byte_progress_is_ignored_until_ffmpeg_reports_a_position() -> None:
    """Where time counts, the bytes that fill the first buffers do not show as progress that is taken back later."""
    assert percent_of(reading(order(declared=50), b"", fed=900)) == 0.0


@pytest.mark.parametrize(
    ("options", "total"),
    [
        (Options(start_seconds=10), 90),
        (Options(end_seconds=30), 30),
        (Options(start_seconds=10, end_seconds=30), 20),
        (Options(end_seconds=300), 100),
        (Options(start_seconds=200), 0),
    ],
)
def test_progress_of_a_trimmed_piece_counts_what_is_written(options: Options, total: float) -> None:
    """The total is what will be written, not what is read."""
    assert reading(order(declared=100, options=options), b"").total_seconds == total


def test_spooling_the_input_is_the_first_tenth_of_progress() -> None:
    """While an input is spooled the progress goes up to a tenth, and its bytes do not count afterwards."""
    got: list[Reading] = []
    ProgressReporter(order(local=True), Clock(), got.append, 0.25).report_spooling(1000)
    assert percent_of(got[0]) == 10.0
    assert percent_of(reading(order(local=True), b"", fed=1000)) == 0.0
