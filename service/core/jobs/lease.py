"""
The lease: which worker may work on something, and how another one notices that it may.

Leased is a job today; nothing here knows more of it than a key.

What is authoritative
    The record in the store, and nothing else. A worker holds the lease if, and only if, the record says
    ``state = running, owner = me, attempt = mine``. Every write of a worker carries that condition (the *fence*),
    so it does not matter what a worker believes: a mistaken one is refused.

The fencing token
    ``attempt`` rises with every claim and takeover and never falls. A worker that was frozen, replaced and thawed still
    carries the old number; it can write nothing, and the object it may have finished lies under a key that contains
    the old number and that no record names.

Heartbeats
    The holder *renews* at least every ``heartbeat`` seconds, which makes ``beat`` rise. There is no expiry time in the
    record: a time written by one machine and judged by another would make promptness, and the count of lapsed
    attempts, depend on two clocks agreeing. Instead a watcher remembers *when it saw* a pair (attempt, beat) first, on
    its own monotonic clock. The same pair still there a whole lease later means that no renewal came for a whole lease;
    the takeover is conditional on that very pair, so that a renewal in the last moment wins.

Trust ends earlier
    The holder pauses by itself when it could not renew::

        trusted_until = sent_at + duration - margin

    ffmpeg stands still then, and the holder goes on renewing under its fencing token: a refusal ends the attempt, a
    success resumes it. An output that is stored is recorded without trust, too, because the fence decides.

    ``sent_at`` is when the last good renewal was *sent*: a slow success does not stretch the lease. A watcher cannot
    have seen that renewal before it was sent, so it cannot take over before ``sent_at + duration``: a holder whose
    process runs at all has paused ``margin`` seconds before. One that does not run (frozen, or without a processor)
    is what the fence is for (`core.jobs.trust`).

What each failure does
    ===========================  ====================================================================================
    holder killed                its beat stands still; taken over after one lease as seen by the first watcher, or at
                                 once if Redis shows that it is gone (`core.jobs.presence`); given back to the queue if
                                 its watchers have no slot free
    holder told to stop          it releases: back to ``queued`` at once, without counting as a lapse
    holder cut off from store    it pauses by itself before its lease ends, and asks until it hears that it was
                                 replaced, or was not and goes on
    holder frozen and thawed     the same; if it was replaced, it is refused at its next write, stops its ffmpeg and
                                 cleans up what is its own
    watcher frozen               sees a new beat or attempt when it wakes, and starts to count anew; if the holder was
                                 frozen with it, the time in which it did not look does not count
    clocks wrong                 nothing: only differences on one monotonic clock are used
    ===========================  ====================================================================================

    `LeasePolicy.max_lapses` lapsed attempts end a job as `attempts_exhausted`: a file that kills its container stops
    travelling. A frozen or starved host is no such file. So a lapse does not count if the worker gave the job back
    when it knew that its trust had ended, if it renewed late before it fell silent, if another job of the same worker
    stood still with it, or if the attempt had lasted clearly longer or less long than the one that lapsed before: a
    file ends each of its workers at about the same point (`Lease.lapsed_elsewhere`). Of these it takes
    `LeasePolicy.max_takeovers`. A worker that is refused while it trusts its lease was taken for dead by mistake, and
    notes that in the record: this lapse does not count either.

States
    ::

                    submit                claim                         succeed | fail
         (none) ───────────▶ queued ───────────────▶ running ──────────────────────────▶ succeeded | failed
                               ▲ │                   ▲  │  │
                               │ │ cancel    take over└──┘  │ release (shutdown, passing fault),
                               └─┼──────────────────────────┘ requeue (lapsed, and its watchers are busy)
                                 ▼                       │ stop (the worker saw the request to cancel)
                             cancelled ◀─────────────────┘

    `TRANSITIONS` is that picture as data, and the methods of `Lease` are the only way along an arrow.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from service.core.errors import IllegalTransition


class State(StrEnum):
    """Where a job, or a segment of one, is."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL: frozenset[State] = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})


class Event(StrEnum):
    """What can happen to it after it was submitted."""

    CLAIM = "claim"
    TAKE_OVER = "take_over"
    RENEW = "renew"
    RELEASE = "release"
    REQUEUE = "requeue"
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
    (State.RUNNING, Event.REQUEUE): State.QUEUED,
    (State.RUNNING, Event.SUCCEED): State.SUCCEEDED,
    (State.RUNNING, Event.FAIL): State.FAILED,
    (State.RUNNING, Event.STOP): State.CANCELLED,
    (State.RUNNING, Event.CANCEL): State.RUNNING,  # only noted; the holder of the lease acts on it
    (State.RUNNING, Event.EXHAUST): State.FAILED,
}


@dataclass(frozen=True, slots=True)
class Holding:
    """The exact lease that a write speaks for: `attempt` is the fencing token and only ever rises."""

    key: str
    owner: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """
    The part of a record that decides which worker may write to it. `due_at`: seconds since the epoch (UTC).

    The methods compute what a store writes, under a condition that makes it atomic. They raise `IllegalTransition`
    where the picture has no arrow.
    """

    key: str  # the id of what is leased
    state: State = State.QUEUED
    due_at: float = 0.0  # not to be claimed before; once it is final, when its notification is due
    owner: str | None = None
    attempt: int = 0
    beat: int = 0  # renewals in this attempt
    lapses: int = 0  # takeovers: attempts that ended without a word, and nothing but the job explains it
    excused: int = 0  # takeovers that something else explains
    faults: int = 0  # attempts that ended in a passing fault
    alive: int = 0  # the last attempt whose worker found that it was taken over while it lived
    mistaken: int = 0  # how many workers found that
    lived: int = 0  # renewals of the attempt that lapsed last

    @property
    def final(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self.state in FINAL

    @property
    def holding(self) -> Holding:
        """What its holder's writes speak for; raises `IllegalTransition` if no worker holds it."""
        if self.state is not State.RUNNING or self.owner is None:
            raise IllegalTransition(f"a lease that is {self.state} has no holder")
        return Holding(self.key, self.owner, self.attempt)

    def held_by(self, holding: Holding) -> bool:
        """Tell whether `holding` is the current one: the fence that every write of a worker has to pass."""
        return (
            self.state is State.RUNNING
            and self.key == holding.key
            and self.owner == holding.owner
            and self.attempt == holding.attempt
        )

    @property
    def lapsed_elsewhere(self) -> bool:
        """
        Whether this attempt, if it has lapsed, did so at another point than the one that lapsed before.

        A point is a number of renewals, because the record does not tell the progress of an attempt that is behind an
        earlier one. They are due by time, and sooner where a conversion is quick: a quarter more or less is the same.
        """
        return self.lapses + self.excused > 0 and abs(self.beat - self.lived) > max(1, self.lived // 4)

    def claimed(self, owner: str) -> Self:
        """Take it from the queue for a worker."""
        return self._step(Event.CLAIM, owner=owner, attempt=self.attempt + 1, beat=0)

    def taken_over(self, owner: str, *, excused: bool = False) -> Self:
        """Take it for another worker, after it lapsed; `excused` if that does not count against what is leased."""
        return self._lapsed(Event.TAKE_OVER, excused=excused, owner=owner, attempt=self.attempt + 1, beat=0)

    def requeued(self, *, excused: bool = False) -> Self:
        """Give it back by a watcher, after it lapsed; `excused` if that does not count against what is leased."""
        return self._lapsed(Event.REQUEUE, excused=excused, owner=None)

    def renewed(self) -> Self:
        """Note that its holder is alive."""
        return self._step(Event.RENEW, beat=self.beat + 1)

    def found_alive(self, attempt: int) -> Self:
        """
        Note that this attempt was taken over, or given back, while its worker lived. A lapse that counts is taken back.

        Safe to repeat. Nothing changes if the attempt is the present one, or an earlier one than was noted before.
        """
        replaced = attempt < self.attempt or (attempt == self.attempt and self.state is State.QUEUED)
        if self.final or not replaced or attempt <= self.alive:
            return self
        counted = min(1, self.lapses)
        return dataclasses.replace(
            self,
            alive=attempt,
            mistaken=self.mistaken + 1,
            lapses=self.lapses - counted,
            excused=self.excused + counted,
        )

    def released(self, due_at: float, *, fault: bool) -> Self:
        """Give it back: at shutdown, or (`fault`) because of something that may pass."""
        return self._step(Event.RELEASE, owner=None, due_at=due_at, faults=self.faults + fault)

    def ended(self, event: Event) -> Self:
        """End it for its holder: `SUCCEED`, `FAIL` or `STOP`."""
        return self._step(event, owner=None)

    def exhausted(self) -> Self:
        """End it for a watcher, because too many attempts have lapsed."""
        return self._step(Event.EXHAUST, owner=None, lapses=self.lapses + 1)

    def cancelled(self) -> Self:
        """End it if it is queued; a running one stays with its holder, which acts on the wish."""
        return self._step(Event.CANCEL)

    def _lapsed(self, event: Event, *, excused: bool, **changes: object) -> Self:
        lapses, excuses = self.lapses + (not excused), self.excused + excused
        return self._step(event, lapses=lapses, excused=excuses, lived=self.beat, **changes)

    def _step(self, event: Event, **changes: object) -> Self:
        state = TRANSITIONS.get((self.state, event))
        if state is None:
            raise IllegalTransition(f"a lease that is {self.state} cannot {event}")
        return dataclasses.replace(self, state=state, **changes)  # type: ignore[arg-type]  # names are checked at run time
