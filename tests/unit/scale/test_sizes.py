import pytest

from benchmarks.scale.meter import READS, WRITES, Meter
from benchmarks.scale.sizes import index_writes, place_of, read_units, size_of, size_of_job, size_of_number, write_units
from service.adapters.dynamodb.items import job_to_item
from service.adapters.dynamodb.values import item_of
from service.core.jobs.lease import State
from service.core.jobs.queue import SHARDS, job_id_for
from service.testing.clock import NOON
from service.testing.factories import a_failure, a_job, a_running_job, an_output, changed


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 1), ("7", 2), ("100", 2), ("12.5", 3), ("1700000000.123", 8), ("0.001", 2), ("-5", 3)],
)
def test_number_has_a_byte_for_two_significant_digits_and_one_more(text: str, size: int) -> None:
    """Zeros at either end cost nothing, and a sign costs a byte."""
    assert size_of_number(text) == size


def test_item_is_as_large_as_its_names_and_values() -> None:
    """Texts count in UTF-8, a boolean is one byte."""
    assert size_of(item_of({"pk": "job#1", "title": "ü", "yes": True, "n": 12})) == 2 + 5 + 5 + 2 + 3 + 1 + 1 + 2


def test_transition_leaves_a_stamp_that_counts() -> None:
    """From the first attempt on, an item has the attribute that names its last transition."""
    queued, again = a_job(), a_job(attempt=1)

    assert size_of_job(again) - size_of_job(queued) == len("stamp") + 26 + (size_of_number("1") - size_of_number("0"))


@pytest.mark.parametrize(
    ("size", "consistent", "units"), [(0, True, 1), (4096, True, 1), (4097, True, 2), (4097, False, 1)]
)
def test_reads_are_billed_by_four_kilobytes(size: int, consistent: bool, units: float) -> None:
    """Nothing found costs as much as one block; half where an answer may be stale."""
    assert read_units(size, consistent=consistent) == units


@pytest.mark.parametrize(("sizes", "units"), [((0, 10), 1), ((1025, 10), 2), ((1024, 1024), 1), ((), 1)])
def test_writes_are_billed_by_a_kilobyte_of_the_larger_item(sizes: tuple[int, ...], units: float) -> None:
    """An item that shrinks costs what it was."""
    assert write_units(*sizes) == units


def test_index_is_written_where_a_job_leaves_and_where_it_comes() -> None:
    """A claim is two writes of the index, a renewal none, an end one."""
    queued, running, over = a_job(), a_running_job(), a_running_job(state=State.SUCCEEDED, owner=None)
    places = [place_of(job) for job in (queued, running, over)]

    assert [
        len(index_writes(*pair)) for pair in ((places[0], places[1]), (places[1], places[1]), (places[1], places[2]))
    ] == [
        2,
        0,
        1,
    ]


def test_partition_takes_no_more_than_its_units_and_recovers() -> None:
    """What was asked of a partition beyond its limit is refused until as much time has passed."""
    now = [0.0]
    meter = Meter(lambda: now[0])
    meter.begin()
    meter.charge("look", index_reads={"queued#0": 1.5 * READS})

    refused = meter.admits(["queued#0"], write=False)
    others = meter.admits(["queued#1"], write=False), meter.admits(["queued#0"], write=True)
    now[0] = 0.51

    assert (refused, others, meter.throttled) == (False, (True, True), 1)
    assert meter.admits(["queued#0"], write=False)


def test_closed_partition_refuses_everything_for_its_time() -> None:
    """A throttled shard refuses reads and writes, and then serves them again."""
    now = [0.0]
    meter = Meter(lambda: now[0])
    meter.close("running#2", 5.0)

    assert not meter.admits(["running#2"], write=False)
    assert not meter.admits(["queued#1", "running#2"], write=True)
    now[0] = 5.0
    assert meter.admits(["running#2"], write=True)


def test_meter_knows_the_busiest_second() -> None:
    """The peak of a partition is that of one second, and what was counted before `begin` is in no figure."""
    now = [0.0]
    meter = Meter(lambda: now[0])
    meter.charge("claim", writes=5)
    meter.begin()
    for moment in (1.0, 2.0, 2.5, 2.9, 3.0):
        now[0] = moment
        meter.charge("claim", writes=1, index_writes=("queued#0", "running#0"))

    assert meter.partitions["queued#0"].peak.writes == 3
    assert (meter.total.calls, meter.total.writes) == (5, 15)
    assert WRITES == 1000


def test_sizes_of_jobs_are_those_of_their_items() -> None:
    """What is reckoned by numbers alone is what the written item says, at every point of a job's life."""
    job = a_job(job_id=job_id_for("tenant", "a" * 26), tenant="tenant", due_at=NOON - 0.125)
    lives = [job, job.claimed("worker", NOON + 1.5)]
    lives += [lives[1].renewed(percent, "streaming") for percent in (0.1, 33.3, 99.9)]
    lives += [lives[-1].taken_over("another worker", excused=excused) for excused in (False, True)]
    lives += [
        lives[-2].found_alive(1),
        lives[-1].released(NOON + 20.25, fault=True),
        lives[1].succeeded(an_output(), NOON + 300.001),
    ]
    lives += [
        lives[1].failed(a_failure(), NOON + 3),
        job.cancelled(NOON),
        changed(job, filename="übung.mp3", shown=5.5),
    ]

    for each in lives * 2:
        stamp = len("stamp") + 26 if each.attempt else 0
        assert size_of_job(each) == size_of(job_to_item(each, SHARDS)) + stamp
