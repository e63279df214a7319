"""
A job: one conversion, from its submission to its end.

What decides which worker may write to it is its `Lease`; the states, and the picture of all legal steps between them,
are in `core.jobs.lease`. The methods of `Job` are the only way along an arrow of that picture. A store writes what
they compute, under a condition that makes it atomic.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from service.core.errors import IllegalTransition
from service.core.jobs.lease import Event, Holding, Lease, State
from service.core.media.inputs import Source
from service.core.media.options import Target
from service.core.webhooks.notification import Notification

__all__ = ["Failure", "Job", "Output", "State"]  # the state of a job is read wherever a job is


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The finished file: where it is, how large in bytes, and `report`: how it was made, as its client reads it."""

    key: str
    size: int
    etag: str
    report: Mapping[str, Any] = field(default_factory=dict)


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
    Redis: see `service.core.jobs.progress`. The lease's key is the id of the job.
    """

    lease: Lease
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

    percent: float = 0.0
    shown: float = 0.0
    cancel_requested: bool = False
    path: str | None = None  # "streaming" | "local", known once an attempt has begun to convert
    started_at: float | None = None
    finished_at: float | None = None
    output: Output | None = None
    failure: Failure | None = None
    notification: Notification | None = None  # that it has ended, where its tenant has an endpoint
    trace: str | None = None  # context of the request that asked for it, where requests are traced (W3C traceparent)

    # ── what callers read of the lease ───────────────────────────────────────────────────────────────────────────

    @property
    def job_id(self) -> str:
        """The key of its lease."""
        return self.lease.key

    @property
    def state(self) -> State:
        """Where it is."""
        return self.lease.state

    @property
    def owner(self) -> str | None:
        """The worker that holds it, None unless it is running."""
        return self.lease.owner

    @property
    def attempt(self) -> int:
        """The number of its last attempt; 0 before the first."""
        return self.lease.attempt

    @property
    def final(self) -> bool:
        """Whether nothing can happen to this job any more."""
        return self.lease.final

    @property
    def holding(self) -> Holding:
        """The lease under which this job is running; raises `IllegalTransition` if no worker holds it."""
        return self.lease.holding

    # ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────

    def claimed(self, owner: str, now: float) -> Self:
        """Take a queued job for a worker."""
        return replace(self, lease=self.lease.claimed(owner), started_at=self.started_at or now)

    def taken_over(self, owner: str, *, excused: bool = False) -> Self:
        """Take a running job whose lease lapsed for another worker."""
        return replace(self, lease=self.lease.taken_over(owner, excused=excused))

    def requeued(self, *, excused: bool = False) -> Self:
        """Give a running job whose lease lapsed back to the queue, for its watcher."""
        return replace(self, lease=self.lease.requeued(excused=excused))

    def renewed(self, percent: float, path: str | None) -> Self:
        """Note that the holder is alive, and its durable progress, which never falls."""
        return replace(self, lease=self.lease.renewed(), percent=max(self.percent, percent), path=path or self.path)

    def found_alive(self, attempt: int) -> Self:
        """Note that this attempt was taken over while its worker lived."""
        return replace(self, lease=self.lease.found_alive(attempt))

    def released(self, due_at: float, *, fault: bool) -> Self:
        """Give the job back: at shutdown, or (`fault`) because of something that may pass."""
        return replace(self, lease=self.lease.released(due_at, fault=fault))

    def succeeded(self, output: Output, now: float) -> Self:
        """Record the output: the one write that makes it visible."""
        return replace(self, lease=self.lease.ended(Event.SUCCEED), output=output, percent=100.0, finished_at=now)

    def failed(self, failure: Failure, now: float, path: str | None = None) -> Self:
        """Record that this job cannot be done, as the attempt has found."""
        lease = self.lease.ended(Event.FAIL)
        return replace(self, lease=lease, failure=failure, finished_at=now, path=path or self.path)

    def exhausted(self, failure: Failure, now: float) -> Self:
        """End a job with too many lapsed attempts: the job itself is taken for the cause."""
        return replace(self, lease=self.lease.exhausted(), failure=failure, finished_at=now)

    def stopped(self, now: float) -> Self:
        """Record that the holder stopped because it was asked to."""
        return replace(self, lease=self.lease.ended(Event.STOP), finished_at=now)

    def cancelled(self, now: float) -> Self:
        """Cancel for its client: a queued job ends at once, a running one is asked to."""
        lease = self.lease.cancelled()
        return replace(self, lease=lease, cancel_requested=True, finished_at=now if lease.final else self.finished_at)

    # ── the notification of its end ──────────────────────────────────────────────────────────────────────────────

    def announced(self, now: float) -> Self:
        """Begin the notification of a job that has just ended; it is due at once."""
        return self.notifying(Notification(), now)

    def notifying(self, notification: Notification, due_at: float) -> Self:
        """Return it with this notification, due then; of one that is over, `due_at` is when that came about."""
        return replace(self, notification=notification, lease=replace(self.lease, due_at=due_at))

    @property
    def notice(self) -> Notification:
        """Its notification; raises `IllegalTransition` if it has none."""
        if self.notification is None:
            raise IllegalTransition("This job has no notification.")
        return self.notification
