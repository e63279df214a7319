"""
Whether this container is nearly out of memory, CPU, disk or file descriptors, logged when that begins and when it ends.

A worker that is short of something begins no further job (`worker.claiming_paused`); this is said of every process,
with the number of conversions under way and all readings, also of one that only answers requests.
"""

from collections.abc import Callable

from service.core.limits.capacity import Load, Thresholds
from service.ports.capacity import Capacity
from service.ports.time import Clock
from service.telemetry import emit, events

INTERVAL = 2.0  # seconds between two looks
CALM = 5  # looks in a row without shortage until it is over: what comes and goes makes no two lines each time
MOST_DESCRIPTORS = 0.8  # share of those that this process may have


class Pressure:
    """Run with `run`, which ends only by being cancelled."""

    def __init__(
        self,
        capacity: Capacity,
        limits: Thresholds,
        clock: Clock,
        active: Callable[[], int],
        descriptors: Callable[[], float | None],
    ) -> None:
        """`active`: conversions under way; `descriptors`: the share in use of what this process may have."""
        self._capacity, self._limits, self._clock = capacity, limits, clock
        self._active, self._descriptors = active, descriptors
        self._short_of: tuple[str, ...] = ()
        self._since, self._calm = 0.0, 0

    async def run(self) -> None:
        """Look again and again."""
        while True:
            self.look()
            await self._clock.sleep(INTERVAL)

    def look(self) -> None:
        """Look once, and log what has changed."""
        load, descriptors = self._capacity.load(), self._descriptors()
        found = nearly_out_of(load, descriptors, self._limits)
        self._calm = 0 if found else self._calm + 1
        if set(found) - set(self._short_of):
            self._since = self._since if self._short_of else self._clock.monotonic()
            self._short_of = tuple(dict.fromkeys((*self._short_of, *found)))
            emit(
                events.RESOURCES_HIGH,
                short_of=self._short_of,
                active=self._active(),
                memory=load.memory,
                cpu=load.cpu,
                disk_free=load.disk_free,
                descriptors=descriptors,
            )
        elif self._short_of and self._calm >= CALM:
            self._short_of = ()
            emit(
                events.RESOURCES_NORMAL,
                seconds=round(self._clock.monotonic() - self._since, 1),
                active=self._active(),
                memory=load.memory,
                cpu=load.cpu,
                disk_free=load.disk_free,
                descriptors=descriptors,
            )


def nearly_out_of(load: Load, descriptors: float | None, limits: Thresholds) -> tuple[str, ...]:
    """Return what there is too little of: memory, cpu, disk, descriptors; what is not known is never short."""
    found = {
        "memory": load.memory is not None and load.memory >= limits.memory,
        "cpu": load.cpu is not None and load.cpu >= limits.cpu,
        "disk": load.disk_free is not None and load.disk_free < limits.disk_free,
        "descriptors": descriptors is not None and descriptors >= MOST_DESCRIPTORS,
    }
    return tuple(name for name, short in found.items() if short)
