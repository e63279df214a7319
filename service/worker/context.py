"""What a worker is given, and how it is set up."""

from dataclasses import dataclass, field

from service.core import defaults
from service.core.jobs.presence import PresencePolicy
from service.core.jobs.trust import LeasePolicy
from service.core.limits.capacity import Thresholds, UnlimitedCapacity
from service.core.limits.shares import RunningLimits
from service.ports.capacity import Capacity
from service.ports.hints import ProgressBoard, Wakeups
from service.ports.jobs import JobRecords
from service.ports.leases import Leases
from service.ports.objects import Objects
from service.ports.presence import Presence
from service.ports.time import Clock, Ids
from service.ports.transcoder import Transcoder
from service.ports.workers import Workers


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPorts:
    """The outside, as a worker sees it."""

    jobs: JobRecords
    leases: Leases
    workers: Workers
    objects: Objects
    board: ProgressBoard
    wakeups: Wakeups
    transcoder: Transcoder
    clock: Clock
    ids: Ids
    capacity: Capacity = field(default_factory=UnlimitedCapacity)
    presence: Presence | None = None  # None where there is no Redis


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """Times in seconds."""

    instance: str  # the `owner` in this worker's leases; unique per process
    slots: int = defaults.SLOTS  # conversions at once
    most_running: RunningLimits = field(default_factory=RunningLimits)  # of one tenant, in the whole service
    limits: Thresholds = field(default_factory=Thresholds)  # of what this container has, to begin another conversion
    lease: LeasePolicy = field(default_factory=LeasePolicy)
    presence: PresencePolicy = field(default_factory=PresencePolicy)
    idle_poll: float = 2.0  # how long a lost wake-up can go unnoticed
    index_delay: float = 0.05  # after a wake-up or a claim: the index shows a new job a little after its announcement
    shortage_poll: float = 0.5  # between two looks at a container that has too little of something
    watch_interval: float = 1.0  # how often running jobs are looked at; by a worker without a slot, half as often
    watch_pause: float = 0.05  # between two looks at the least, however close the next lapse is
    takeover_retry: float = 0.1  # after a lapsed job could not be taken over; doubled each time, up to watch_interval
    cleanup_seconds: float = 15.0  # for an attempt to clean up in a slow object store; it keeps its slot meanwhile
    shutdown_cleanup_seconds: float = 5.0  # the same once the worker was told to stop; the rest is the janitor's
    cancel_again: float = 0.5  # after which a task that has not ended is cancelled once more
    show_interval: float = 0.25  # how often a reading goes to the board
