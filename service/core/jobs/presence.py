"""
Which workers are gone, by what Redis says about their connections: a hint that a lease need not be waited for.

Each worker keeps one subscription of its own open in Redis. The kernel closes the connection of a process that dies,
and Redis forgets the subscription at that moment; a frozen process keeps it. So a watcher that saw a worker there, and
does not any more, has a reason to believe that it is dead.

A reason, and no proof: the connection may have been cut, and the worker may be about to connect again. So an absence
counts when two looks show it that are a grace apart. A worker that is not back well before that says in its entry that
it lives apart from Redis; such an absence does not count, and the lease is waited for. What is taken over is taken
under the condition of every takeover. A mistake costs a needless takeover and nothing else.

The hint is void, and everything that was seen is forgotten, when absences have another explanation: the watcher has
lost its own connection or Redis has been restarted (another `epoch`), Redis does not answer (no `Look`), more than a
share of all watched workers are away at once, or the watcher itself did not look for a while.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from service.core.jobs.lease import Lease


@dataclass(frozen=True, slots=True)
class Look:
    """
    What one look at Redis has shown: which of the workers that were asked about are connected.

    What was seen under another `epoch` is no evidence of an absence in this one.
    """

    epoch: str
    present: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PresencePolicy:
    """How often a watcher looks, and what it believes. Times in seconds."""

    every: float = 0.15  # from one look to the next, while others run jobs that are watched
    every_idle: float = 0.5  # else; so that a worker is known that dies right after its first claim
    grace: float = 0.35  # between two looks that show an absence: a worker whose connection was cut is back by then
    share: float = 0.5  # of the watched workers: if more of them are away at once, it is not they that have a problem
    stale: float = 1.5  # from one look to the next: a watcher that was frozen has missed what happened meanwhile
    remembered: float = 30.0  # for which a worker that holds nothing any more is asked about: its next job may be new


@dataclass(frozen=True, slots=True)
class Memory:
    """
    What a watcher has seen in the present epoch: who was there, and since when some are not.

    Times in monotonic seconds; `at` is that of the last answer.
    """

    epoch: str = ""
    at: float = 0.0
    seen: frozenset[str] = frozenset()
    missing: Mapping[str, float] = field(default_factory=dict)


NOTHING = Memory()


def recall(
    before: Memory, look: Look | None, asked: AbstractSet[str], sent: float, now: float, policy: PresencePolicy
) -> tuple[Memory, frozenset[str]]:
    """
    Look once more.

    Args:
        before: what was remembered after the last look.
        look: what this one has shown; None if the hint is void.
        asked: the workers that it was about; others are forgotten.
        sent: monotonic seconds at which Redis was asked.
        now: the same after its answer. A grace begins at an answer and ends at a question, so that a watcher which is
            frozen between the two does not take its own sleep for it.
        policy: what to believe.

    Returns the new memory, and the workers that are gone. Each is returned once, and has to be seen again before it can
    be gone again: a worker that lives without Redis loses its jobs once at most.
    """
    if look is None:
        return NOTHING, frozenset()
    if look.epoch != before.epoch or sent - before.at > policy.stale:
        return Memory(look.epoch, now, look.present & asked), frozenset()
    seen = (before.seen | look.present) & asked
    missing = {name: before.missing.get(name, now) for name in sorted(seen - look.present)}
    if len(missing) > 1 and len(missing) > policy.share * len(seen):
        return NOTHING, frozenset()
    gone = frozenset(name for name, since in missing.items() if sent - since >= policy.grace)
    return Memory(look.epoch, now, seen - gone, {name: missing[name] for name in missing if name not in gone}), gone


def next_in(memory: Memory, now: float, policy: PresencePolicy, *, busy: bool) -> float:
    """Return seconds until the next look: when the grace of one that is missing is over, or by the usual interval."""
    usual = policy.every if busy or memory.missing else policy.every_idle
    return min([usual, *(max(0.0, since + policy.grace - now) for since in memory.missing.values())])


def owners_of_several(leases: Iterable[Lease]) -> set[str]:
    """Return the workers that hold more than one of these: if they died, no single file is the reason."""
    owners = [lease.owner for lease in leases if lease.owner is not None]
    return {owner for owner in owners if owners.count(owner) > 1}
