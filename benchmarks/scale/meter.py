"""
What the fleet asks of DynamoDB: read and write units by operation and by partition, and what is refused as too much.

A partition takes 3,000 read units and 1,000 write units a second ("Best practices for designing and using partition
keys effectively"). A shard of the index is one partition, because all its entries have one key. What it saves up for
bursts is not counted on: the guide says that background work may use it up.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

READS, WRITES = 3000.0, 1000.0  # units a second of one partition
TABLE = "table"  # all partitions of the table: its keys are random, so none of them is hot


@dataclass(slots=True)
class Tally:
    """Calls, and the units that they consumed."""

    calls: int = 0
    refused: int = 0  # conditional writes whose condition did not hold; they are billed all the same
    reads: float = 0.0
    writes: float = 0.0

    def add(self, reads: float, writes: float) -> None:
        """Count units."""
        self.reads += reads
        self.writes += writes


@dataclass(slots=True)
class Load(Tally):
    """Of one partition: in all, and in the busiest second."""

    second: int = -1
    now: Tally = field(default_factory=Tally)
    peak: Tally = field(default_factory=Tally)

    def at(self, moment: float, reads: float, writes: float) -> None:
        """Count units at a moment in seconds."""
        if int(moment) != self.second:
            self.second, self.now = int(moment), Tally()
        self.add(reads, writes)
        self.now.add(reads, writes)
        self.peak.reads = max(self.peak.reads, self.now.reads)
        self.peak.writes = max(self.peak.writes, self.now.writes)


class Meter:
    """One for all workers. `time` returns seconds; nothing is counted before `begin`, but limits hold."""

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._left: dict[tuple[str, bool], tuple[float, float]] = {}  # (partition, write) → units at a moment
        self._closed: dict[str, float] = {}  # partition → until when it refuses everything
        self.counting = False
        self.operations: dict[str, Tally] = {}
        self.partitions: dict[str, Load] = {}
        self.throttled = 0

    def begin(self) -> None:
        """Count from now on."""
        self.counting = True
        self.operations, self.partitions, self.throttled = {}, {}, 0

    def end(self) -> None:
        """Count no more."""
        self.counting = False

    # ── limits ───────────────────────────────────────────────────────────────────────────────────────────────────

    def close(self, partition: str, seconds: float) -> None:
        """Let a partition refuse everything for so long, as a hot one does."""
        self._closed[partition] = self._time() + seconds

    def admits(self, partitions: Iterable[str], *, write: bool) -> bool:
        """Tell whether a request would be served now; if not, it counts as throttled."""
        if all(self._open(name) and self._units_left(name, write=write) > 0 for name in partitions):
            return True
        self.throttled += self.counting
        return False

    def _open(self, partition: str) -> bool:
        return self._closed.get(partition, 0.0) <= self._time()

    def _units_left(self, partition: str, *, write: bool) -> float:
        most = WRITES if write else READS
        left, at = self._left.get((partition, write), (most, self._time()))
        return min(most, left + (self._time() - at) * most)

    # ── counting ─────────────────────────────────────────────────────────────────────────────────────────────────

    def charge(
        self,
        operation: str,
        *,
        reads: float = 0.0,
        writes: float = 0.0,
        index_reads: Mapping[str, float] | None = None,
        index_writes: Iterable[str] = (),
        refused: bool = False,
    ) -> None:
        """
        Count one call: units of the table, and of the index by partition.

        `index_reads` are units, `index_writes` names a partition once for each unit.
        """
        of_index = [(name, units, 0.0) for name, units in (index_reads or {}).items()]
        of_index += [(name, 0.0, 1.0) for name in index_writes]
        for name, read, write in of_index:
            self._use(name, read, write)
        if not self.counting:
            return
        tally = self.operations.setdefault(operation, Tally())
        tally.calls += 1
        tally.refused += refused
        for name, read, write in [(TABLE, reads, writes), *of_index]:
            if read or write:
                tally.add(read, write)
                self.partitions.setdefault(name, Load()).at(self._time(), read, write)

    def _use(self, partition: str, reads: float, writes: float) -> None:
        for units, write in ((reads, False), (writes, True)):
            if units:
                left = self._units_left(partition, write=write) - units
                self._left[partition, write] = left, self._time()

    @property
    def total(self) -> Tally:
        """All units that were counted."""
        sum_of = Tally()
        for tally in self.operations.values():
            sum_of.calls += tally.calls
            sum_of.refused += tally.refused
            sum_of.add(tally.reads, tally.writes)
        return sum_of
