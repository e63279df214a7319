"""
How long a holder may believe in its lease, and when a watcher may take it; the reasons are in `core.jobs.lease`.

Both sides count seconds on their own monotonic clock, and neither sees the other's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from service.core import defaults
from service.core.jobs.lease import Holding, Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasePolicy:
    """How long a lease is, how it is renewed, and what becomes of one that keeps lapsing. Times in seconds."""

    duration: float = defaults.LEASE
    heartbeat: float = defaults.HEARTBEAT  # from one renewal to the next
    margin: float = (
        defaults.LEASE / defaults.MARGINS_OF_A_LEASE
    )  # before its end, in which its holder does not rely on it any more
    late_after: float = 2.0  # heartbeats without a renewal: the process was frozen or starved, or the store was slow
    last_try: float = 2.0  # for the one renewal of a worker that overslept its lease
    overslept: float = 1.0  # by so much a time-out comes late only if the process was frozen or starved meanwhile
    ask_for: float = 60.0  # for which a worker without trust pauses and asks whether it was replaced
    ask_pause: float = 1.0  # between two such questions
    max_lapses: int = 5  # attempts that end without a word before the job itself is taken for the cause
    max_takeovers: int = 15  # the same, with those that something else explains: a bound for the mistaken explanation
    max_mistaken: int = 3  # workers that lived, after which only silence counts and not that one seems to be gone

    def too_many(self, lapses: int, excused: int = 0) -> bool:
        """Tell whether no other attempt is to follow after so many that lapsed, and so many that were excused."""
        return lapses >= self.max_lapses or lapses + excused >= self.max_takeovers

    def problems(self) -> tuple[str, ...]:
        """Return what is wrong with these numbers, one phrase each; empty if they fit together."""
        found = []
        if self.heartbeat <= 0:
            found.append(f"heartbeat must be above 0 s, not {self.heartbeat:g} s")
        if self.heartbeat > self.duration / 3:
            found.append(f"heartbeat ({self.heartbeat:g} s) must be at most a third of the lease ({self.duration:g} s)")
        if not 0 < self.margin < self.duration / 2:
            found.append(f"margin ({self.margin:g} s) must lie between 0 and half of the lease ({self.duration:g} s)")
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Trust:
    """A holding, and until when (monotonic seconds) its holder may believe in it."""

    holding: Holding
    sent_at: float
    policy: LeasePolicy

    @property
    def trusted_until(self) -> float:
        """``sent_at + duration - margin``, in monotonic seconds."""
        return self.sent_at + self.policy.duration - self.policy.margin

    def remaining(self, now: float) -> float:
        """Return seconds of trust left; zero or less when the holder must stop."""
        return self.trusted_until - now

    def renewed(self, sent_at: float) -> Self:
        """Return the same holding after a renewal that was sent at `sent_at`; never earlier than before."""
        return replace(self, sent_at=max(self.sent_at, sent_at))


@dataclass(frozen=True, slots=True)
class Sighting:
    """
    A pair (attempt, beat), and since when (monotonic seconds) this watcher has seen it, by its own waking time.

    `still`: seconds for which it was seen to stand still so far; `before`: the most of that for an earlier beat of the
    same attempt.
    """

    attempt: int
    beat: int
    since: float
    still: float = 0.0
    before: float = 0.0

    def late_before(self, seconds: float) -> bool:
        """Tell whether an earlier beat of this attempt came so late: its worker is frozen or starved now and then."""
        return self.before >= seconds


def sight(
    before: Mapping[str, Sighting], running: Iterable[Lease], now: float, duration: float, unseen: float = 0.0
) -> tuple[dict[str, Sighting], list[Lease]]:
    """
    Look at the running leases once more.

    Args:
        before: what was remembered after the last look, by key.
        running: the leases as they are, read strongly consistently.
        now: monotonic seconds, taken *after* `running` was read. A pair counts from a moment at which it certainly was
            there already, so that a slow read makes a takeover late and never early.
        duration: of the lease, in seconds.
        unseen: seconds since the last look in which this watcher should have looked and did not: it was frozen or
            starved, and so may the holders have been. They do not count, so that a holder that wakes up with its
            watcher has time to renew.

    Returns the new memory, and the leases whose pair has not changed for a whole `duration`.
    """
    after: dict[str, Sighting] = {}
    lapsed: list[Lease] = []
    for lease in running:
        seen = before.get(lease.key)
        if seen is None or seen.attempt != lease.attempt:
            seen = Sighting(lease.attempt, lease.beat, now)
        elif seen.beat != lease.beat:
            seen = Sighting(lease.attempt, lease.beat, now, before=max(seen.before, seen.still))
        else:
            since = seen.since + unseen
            seen = replace(seen, since=since, still=now - since)
        if now - seen.since >= duration:
            lapsed.append(lease)
        after[lease.key] = seen
    return after, lapsed


def troubled_owners(running: Iterable[Lease], memory: Mapping[str, Sighting], now: float, duration: float) -> set[str]:
    """Return the workers of which more than one lease stands still: what they have in common is no file."""
    still = [
        lease.owner
        for lease in running
        if lease.owner is not None and lease.key in memory and now - memory[lease.key].since >= duration / 2
    ]
    return {owner for owner in still if still.count(owner) > 1}


def next_look(memory: Mapping[str, Sighting], now: float, duration: float, interval: float) -> float:
    """Return seconds until it is worth looking again: `interval`, or sooner if a lease would lapse before that."""
    return min([interval, *(max(0.0, seen.since + duration - now) for seen in memory.values())])
