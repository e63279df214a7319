"""What workers know of each other: an entry of each on a ring, and the running jobs of others."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from service.core.jobs.job import Job
from service.core.jobs.ring import Entry, Place


class Workers(Protocol):
    """
    The ring of `core.jobs.ring`, and how a watcher reads what others are running.

    What is read here may be a moment old (eventually consistent), which costs half. That is safe, because nothing is
    written on the strength of it but a takeover under the condition that (attempt, beat) is still what was seen. Such a
    pair never comes back once it has changed. So if it was read at one moment, and the condition holds at a later one,
    it has stood all the time in between, and no renewal has come. An old answer makes a takeover late, never early.
    """

    async def enter(self, entry: Entry) -> None:
        """Write one's own entry. One with a lower or the same `beat` that arrives late changes nothing."""

    async def remove(self, entry: Entry) -> None:
        """Take an entry off the ring unless its `beat` has changed; no error if it has, or if there is none."""

    async def before(self, position: int, limit: int) -> Sequence[Place]:
        """Return the places before this position, nearest first, once round at the most; not what is at it."""

    async def entries(self, instances: Sequence[str], *, strongly: bool = False) -> Sequence[Entry]:
        """Return the entries of these workers, as far as they are on the ring; `strongly` consistent if need be."""

    async def running_keys(self) -> Sequence[str]:
        """Return the keys of all running jobs."""

    async def glance(self, keys: Sequence[str], *, strongly: bool = False) -> Mapping[str, Job]:
        """Return those jobs that exist and can be read, by key; `strongly` consistent if need be."""
