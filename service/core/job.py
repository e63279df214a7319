"""
A job, its states, and every legal step between them.

The picture::

                submit                claim                         succeed | fail
     (none) ───────────▶ queued ───────────────▶ running ──────────────────────────▶ succeeded | failed
                           ▲ │                   ▲  │  │
                           │ │ cancel    take over└──┘  │ release (shutdown, passing fault)
                           └─┼──────────────────────────┘
                             ▼                       │ stop (the worker saw the request to cancel)
                         cancelled ◀─────────────────┘

`TRANSITIONS` is that picture as data; the methods of `Job` are the only way to go along an arrow, and each of them
asks the table first. A store writes what these methods compute, under a condition that makes it atomic.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from service.core.errors import IllegalTransition
from service.core.media.inputs import Source
from service.core.media.options import Target


class State(StrEnum):
    """Where a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL: frozenset[State] = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})


class Event(StrEnum):
    """What can happen to a job after it was submitted."""

    CLAIM = "claim"
    TAKE_OVER = "take_over"
    RENEW = "renew"
    RELEASE = "release"
    SUCCEED = "succeed"
    FAIL = "fail"
    STOP = "stop"
    CANCEL = "cancel"
    EXHAUST = "exhaust"


TRANSITIONS: Mapping[tuple[State, Event], State] = {
    (State.QUEUED, Event.CLAIM): State.RUNNING,
    (State.QUEUED, Event.CANCEL): State.CANCELLED,
    (State.RUNNING, Event.TAKE_OVER): State.RUNNING,
    (State.RUNNING, Event.RENEW): State.RUNNING,
    (State.RUNNING, Event.RELEASE): State.QUEUED,
    (State.RUNNING, Event.SUCCEED): State.SUCCEEDED,
    (State.RUNNING, Event.FAIL): State.FAILED,
    (State.RUNNING, Event.STOP): State.CANCELLED,
    (State.RUNNING, Event.CANCEL): State.RUNNING,  # only noted; the holder of the lease acts on it
    (State.RUNNING, Event.EXHAUST): State.FAILED,
}


@dataclass(frozen=True, slots=True)
class Holding:
    """The exact lease that a write speaks for: `attempt` is the fencing token and only ever rises."""

    job_id: str
    owner: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The finished file: where it is and how large, in bytes."""

    key: str
    size: int
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a job failed, as its client reads it."""

    code: str
    detail: str
    diagnostics: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """
    One conversion. Times are seconds since the epoch (UTC); percentages run from 0 to 100.

    `percent` is the *durable ceiling* of progress and `shown` the highest value that was ever answered without
    Redis: see `service.core.progress`. `beat` rises with every renewal: see `service.core.lease`.
    """

    job_id: str
    tenant: str
    upload_id: str
    input_key: str
    input_etag: str
    input_size: int
    source: Source
    target: Target
    filename: str  # of the output, as a browser would save it
    created_at: float
    expires_at: float

    state: State = State.QUEUED
    due_at: float = 0.0
    owner: str | None = None
    attempt: int = 0
    beat: int = 0
    lapses: int = 0  # takeovers: attempts that ended without a word
    faults: int = 0  # attempts that ended in a passing fault
    percent: float = 0.0
    shown: float = 0.0
    cancel_requested: bool = False
    path: str | None = None  # "streaming" | "local", known once an attempt has begun to convert
    started_at: float | None = None
    finished_at: float | None = None
    output: Output | None = None
    failure: Failure | None = None

    @property
    def final(self) -> bool:
        """Whether nothing can happen to this job any more."""
        return self.state in FINAL

    @property
    def holding(self) -> Holding:
        """The lease under which this job is running; raises `IllegalTransition` if nobody holds it."""
        if self.state is not State.RUNNING or self.owner is None:
            raise IllegalTransition(f"the job is {self.state}, nobody holds it")
        return Holding(self.job_id, self.owner, self.attempt)

    def held_by(self, holding: Holding) -> bool:
        """Whether `holding` is the current lease: the fence that every write of a worker has to pass."""
        return (
            self.state is State.RUNNING
            and self.job_id == holding.job_id
            and self.owner == holding.owner
            and self.attempt == holding.attempt
        )

    def claimed(self, owner: str, now: float) -> Self:
        """A queued job is taken by a worker."""
        return self._step(Event.CLAIM, owner=owner, attempt=self.attempt + 1, beat=0, started_at=self.started_at or now)

    def taken_over(self, owner: str) -> Self:
        """A running job whose lease lapsed is taken by another worker."""
        return self._step(Event.TAKE_OVER, owner=owner, attempt=self.attempt + 1, beat=0, lapses=self.lapses + 1)

    def renewed(self, percent: float, path: str | None) -> Self:
        """The holder is alive and carries its durable progress, which never falls."""
        return self._step(Event.RENEW, beat=self.beat + 1, percent=max(self.percent, percent), path=path or self.path)

    def released(self, due_at: float, *, fault: bool) -> Self:
        """The holder gives the job back: politely at shutdown, or (`fault`) because of something that may pass."""
        return self._step(Event.RELEASE, owner=None, due_at=due_at, faults=self.faults + fault)

    def succeeded(self, output: Output, now: float) -> Self:
        """The one write that makes an output visible."""
        return self._step(Event.SUCCEED, owner=None, output=output, percent=100.0, finished_at=now)

    def failed(self, failure: Failure, now: float, path: str | None = None) -> Self:
        """The attempt found that this job cannot be done."""
        return self._step(Event.FAIL, owner=None, failure=failure, finished_at=now, path=path or self.path)

    def exhausted(self, failure: Failure, now: float) -> Self:
        """Too many attempts lapsed: the job itself is taken for the cause."""
        return self._step(Event.EXHAUST, owner=None, failure=failure, lapses=self.lapses + 1, finished_at=now)

    def stopped(self, now: float) -> Self:
        """The holder stopped because it was asked to."""
        return self._step(Event.STOP, owner=None, finished_at=now)

    def cancelled(self, now: float) -> Self:
        """A client does not want it any more: a queued job ends at once, a running one is asked to."""
        if self.state is State.QUEUED:
            return self._step(Event.CANCEL, cancel_requested=True, finished_at=now)
        return self._step(Event.CANCEL, cancel_requested=True)

    def _step(self, event: Event, **changes: object) -> Self:
        state = TRANSITIONS.get((self.state, event))
        if state is None:
            raise IllegalTransition(f"a job that is {self.state} cannot {event}")
        return dataclasses.replace(self, state=state, **changes)  # type: ignore[arg-type]  # names are checked at run time
