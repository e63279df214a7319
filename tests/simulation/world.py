"""What all parts of a simulation share: the dice, the moment, the trace, the history, and what is wrong at present."""

import asyncio
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from chaos.history.records import History
from service.core.jobs.job import Job
from service.telemetry import context, events
from service.telemetry.events import Event
from service.testing.virtual_time import Dice, Process

HAMPERED = 5.0  # seconds for which a fault may be why a container could not say that it lives


class Over(BaseException):
    """The history has ended; nothing has an effect any more."""


@dataclass(slots=True)
class Trap:
    """Do something to the process that makes the next call of `verb`, at that very moment."""

    verb: str
    moment: str  # "before" | "after" its effect
    spring: Callable[[Process], None]


@dataclass(slots=True)
class World:
    """One history in the making."""

    seed: int
    dice: Dice
    history: History = field(default_factory=History)
    hits: Counter[str] = field(default_factory=Counter)  # what really happened, for sometimes-assertions
    trace: list[tuple[float, str, str, dict[str, object]]] = field(default_factory=list)
    traps: list[Trap] = field(default_factory=list)
    excuses: dict[tuple[str, int], str] = field(default_factory=dict)  # (job, attempt): why it could not tidy up
    attempts: dict[tuple[str, int], str] = field(default_factory=dict)  # (job, attempt): the container that began it
    dead: set[str] = field(default_factory=set)  # containers that were killed, or have ended
    slots: dict[str, int] = field(default_factory=dict)  # by container
    cut: dict[str, float] = field(default_factory=dict)  # by container: when its connection to Redis was cut last
    taken_when_cut: int = 0  # takeovers from containers that were cut lately, also if no event tells of them
    needless: list[tuple[str, bool]] = field(
        default_factory=list
    )  # (container, whether it could not say in time that it lives): a job was taken from it while it did
    hampered: dict[str, float] = field(
        default_factory=dict
    )  # by container: when it last was frozen or a call of it hung
    frozen: set[str] = field(default_factory=set)  # containers that are
    apart: dict[str, float] = field(default_factory=dict)  # by container: since when its entry says that it is apart
    renewed_apart: set[tuple[str, int]] = field(default_factory=set)  # (job, attempt): lost although renewed after that
    unheard: list[tuple[str, str]] = field(default_factory=list)  # (container, job): taken for dead all the same
    noise: float = 0.0  # probability that a call to a store goes wrong
    slow_clean_up: float = 0.0  # probability that what a conversion left is not taken back at once
    deaf: float = 0.0  # probability that a client of Redis loses a cancellation
    looks: dict[str, list[tuple[float, str]]] = field(
        default_factory=dict
    )  # by job: when a worker has read it, and which
    over: bool = False
    small_pages: bool = False  # of the janitors
    _count: "itertools.count[int]" = field(default_factory=itertools.count)

    def moment(self) -> float:
        """Now; no two moments are the same."""
        return asyncio.get_running_loop().time() + next(self._count) * 1e-9

    def note(self, what: str, /, **fields: object) -> None:
        """A line of the trace, by the process that runs at the moment."""
        if self.over:
            return
        process = Process.current.get()
        name = process.name if process is not None else "-"
        self.trace.append((asyncio.get_running_loop().time(), name, what, fields))

    def hit(self, what: str) -> None:
        """It happened."""
        if not self.over:
            self.hits[what] += 1

    def on_event(self, event: Event, fields: Mapping[str, object]) -> None:
        """Write what the service logs into the trace."""
        if event is events.UNEXPECTED and not self.over:
            error = fields.get("exc_info")
            if not isinstance(error, Over):
                self.history.surprises.append(f"{fields.get('where')}: {error!r}")
        if event is events.CLEANUP_SLOW:
            self.excuses[str(fields["job_id"]), 0] = "there was no time left to sweep"
        if event is events.JOB_REQUEUED:
            self.hit("a lapsed job went back to the queue")
        if event in (events.JOB_TAKEN_OVER, events.JOB_REQUEUED) and fields["cause"] == "gone" and not self.over:
            successor = int(str(fields["attempt"])) + (event is events.JOB_REQUEUED)
            self._note_heard(str(fields["previous_owner"]), str(fields["job_id"]), successor)
        if event is events.WORKER_APART:
            self.hit("a worker that lives without Redis was not taken for dead")
        if event is events.JOB_TAKEN_FROM_LIVING:
            self.hit("a worker found that it was taken for dead")
            about = context()  # the one that took over may not know: its answer was lost
            self.history.heard.add((str(about["job_id"]), int(str(about["attempt"])) + 1))
        process = Process.current.get()
        if event in (events.JOB_CLAIMED, events.JOB_TAKEN_OVER) and process is not None:
            self.attempts[str(fields["job_id"]), int(str(fields["attempt"]))] = process.name
        if event is not events.JOB_STEP:
            self.note(event.name, **fields)

    def looked(self, jobs: Iterable[Job]) -> None:
        """The process that runs at the moment has read these jobs."""
        if (process := Process.current.get()) is not None:
            for job in jobs:
                self.looks.setdefault(job.job_id, []).append((self.moment(), process.name))

    def _note_heard(self, owner: str, job_id: str, attempt: int) -> None:
        """A takeover because the worker of a job seemed to be gone."""
        self.history.heard.add((job_id, attempt))
        self.hit("a death was heard" if owner in self.dead else "a needless takeover happened")
        if owner in self.dead:
            return
        could_not = owner in self.frozen or self.moment() - self.hampered.get(owner, -math.inf) < HAMPERED
        self.needless.append((owner, could_not))
        if (job_id, attempt) in self.renewed_apart:
            self.unheard.append((owner, job_id))

    def hamper(self, container: str) -> None:
        """This container was frozen, does not hear of its own connection, or a call of it failed or took long."""
        self.hampered[container] = self.moment()

    def check(self) -> None:
        """Raise `Over` if this must not have an effect any more."""
        if self.over:
            raise Over

    def converting(self, process: Process) -> bool:
        """Whether an ffmpeg runs in this process now."""
        return any(one.ended is None and one.via == process.name for one in self.history.conversions)

    def spring(self, verb: str, moment: str) -> None:
        """Set off the traps that were laid for this call."""
        process = Process.current.get()
        if not self.traps or process is None:
            return
        for trap in [trap for trap in self.traps if (trap.verb, trap.moment) == (verb, moment)]:
            self.traps.remove(trap)
            trap.spring(process)

    def render(self) -> str:
        """The trace as text, one line per event."""
        return "\n".join(
            f"{at:9.4f}  {who:<6} {what:<20} "
            + " ".join(f"{name}={shortened(value)}" for name, value in fields.items())
            for at, who, what, fields in self.trace
        )


def shortened(value: object) -> str:
    """A value on a line."""
    text = f"{type(value).__name__}: {value}" if isinstance(value, BaseException) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
