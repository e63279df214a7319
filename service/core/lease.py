"""
Who may work on a job, and how another one notices that it may.

Who is authoritative
    The job's record in the store, and nothing else. A worker holds a job if, and only if, the record says
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
    its own monotonic clock. The same pair still there a whole lease later means that nobody renewed for a whole lease;
    the takeover is conditional on that very pair, so that a renewal in the last moment wins.

Trust ends earlier
    The holder stops by itself when it could not renew::

        trusted_until = sent_at + duration - margin

    ``sent_at`` is when the last good renewal was *sent*: a slow success does not stretch the lease. A watcher cannot
    have seen that renewal before it was sent, so it cannot take over before ``sent_at + duration``: a holder whose
    process runs at all has stopped ``margin`` seconds before. One that does not run (frozen, or without a processor)
    is what the fence is for.

What each failure does
    ===========================  ====================================================================================
    holder killed                its beat stands still; taken over after one lease as seen by the first watcher
    holder told to stop          it releases: back to ``queued`` at once, without counting as a lapse
    holder cut off from store    it stops by itself before its lease ends; taken over like a killed one
    holder frozen and thawed     refused at its next write; it stops its ffmpeg and cleans up what is its own
    watcher frozen               sees a new beat or attempt when it wakes, and starts to count anew
    clocks wrong                 nothing: only differences on one monotonic clock are used
    ===========================  ====================================================================================

    ``MAX_LAPSES`` lapsed attempts end a job as `attempts_exhausted`: a file that kills its container stops travelling.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from service.core import defaults
from service.core.job import Holding, Job

MAX_LAPSES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasePolicy:
    """How long a lease is, how often it is renewed, and how long before its end trust ends; in seconds."""

    duration: float = defaults.LEASE
    heartbeat: float = defaults.HEARTBEAT
    margin: float = defaults.LEASE / defaults.MARGINS_OF_A_LEASE

    def problems(self) -> tuple[str, ...]:
        """What is wrong with these numbers, one phrase each; empty if they fit together."""
        found = []
        if self.heartbeat <= 0:
            found.append(f"heartbeat must be above 0 s, not {self.heartbeat:g} s")
        if self.heartbeat > self.duration / 3:
            found.append(f"heartbeat ({self.heartbeat:g} s) must be at most a third of the lease ({self.duration:g} s)")
        if not 0 < self.margin < self.duration / 2:
            found.append(f"margin ({self.margin:g} s) must lie between 0 and half of the lease ({self.duration:g} s)")
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Lease:
    """A holding, and until when (monotonic seconds) its holder may believe in it."""

    holding: Holding
    sent_at: float
    policy: LeasePolicy

    @property
    def trusted_until(self) -> float:
        """``sent_at + duration - margin``, in monotonic seconds."""
        return self.sent_at + self.policy.duration - self.policy.margin

    def remaining(self, now: float) -> float:
        """Seconds of trust left; zero or less when the holder must stop."""
        return self.trusted_until - now

    def renewed(self, sent_at: float) -> Self:
        """The same holding after a renewal that was sent at `sent_at`; never earlier than before."""
        return replace(self, sent_at=max(self.sent_at, sent_at))


@dataclass(frozen=True, slots=True)
class Sighting:
    """A (attempt, beat) pair, and when (monotonic seconds, our clock) we saw it first."""

    attempt: int
    beat: int
    since: float


def sight(
    before: Mapping[str, Sighting], running: Iterable[Job], now: float, duration: float
) -> tuple[dict[str, Sighting], list[Job]]:
    """
    Look at the running jobs once more.

    Args:
        before: what was remembered after the last look, by job id.
        running: the jobs as they are, read strongly consistently.
        now: monotonic seconds, taken *after* `running` was read: a pair counts from a moment at which it certainly was
        there
            already, so that a slow read makes us late and never early.
        duration: the lease in seconds.

    Returns the new memory, and the jobs whose pair has not changed for a whole lease.
    """
    after: dict[str, Sighting] = {}
    lapsed: list[Job] = []
    for job in running:
        seen = before.get(job.job_id)
        if seen is None or (seen.attempt, seen.beat) != (job.attempt, job.beat):
            seen = Sighting(job.attempt, job.beat, now)
        elif now - seen.since >= duration:
            lapsed.append(job)
        after[job.job_id] = seen
    return after, lapsed


def next_look(memory: Mapping[str, Sighting], now: float, duration: float, interval: float) -> float:
    """Seconds until it is worth looking again: `interval`, or sooner if a lease would lapse before that."""
    return min([interval, *(max(0.0, seen.since + duration - now) for seen in memory.values())])
