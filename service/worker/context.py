"""What a worker is given, and how it is set up."""

from dataclasses import dataclass, field

from service.core.capacity import Ample, Thresholds
from service.core.lease import LeasePolicy
from service.ports.capacity import Capacity
from service.ports.hints import ProgressBoard, Wakeups
from service.ports.jobs import JobStore
from service.ports.objects import ObjectStore
from service.ports.time import Clock, Ids
from service.ports.transcoder import Transcoder


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPorts:
    """The outside, as a worker sees it."""

    jobs: JobStore
    objects: ObjectStore
    board: ProgressBoard
    wakeups: Wakeups
    transcoder: Transcoder
    clock: Clock
    ids: Ids
    capacity: Capacity = field(default_factory=Ample)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """Times in seconds."""

    instance: str  # the `owner` in this worker's leases; unique per process
    slots: int = 1  # conversions at once
    limits: Thresholds = field(default_factory=Thresholds)  # of what this container has, to begin another conversion
    lease: LeasePolicy = field(default_factory=LeasePolicy)
    idle_poll: float = 2.0  # how long a lost wake-up can go unnoticed
    watch_interval: float = 1.0  # how often running jobs are looked at
    tidy_seconds: float = 15.0  # how long an attempt may clear up in a slow object store, and keep its slot for it
    farewell_seconds: float = 5.0  # the same once the worker was told to stop; what remains is the janitor's
    show_interval: float = 0.25  # how often a reading goes to the board
