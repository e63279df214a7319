"""Where the first limit is: what each part of DynamoDB takes, what the fleet asks of it, and which setting moves it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.scale.meter import READS, TABLE, WRITES
from benchmarks.scale.results import Result
from service.core.jobs.queue import QUEUED, RUNNING, SHARDS

QUOTA = 40_000.0  # read units, and write units, a second of one table: the default quota of an account


@dataclass(frozen=True, slots=True)
class Limit:
    """One part, what it takes in a second, and what moves it."""

    what: str
    partitions: str  # the beginning of the names of the partitions
    most: float
    moved_by: str
    write: bool = False


SHARD_SETTING = f"`SHARDS` ({SHARDS}) in `service/core/jobs/queue.py`"
LIMITS = (
    Limit("reads of a shard of the queue", QUEUED, READS, f"{SHARD_SETTING}, and `WINDOW`: what one look reads"),
    Limit("writes of a shard of the queue", QUEUED, WRITES, SHARD_SETTING, write=True),
    Limit("reads of a shard of what runs", RUNNING, READS, f"{SHARD_SETTING}, and how often workers list it"),
    Limit("writes of a shard of what runs", RUNNING, WRITES, SHARD_SETTING, write=True),
    Limit("reads of the table", TABLE, QUOTA, "a quota of the account"),
    Limit("writes of the table", TABLE, QUOTA, "`REPRISE_HEARTBEAT`, and a quota of the account", write=True),
)


@dataclass(frozen=True, slots=True)
class Use:
    """How much of a limit a scene uses: in the busiest second of the busiest partition."""

    limit: Limit
    result: Result
    units: float

    @property
    def share(self) -> float:
        """Of what there is."""
        return self.units / self.limit.most


def uses(result: Result) -> Iterator[Use]:
    """Return how much a scene uses of each limit."""
    for limit in LIMITS:
        found = [one for name, one in result.partitions.items() if name.startswith(limit.partitions)]
        yield Use(limit, result, max((it.peak_writes if limit.write else it.peak_reads for it in found), default=0.0))


def first(results: Sequence[Result]) -> Use:
    """Return the limit that is nearest, in whichever of these scenes."""
    return max((use for result in results for use in uses(result)), key=lambda use: use.share)


def workers_at(smaller: Result, larger: Result, limit: Limit) -> float:
    """Return at how many workers a limit would be reached, if what is used grows on as between these two sizes."""
    units = [use.units for result in (smaller, larger) for use in uses(result) if use.limit is limit]
    if not units[0] or units[1] <= units[0]:
        return math.inf
    power = math.log(units[1] / units[0]) / math.log(larger.workers / smaller.workers)
    return float(larger.workers * (limit.most / units[1]) ** (1 / power))


def balance(result: Result, queue: str) -> float:
    """Return what the busiest shard of a queue wrote, as a multiple of the average; 1 is even, 0 if none wrote."""
    writes = [one.writes for name, one in result.partitions.items() if name.startswith(queue)]
    return max(writes) * SHARDS / sum(writes) if sum(writes) else 0.0
