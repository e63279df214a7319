import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.jobs import ring
from service.core.jobs.ring import CIRCLE, PAGE, WATCHED, Entry, Place, Standing, position_of

LEASE = 6.0
NOW = 1000.0
ALIVE, SILENT, GONE = Standing(NOW - 1, moved=True), Standing(NOW - 9, moved=True), Standing(NOW - 36, moved=True)
JUST_SEEN = Standing(NOW - 1)

names = st.lists(st.text("abcdef0123456789", min_size=1, max_size=8), unique=True, min_size=1, max_size=60)


def around(instances: list[str]) -> list[Place]:
    """All places of a ring, as they are around it."""
    return sorted((Place(name, position_of(name)) for name in instances), key=lambda place: place.position)


def before(own: str, instances: list[str], limit: int = PAGE) -> list[Place]:
    """The places before a worker's, nearest first, as the store returns them."""
    others = [Place(name, position_of(name)) for name in instances if name != own]
    return sorted(others, key=lambda place: (position_of(own) - place.position) % CIRCLE)[:limit]


def evenly(workers: int, limit: int = PAGE) -> list[Place]:
    """The places before 0 of so many workers that stand at equal distances."""
    return [Place(f"w{n}", CIRCLE - n * CIRCLE // workers) for n in range(1, workers)][:limit]


def test_place_on_the_ring_is_the_same_in_every_release() -> None:
    """The place of a name is stored, so that it must never change."""
    assert (position_of("worker1"), Entry(instance="worker1", beat=1).position) == (57905026024886,) * 2
    assert 0 <= position_of("") < CIRCLE


@given(names)
def test_places_of_a_whole_ring_are_put_nearest_first(names: list[str]) -> None:
    """From each place the others come backwards around the circle, and not itself."""
    for name in names:
        assert list(ring.nearest_first(position_of(name), around(names))) == before(name, names, len(names))


@given(names, st.sets(st.integers(0, 59)))
def test_each_worker_is_watched_by_the_next_three_that_live(names: list[str], dead: set[int]) -> None:
    """Whichever workers are silent, each is watched by the next three living ones after it, or by all there are."""
    standing = {name: SILENT if number in dead else ALIVE for number, name in enumerate(names)}
    alive = [name for name in names if standing[name] is ALIVE]
    watchers: dict[str, set[str]] = {name: set() for name in names}
    for watcher in alive:
        places = before(watcher, names, 1000)
        for place in places[: ring.reach(places, standing, NOW, LEASE)]:
            watchers[place.instance].add(watcher)

    for name in names:
        assert len(watchers[name]) >= min(WATCHED, len(set(alive) - {name}))
    for name in alive:
        assert len(watchers[name]) == min(WATCHED, len(alive) - 1)


@pytest.mark.parametrize(
    ("standings", "expected"),
    [
        ([ALIVE, ALIVE, ALIVE, ALIVE], 3),
        ([ALIVE, SILENT, JUST_SEEN, ALIVE, GONE, ALIVE, ALIVE], 6),
        ([JUST_SEEN, None, SILENT], 3),
        ([], 0),
    ],
    ids=["all alive", "some not", "none alive", "alone"],
)
def test_a_worker_watches_up_to_the_third_that_lives(standings: list[Standing | None], expected: int) -> None:
    """Those that are silent, or not known for long, are watched and do not count."""
    places = evenly(len(standings) + 1)
    known = {place.instance: one for place, one in zip(places, standings, strict=True) if one is not None}

    assert ring.reach(places, known, NOW, LEASE) == expected


@pytest.mark.parametrize(
    ("standings", "expected"),
    [
        ([SILENT] * 5, True),
        ([SILENT, ALIVE, SILENT, ALIVE], True),
        ([SILENT, SILENT, JUST_SEEN], False),
        ([SILENT, SILENT, None], False),
        ([SILENT, ALIVE, ALIVE, ALIVE], False),
    ],
    ids=["all silent", "too few", "one just seen", "one not read", "enough"],
)
def test_a_worker_looks_further_when_too_few_live(standings: list[Standing | None], expected: bool) -> None:
    """Only when every place of the page is known for a while, so that a new worker does not read the whole ring."""
    places = evenly(len(standings) + 1)
    known = {place.instance: one for place, one in zip(places, standings, strict=True) if one is not None}

    assert ring.further(places, known, NOW, LEASE) is expected


def test_neighbour_is_alive_by_what_it_does_and_not_by_being_there() -> None:
    """Only a change makes a neighbour alive, for somewhat more than a lease; it is gone after several."""
    seen = Standing(NOW)
    moved = seen.changed(NOW + 1)

    assert not seen.alive(NOW, LEASE)
    assert moved.alive(NOW + 8.4, LEASE)
    assert not moved.silent(NOW + 8.4, LEASE)
    assert (moved.alive(NOW + 9.5, LEASE), moved.silent(NOW + 9.5, LEASE)) == (False, True)
    assert (moved.gone(NOW + 36.9, LEASE), moved.gone(NOW + 37, LEASE)) == (False, True)


def test_sign_of_life_is_seen_before_its_worker_counts_as_silent() -> None:
    """From one entry to the next, and to the moment when it is read, passes less time than makes a worker silent."""
    assert ring.SIGN_OF_LIFE + ring.RE_READ < ring.ALIVE_FOR
    assert ring.SIGN_OF_FEW + ring.LOOK_ROUND_OF_FEW < ring.GONE_AFTER
    assert ring.LOOK_ROUND <= 1
    assert ring.RE_READ_BUSY <= 1


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 20, 32, 33, 100, 1000, 100_000])
def test_number_of_workers_follows_from_the_nearest(workers: int) -> None:
    """Of a small ring the number is known; of a large one it follows from the distance to the last of the page."""
    assert ring.size(0, evenly(workers), PAGE) == pytest.approx(workers, rel=0.02)


def test_number_of_workers_is_good_enough_on_a_real_ring() -> None:
    """Places are random, so the number of a thousand workers is estimated within a factor of two by nearly each."""
    names = [f"host-{n}" for n in range(1000)]
    places = around(names)
    doubled = [*places, *places]
    sizes = [ring.size(doubled[n].position, doubled[n - PAGE : n][::-1], PAGE) for n in range(1000, 1500)]

    assert sum(500 <= size <= 2000 for size in sizes) > 490


def test_silent_workers_are_counted_until_they_are_gone() -> None:
    """Entries that wait for their removal do not make the ring look large for ever."""
    assert ring.size(0, evenly(5), PAGE, gone=2) == 3
    assert ring.size(0, evenly(1000), PAGE, gone=16) == pytest.approx(500, rel=0.02)


@pytest.mark.parametrize("workers", [4, 5, 10, 100, 1000])
def test_a_few_workers_are_on_duty(workers: int) -> None:
    """However many there are, at least one and at most three do what is to be done once for all."""
    places = around([f"host-{n}" for n in range(workers)])
    duty = [ring.on_duty(place.position, places[n - 1].position, workers) for n, place in enumerate(places)]

    assert 1 <= sum(duty) <= WATCHED


def test_all_are_on_duty_where_there_are_few_or_nothing_is_known() -> None:
    """Up to three workers, and those that know no other, do it all themselves."""
    assert ring.on_duty(5, 4, 3)
    assert ring.on_duty(5, 4, None)
    assert ring.on_duty(5, None, 1000)


@pytest.mark.parametrize(("workers", "idle"), [(None, 1.0), (1, 1.0), (3, 1.0), (1000, 0.005)])
def test_all_wake_where_few_sleep(workers: int | None, idle: float) -> None:
    """With few workers, or few that have nothing to do, each of them wakes for each job."""
    assert all(ring.wakes(f"w{n}", "job", workers, idle) for n in range(100))


def test_a_few_of_a_thousand_wake_for_a_job_and_others_for_the_next() -> None:
    """About five of a thousand sleepers wake for a job, hardly ever none, and not always the same."""
    awake = [[n for n in range(1000) if ring.wakes(f"w{n}", f"job{job}", 1000, 1.0)] for job in range(100)]

    assert 4 < sum(map(len, awake)) / 100 < 6
    assert sum(not one for one in awake) < 5
    assert len({n for one in awake for n in one}) > 300


def test_sample_has_each_key_in_turn() -> None:
    """Of a long list a look takes a part, and from draw to draw every key is in one."""
    keys = [f"job{n}" for n in range(200)]

    assert sorted(ring.sample(keys[:3], 10, 0.7)) == keys[:3]
    assert len(ring.sample(keys, 10, 0.7)) == 4
    assert len(ring.sample(keys, 10_000, 0.7)) == 100
    parts = [ring.sample(keys, 600, draw / 20) for draw in range(20)]
    assert {len(set(part)) for part in parts} == {20}
    assert {key for part in parts for key in part} == set(keys)


def test_rhythm_of_few_workers_is_that_of_watching_everything() -> None:
    """Up to three workers list all that runs every second; of more, the busy ones leave the quick look to others."""
    assert ring.look_every(1.0, 3, busy=True, nothing=False) == 1.0
    assert ring.look_every(1.0, None, busy=False, nothing=True) == 1.5
    assert ring.look_every(1.0, 4, busy=True, nothing=True) == 2.0
    assert ring.look_every(1.0, 4, busy=False, nothing=True) == 1.0
    assert (ring.list_all_every(4, LEASE), ring.list_all_every(3000, LEASE)) == (12.0, 1000.0)


@pytest.mark.parametrize(
    ("workers", "share", "idle", "expected"),
    [(None, 8.0, True, 1), (3, 8.0, True, 1), (1000, 0.25, True, 1000), (1000, 0.25, False, 250), (10, 8.0, True, 80)],
)
def test_worker_chooses_among_more_candidates_the_more_others_come(
    workers: int | None, share: float, idle: bool, expected: int
) -> None:
    """Few workers take the first job; many choose among more, and most when all of them come from doing nothing."""
    assert ring.spread_over(workers, share, idle=idle) == expected


def test_share_rises_with_refusals_and_falls_back() -> None:
    """Refused claims widen the choice at once, and each look without any narrows it a little, between two bounds."""
    assert ring.share_after(0.25, 1) == 1.0
    assert ring.share_after(1.0, 3) == 8.0
    assert ring.share_after(1.0, 0) == pytest.approx(0.95)
    assert ring.share_after(0.25, 0) == 0.25


@pytest.mark.parametrize(
    ("workers", "candidates", "expected"),
    [(None, 100, 0.0), (3, 100, 0.0), (1000, 99, 0.0), (1000, 100, 5.0), (20, 19, 0.0), (20, 20, 1.0)],
)
def test_only_a_long_queue_makes_workers_come_one_by_one(workers: int | None, candidates: int, expected: float) -> None:
    """Few workers, and those that find fewer jobs than workers, begin at once."""
    assert ring.come_within(workers, candidates) == expected
