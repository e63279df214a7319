"""What a use case is given: the ports of this process with the limits, and the tenant that asks."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from service.application.config import ServiceConfig
from service.application.following import Following
from service.application.reads import SharedReads
from service.core.confinement import Confined
from service.core.limits.capacity import UnlimitedCapacity, WorkerStatus
from service.ports.capacity import Capacity
from service.ports.hints import ProgressBoard, Wakeups
from service.ports.jobs import JobRecords
from service.ports.objects import ClientObjects
from service.ports.sniffer import Sniffer
from service.ports.time import Clock, Ids
from service.ports.uploads import UploadRecords


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceContext:
    """Everything outside of this process that a request may need, and how requests share their reads of it."""

    config: ServiceConfig = field(default_factory=ServiceConfig)
    jobs: JobRecords
    uploads: UploadRecords
    objects: ClientObjects
    sniffer: Sniffer
    board: ProgressBoard
    wakeups: Wakeups
    clock: Clock
    ids: Ids
    checks: Callable[[], Awaitable[Mapping[str, str]]]
    """Name of each backing service → ``ok``, ``degraded…`` (we go on without it) or what is wrong with it."""
    capacity: Capacity = field(default_factory=UnlimitedCapacity)
    worker_status: Callable[[], WorkerStatus | None] = lambda: None
    """Of the worker in this process; None if there is none."""
    confined: Confined | None = None
    """What confines the processes that run ffmpeg; None if there are none."""
    circuits: Callable[[], Mapping[str, str]] = dict
    """Name of each backing service behind a circuit → ``closed``, ``open`` or ``half-open``."""
    stopping: Callable[[], bool] = lambda: False
    """Whether this process is about to end: requests that wait for something are answered at once."""
    reads: SharedReads = field(init=False)
    following: Following = field(init=False)

    def __post_init__(self) -> None:
        """Make what the requests of this process share."""
        reads, config = SharedReads(self.jobs, self.board, self.clock), self.config
        following = Following(
            reads, self.board, self.clock, most=config.max_streams, most_per_tenant=config.max_streams_per_tenant
        )
        object.__setattr__(self, "reads", reads)  # the class is frozen
        object.__setattr__(self, "following", following)


@dataclass(frozen=True, slots=True)
class Caller:
    """The tenant that asks, and the service that it asks. An open service has one tenant, whose name is empty."""

    context: ServiceContext
    tenant: str
