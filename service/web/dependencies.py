"""What the web layer is given, and how a handler asks for it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from service.core.capacity import Ample, Crew
from service.ports.capacity import Capacity
from service.ports.hints import ProgressBoard, Wakeups
from service.ports.jobs import JobStore
from service.ports.objects import ObjectStore
from service.ports.time import Clock, Ids
from service.ports.uploads import UploadStore
from service.web.config import WebConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class WebDependencies:
    """Everything outside of this process that a request may need; nothing else is shared between requests."""

    jobs: JobStore
    uploads: UploadStore
    objects: ObjectStore
    board: ProgressBoard
    wakeups: Wakeups
    clock: Clock
    ids: Ids
    checks: Callable[[], Awaitable[Mapping[str, str]]]
    """Name of each backing service → ``ok``, ``degraded…`` (we go on without it) or what is wrong with it."""
    capacity: Capacity = field(default_factory=Ample)
    crew: Callable[[], Crew | None] = lambda: None
    """The worker in this process, None if there is none."""
    circuits: Callable[[], Mapping[str, str]] = dict
    """Name of each backing service behind a circuit → ``closed``, ``open`` or ``half-open``."""


# What a handler writes to be handed them. They are our own objects: nothing for litestar to validate.
Deps = NamedDependency[SkipValidation[WebDependencies]]
Config = NamedDependency[SkipValidation[WebConfig]]
