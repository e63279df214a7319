"""
How full a container is, and when that is too full to begin something new.

Readings are facts and may be missing: not every platform tells. What is missing stops no conversion. Memory and disk
end the process or the job when they run out, so nothing new begins near that. The CPU only makes things slow, and what
presses on it may be another program: a worker that has nothing to do takes a job however busy the machine is, and only
leaves *further* ones to others.
"""

from dataclasses import dataclass

from service.core import defaults

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Readings; None where the platform tells nothing."""

    memory: float | None = None  # share of what this container may have that is in use and cannot be dropped, 0 … 1
    disk_free: int | None = None  # bytes left in the scratch folder
    cpu: float | None = None  # share of the last ten seconds in which something here waited for a CPU, 0 … 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Where enough is enough."""

    memory: float = defaults.MAX_MEMORY_PERCENT / 100
    disk_free: int = 64 * MIB
    cpu: float = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus:
    """The worker of a process: how many conversions it can do, does, and what keeps it from taking more."""

    slots: int
    active: int
    short_of: tuple[str, ...] = ()


class UnlimitedCapacity:
    """A `ports.Capacity` that never runs out of anything."""

    def load(self) -> Load:
        """Return no readings."""
        return Load()


def short_of(load: Load, limits: Thresholds, active: int) -> tuple[str, ...]:
    """Return what there is too little of to begin another conversion beside `active` ones: memory, disk, cpu."""
    short = []
    if load.memory is not None and load.memory >= limits.memory:
        short.append("memory")
    if load.disk_free is not None and load.disk_free < limits.disk_free:
        short.append("disk")
    if active > 0 and load.cpu is not None and load.cpu >= limits.cpu:
        short.append("cpu")
    return tuple(short)
