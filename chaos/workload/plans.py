"""What clients do: drawn from the seed before anything happens, so that a run can be repeated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from chaos.ambient import draws

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Mix:
    """
    What a workload is made of; what stands more often in a list is drawn more often.

    Shares are between 0 and 1. `pace` is the range of seconds between a client's jobs.
    """

    inputs: tuple[str, ...]
    conversions: tuple[str, ...]
    routes: tuple[str, ...]
    follow: tuple[str, ...]  # ways to ask, and `events`
    downloads: tuple[str, ...]
    cancel: float = 0.08
    resubmit: float = 0.3
    keyless: float = 0.1  # jobs without an idempotency key
    peek: float = 0.2
    delete: float = 0.08  # jobs that are deleted when they have ended, with their uploads
    pace: tuple[float, float] = (0.0, 0.5)


@dataclass(frozen=True, slots=True)
class JobPlan:
    """One job of one client."""

    number: int
    input: str
    conversion: str
    route: str
    follow: tuple[str, ...]  # in turn
    download: str
    key: str | None
    cancel_at: float | None = None  # percent
    resubmit: bool = False
    peek: bool = False
    delete: bool = False
    pace: float = 0.0
    seed: str = ""  # for what cannot be planned: through which container each request goes


@dataclass(frozen=True, slots=True)
class Workload:
    """So many clients, and at least so many jobs; they go on while there are faults."""

    mix: Mix
    clients: int = 6
    jobs: int = 12
    failures: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by input: what faults may make of its jobs


def plan(seed: int, mix: Mix, number: int) -> JobPlan:
    """Draw job `number` of a run."""
    draw = draws(seed, "job", number)

    def one(values: Sequence[T]) -> T:
        return values[draw.randrange(len(values))]

    keyed = draw.random() >= mix.keyless
    return JobPlan(
        number=number,
        input=one(mix.inputs),
        conversion=one(mix.conversions),
        route=one(mix.routes),
        follow=tuple(one(mix.follow) for _ in range(6)),
        download=one(mix.downloads),
        key=f"key-{seed}-{number}" if keyed else None,
        cancel_at=draw.uniform(0, 60) if draw.random() < mix.cancel else None,
        resubmit=keyed and draw.random() < mix.resubmit,
        peek=draw.random() < mix.peek,
        delete=draw.random() < mix.delete,
        pace=draw.uniform(*mix.pace),
        seed=f"{seed} via {number}",
    )
