"""What is played, at each size of the fleet."""

from dataclasses import dataclass

from benchmarks.scale.rates import KILLED, STOPPED

TYPICAL = (150.0, 450.0)  # seconds of a conversion; on average 300, as in docs/costs.md
SHORT = (60.0, 120.0)
SIZES = (10, 100, 1000)
CAME_WITHIN = 150.0  # seconds in which a deep queue has come: twice as fast as all workers take it, or it were none


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Times in seconds."""

    name: str
    workers: int
    measured: float
    warm_up: float = 15.0
    waiting: int = 0  # jobs at the beginning …
    came_within: float = 0.0  # … the oldest of which has been due for so long
    begun: int = 0  # how many of these are somewhere in their middle when they are claimed
    conversion: tuple[float, float] = TYPICAL
    load: float = 0.0  # share of all workers that arriving jobs keep busy
    tenants: int = 1
    deaths: tuple[int, int] = (0, 0)  # workers that are killed, and that are told to stop; and other trouble
    heard: bool = False  # whether there is a Redis that tells of deaths
    counted_from_start: bool = False  # also the time in which all workers find the queue at once

    @property
    def mean(self) -> float:
        """Of the conversions."""
        return sum(self.conversion) / 2

    @property
    def arrivals(self) -> float:
        """Jobs that come in a second."""
        return self.load * self.workers / self.mean


def idle(workers: int, measured: float = 60.0) -> Scene:
    """Nothing to do."""
    return Scene(name="idle", workers=workers, measured=measured)


def busy(workers: int, measured: float = 90.0) -> Scene:
    """Each worker has a job all the time, and two more wait for each."""
    return Scene(
        name="busy",
        workers=workers,
        measured=measured,
        waiting=3 * workers,
        came_within=600.0,
        begun=workers,
        tenants=10,
    )


def arriving(workers: int, measured: float = 90.0) -> Scene:
    """Jobs come at random moments and keep half of all workers busy: how long they wait."""
    return Scene(
        name="arriving",
        workers=workers,
        measured=measured,
        waiting=int(0.5 * workers),
        begun=int(0.5 * workers),
        conversion=SHORT,
        load=0.5,
        tenants=10,
    )


def deep(workers: int, jobs: int, conversion: tuple[float, float], measured: float) -> Scene:
    """All workers start at once before a deep queue of one tenant."""
    return Scene(
        name="deep",
        workers=workers,
        measured=measured,
        waiting=jobs,
        came_within=CAME_WITHIN,
        conversion=conversion,
        counted_from_start=True,
    )


def faults(workers: int, measured: float = 60.0, *, heard: bool = False) -> Scene:
    """Workers are killed and told to stop, the index is behind now and then, and shards of it are throttled."""
    return Scene(
        name="heard" if heard else "faults",
        workers=workers,
        measured=measured,
        waiting=int(0.4 * workers),
        begun=int(0.4 * workers),
        conversion=SHORT,
        load=0.4,
        tenants=10,
        deaths=(KILLED.played(workers), STOPPED.played(workers)),
        heard=heard,
    )


def scenes(workers: int, seconds: float | None = None) -> tuple[Scene, ...]:
    """
    Return all scenes of this size, each measured for so many `seconds` or as long as it needs.

    A small fleet is cheap to play, and needs longer for as many deaths. The largest one does not come to the end of its
    deep queue: the first thousands of 100,000 jobs tell enough.
    """
    longer = {10: 12.0, 100: 2.5}.get(workers, 1.0)
    return (
        idle(workers, seconds or 20 * longer),
        busy(workers, seconds or 20 * longer),
        arriving(workers, seconds or 30 * longer),
        deep(workers, 100 * workers, (2.0, 4.0), seconds or {1000: 8.0, 100: 60.0}.get(workers, 400.0)),
        faults(workers, seconds or 60 * longer),
        faults(workers, seconds or 60 * longer, heard=True),
    )


QUICK = (idle(10, 30.0), deep(10, 100, (2.0, 4.0), 60.0))
"""What a test plays in a few seconds."""
