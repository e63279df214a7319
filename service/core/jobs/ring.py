"""
The ring of workers: which of them a worker watches, and how many there are, from its neighbours alone.

Each worker has a place on a circle that follows from its name, and an *entry* in the store that names its jobs. A
worker watches the entries before its own (`reach`). So about `WATCHED` workers watch a job, however many there are, and
none has to know all others: rendezvous hashing would need that, which is O(workers²) bytes for all of them together.

Alive, silent, unknown
    A neighbour that was seen to change lately (its entry, or the beat of a job that it holds) is *alive*. One that has
    not changed for `ALIVE_FOR` is *silent*, and one that has not been looked at for so long is *unknown*. A worker goes
    back along the ring until it has counted `WATCHED` neighbours that are alive, and watches all others on the way. So
    neighbours that die take no watcher away from those behind them, and of a ring on which all have died every entry
    is watched by the first worker that comes. Being wrong about a neighbour costs a few reads, and nothing else.

Times are multiples of a lease, because it is within a lease that watchers must find out about each other.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

CIRCLE = 1 << 48
WATCHED = 3  # neighbours alive; with no more workers than that, each watches everything
PAGE = 32  # places that are asked for at once: 3 KB of the index, which cost as much as one
WHOLE = 10_000  # places, when there are not enough workers alive on a page
WOKEN = 5  # of those that sleep, for one new job: with fewer, it happens too often that there is none

ALIVE_FOR = 1.4  # leases since a neighbour has changed: it is due every `SIGN_OF_LIFE`, and looked at every `RE_READ`
GONE_AFTER = 6.0  # leases of silence, after which an entry without a running job is removed; no call takes that long

SIGN_OF_LIFE = 5 / 6  # leases between two entries of a worker without a job; the beats of its jobs speak for the others
SIGN_WITH_JOBS = 10.0  # leases; so that an entry which was removed by mistake comes back
LOOK_ROUND = 5 / 12  # leases between two looks at who is there: half a lease is for an index that is behind
RE_READ = 1 / 2  # leases between two looks at an entry that may have changed
RE_READ_BUSY = 1.0  # leases, if all jobs that it names are running
# Where each worker watches everything, the ring only tells whether that is still so.
SIGN_OF_FEW = 2.5  # leases between two entries
LOOK_ROUND_OF_FEW = 5 / 3  # leases between two looks at who is there, and at their entries

LIST_ALL = 2.0  # leases at the least between two looks of a worker at the list of all running jobs
LEAST_SHARE, MOST_SHARE = 0.25, 8.0  # of the number of workers: how many candidates a worker chooses among
LONGEST_STAGGER = 5.0  # seconds between the first and the last of many workers that find a long queue at once
LOOKED_AT = 10.0  # seconds in which all workers together look at each job of that list
FEWEST, MOST = 4, 100  # jobs of it for each of them


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker is on the ring."""

    instance: str
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a worker has in the store: the jobs that it holds or is about to claim. `beat` rises with each write."""

    instance: str
    beat: int
    jobs: tuple[str, ...] = ()
    idle: bool = False  # whether it could take a job when it wrote this
    apart: bool = False  # whether it lives without a connection to Redis, see `core.jobs.presence`

    @property
    def position(self) -> int:
        """Its place on the ring."""
        return position_of(self.instance)


def position_of(text: str) -> int:
    """Return the place of a name, 0 … CIRCLE-1: the same in every process and every release."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6])


def nearest_first(own: int, places: Iterable[Place]) -> Sequence[Place]:
    """Return the places of others as they come before `own`, backwards around the circle."""
    return sorted((one for one in places if one.position != own), key=lambda one: (own - one.position) % CIRCLE)


def chance_of(*names: str) -> float:
    """Return a number in [0, 1) that follows from the names, and looks like chance."""
    return position_of("\n".join(names)) / CIRCLE


@dataclass(frozen=True, slots=True)
class Standing:
    """What is remembered of a neighbour: `since` when (monotonic seconds) it stands still; whether it ever `moved`."""

    since: float
    moved: bool = False

    def alive(self, now: float, lease: float) -> bool:
        """Tell whether it was seen to change lately."""
        return self.moved and now - self.since < ALIVE_FOR * lease

    def silent(self, now: float, lease: float) -> bool:
        """Tell whether it has not changed for so long that it may be dead."""
        return now - self.since >= ALIVE_FOR * lease

    def gone(self, now: float, lease: float) -> bool:
        """Tell whether it has not changed for so long that its entry may be removed, if it names no running job."""
        return now - self.since >= GONE_AFTER * lease

    def changed(self, now: float) -> Self:
        """Return the same after a change was seen."""
        return replace(self, since=now, moved=True)


def reach(places: Sequence[Place], standings: Mapping[str, Standing], now: float, lease: float) -> int:
    """Return how many of the places, nearest first, a worker watches: up to the last of `WATCHED` that are alive."""
    alive = 0
    for count, place in enumerate(places, 1):
        standing = standings.get(place.instance)
        alive += standing is not None and standing.alive(now, lease)
        if alive == WATCHED:
            return count
    return len(places)


def further(places: Sequence[Place], standings: Mapping[str, Standing], now: float, lease: float) -> bool:
    """Tell whether all places are known for long enough, and too few of them alive: then there is no one to rely on."""
    known = [standings.get(place.instance) for place in places]
    if any(one is None or not (one.alive(now, lease) or one.silent(now, lease)) for one in known):
        return False
    return sum(one is not None and one.alive(now, lease) for one in known) < WATCHED


def size(own: int, places: Sequence[Place], asked_for: int, gone: int = 0) -> int:
    """
    Return about how many workers there are, this one included.

    `places` are the nearest before `own`, and all there are if fewer than `asked_for`; `gone` of them do not count.
    """
    if len(places) < asked_for:
        return 1 + len(places) - gone
    span = (own - places[-1].position) % CIRCLE or CIRCLE
    return max(1, round(CIRCLE / span * (len(places) - gone)))


def everything(workers: int | None) -> bool:
    """Tell whether there are so few workers that each watches every running job, as one does that knows of none."""
    return workers is None or workers <= WATCHED


def look_every(interval: float, workers: int | None, *, busy: bool, nothing: bool) -> float:
    """
    Return seconds between two looks at the running jobs of others.

    A worker without a free slot (`busy`) cannot take one over, and leaves the quick look to others if there are enough.
    Where each watches everything, a look is a query of the whole list, and takes its time if `nothing` was on it.
    """
    if everything(workers):
        return interval * 1.5 if nothing else interval
    return interval * 2 if busy else interval


def list_all_every(workers: int, lease: float) -> float:
    """Return seconds between two looks of a worker at the list of all running jobs; together they look all the time."""
    return max(LIST_ALL * lease, workers / WATCHED)


def sample(keys: Sequence[str], workers: int, draw: float) -> Sequence[str]:
    """
    Return those of the running jobs that one of so many workers looks at: some in a row, from anywhere.

    `draw` is uniform in [0, 1). A job is looked at until it is renewed, so twice, and each worker looks at less than
    one of them in a second.
    """
    first = int(draw * len(keys))
    return [*keys[first:], *keys[:first]][: min(MOST, max(FEWEST, math.ceil(workers / WATCHED / LOOKED_AT)))]


def wakes(instance: str, job_id: str, workers: int | None, idle_share: float) -> bool:
    """Tell whether a sleeper is one of the about `WOKEN` that wake for this job; all do where there are few workers."""
    if workers is None or everything(workers):
        return True
    return chance_of(instance, job_id) * workers * idle_share < WOKEN


def on_duty(own: int, before: int | None, workers: int | None) -> bool:
    """
    Tell whether this worker does what `WATCHED` of all should do, and not each of them.

    On duty is the first worker after each of so many fixed points of the ring; `before` is the place of the next one
    before this, of those that are not silent.
    """
    if everything(workers) or before is None:
        return True
    points = (number * CIRCLE // WATCHED for number in range(WATCHED))
    span = (own - before) % CIRCLE or CIRCLE
    return any((own - point) % CIRCLE < span for point in points)


def spread_over(workers: int | None, share: float, *, idle: bool) -> int:
    """
    Return among how many candidates a worker should choose, so that few others choose the same.

    Workers come one by one as they finish their jobs, and a `share` of their number is enough. Where nothing was to be
    done before (`idle`), all of them may come at once.
    """
    if workers is None or everything(workers):
        return 1
    return math.ceil(workers * (max(1.0, share) if idle else share))


def come_within(workers: int | None, candidates: int) -> float:
    """
    Return within how many seconds all workers should come that find so much to do after there was nothing.

    Many that all begin at once would take each other's jobs. Where there are as many jobs as workers, most of these
    wait for longer anyway.
    """
    if workers is None or everything(workers) or candidates < min(workers, MOST):
        return 0.0
    return LONGEST_STAGGER * min(1.0, workers / MOST)


def share_after(share: float, refused: int) -> float:
    """
    Return the share of a worker after a look in which so many of its claims were refused.

    It rises fast and falls slowly, so that one claim in thirty is refused where workers come together again and again.
    """
    return max(LEAST_SHARE, share * 0.95) if refused == 0 else min(MOST_SHARE, share * 4**refused)
