"""The figures of a scene, as values and as JSON; and what follows from them: units an hour, money, shares."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.scale.meter import Meter
from benchmarks.scale.scenes import Scene
from benchmarks.scale.watching import Watching, part
from infra.costs.prices import usd

CPU, MEMORY = 1.0, 2.0  # vCPU and GB of a worker


@dataclass(frozen=True, slots=True)
class Units:
    """Of one operation or partition. The peaks are those of the busiest second, and of partitions alone."""

    calls: int
    refused: int
    reads: float
    writes: float
    peak_reads: float = 0.0
    peak_writes: float = 0.0


@dataclass(frozen=True, slots=True)
class Spread:
    """How many there were, and seconds."""

    count: int
    p50: float
    p99: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one scene has come to. Times in seconds."""

    scene: str
    workers: int
    seconds: float
    busy_seconds: float  # in which a worker converted, summed over the workers
    jobs: int  # that succeeded
    waiting: int  # at the beginning
    operations: Mapping[str, Units]
    partitions: Mapping[str, Units]
    throttled: int
    claims: int
    conflicts: int
    takeovers: int
    needless: int
    waits: Spread
    overtaken: Spread  # how long a job waited on after one was claimed that came more than five seconds later
    unwatched: Spread  # for each job, the longest time in which no other worker looked at it
    killed: Spread  # from the death of its worker to the next attempt
    stopped: Spread

    # ── what follows ─────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def worker_hours(self) -> float:
        """How many of them were measured."""
        return self.workers * self.seconds / 3600

    @property
    def reads(self) -> float:
        """Read units, all in all."""
        return sum(one.reads for one in self.operations.values())

    @property
    def writes(self) -> float:
        """Write units, all in all."""
        return sum(one.writes for one in self.operations.values())

    @property
    def usd_state(self) -> float:
        """What they cost."""
        return usd_of(self.reads, self.writes)

    @property
    def usd_compute(self) -> float:
        """What Fargate costs in the same time, on demand."""
        return self.worker_hours * usd_of_worker_hour()

    @property
    def state_share(self) -> float:
        """What state costs, as a share of what compute costs."""
        return self.usd_state / self.usd_compute

    @property
    def conflict_share(self) -> float:
        """Refused claims among all claims."""
        return self.conflicts / max(1, self.claims + self.conflicts)


def usd_of(reads: float, writes: float) -> float:
    """Return what units of DynamoDB cost on demand."""
    return usd("dynamodb-read", reads) + usd("dynamodb-write", writes)


def usd_of_worker_hour() -> float:
    """Return what an hour of one worker's Fargate task costs on demand."""
    return usd("fargate-vcpu", CPU) + usd("fargate-gb", MEMORY)


def result_of(scene: Scene, seconds: float, busy_seconds: float, meter: Meter, watching: Watching) -> Result:
    """Put together what was counted."""
    return Result(
        scene=scene.name,
        workers=scene.workers,
        seconds=round(seconds, 3),
        busy_seconds=round(busy_seconds, 1),
        jobs=watching.succeeded,
        waiting=scene.waiting,
        operations={
            name: Units(one.calls, one.refused, one.reads, one.writes) for name, one in sorted(meter.operations.items())
        },
        partitions={
            name: Units(one.calls, one.refused, one.reads, one.writes, one.peak.reads, one.peak.writes)
            for name, one in sorted(meter.partitions.items())
        },
        throttled=meter.throttled,
        claims=watching.claims,
        conflicts=watching.conflicts,
        takeovers=watching.takeovers,
        needless=watching.needless,
        waits=spread(watching.waits),
        overtaken=spread(watching.overtaken),
        unwatched=spread(watching.unwatched),
        killed=spread(watching.recoveries["killed"]),
        stopped=spread(watching.recoveries["stopped"]),
    )


def spread(values: Sequence[float]) -> Spread:
    """Return the number, median, 99th percentile and maximum."""
    return Spread(
        len(values), round(part(values, 0.5), 3), round(part(values, 0.99), 3), round(max(values, default=0.0), 3)
    )


def write(path: Path, results: Iterable[Result]) -> None:
    """Write results as JSON, one line for each scene."""
    lines = ",\n".join(json.dumps(asdict(one), sort_keys=True) for one in results)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def read(path: Path) -> tuple[Result, ...]:
    """Read what `write` wrote."""
    return tuple(_result(one) for one in json.loads(path.read_text(encoding="utf-8")))


def _result(values: Mapping[str, object]) -> Result:
    fields = dict(values)
    for name in ("operations", "partitions"):
        fields[name] = {key: Units(**units) for key, units in fields[name].items()}  # type: ignore[attr-defined]
    for name in ("waits", "overtaken", "unwatched", "killed", "stopped"):
        fields[name] = Spread(**fields[name])  # type: ignore[arg-type]
    return Result(**fields)  # type: ignore[arg-type]
