"""What a report shows of a run, worked out before anything is drawn: lanes of jobs and of containers, and faults."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from chaos.history.events import REFUSED, Event, Fault, Operation, Run
from chaos.history.interruptions import Interruption, Span, interruptions, spans
from chaos.history.records import FINAL, History
from chaos.history.translation import history_of
from chaos.verdict import Verdict

Point = tuple[float, float]  # seconds, percent
STATES = {"started": "starting", "ready": "alive", "thawed": "alive", "paused": "paused", "stopped": "stopping"}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """A lane: one job from its submission to its end."""

    number: int
    job_id: str
    begun: float
    ended: float
    state: str
    spans: list[Span]
    interruptions: list[Interruption]
    curve: list[Point]  # what clients were shown, never sorted or smoothed
    refused: list[float]  # when a write of a replaced attempt was refused
    downloads: list[float]
    broken: list[str]

    @property
    def name(self) -> str:
        """How the report calls it."""
        return f"job {self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A stretch of a container's life; `state` is starting, alive, paused, stopping or gone."""

    begun: float
    ended: float
    state: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultView:
    """Harm from its begin to its healing; the same moment twice if it has no duration."""

    begun: float
    ended: float
    name: str
    targets: list[str]
    colour: str
    detail: str


@dataclass(slots=True, kw_only=True)
class View:
    """A whole run."""

    verdict: Verdict
    history: History
    length: float
    operations: dict[str, list[Operation]] = field(default_factory=dict)  # by job id
    containers: dict[str, list[Life]] = field(default_factory=dict)
    jobs: list[JobView] = field(default_factory=list)
    faults: list[FaultView] = field(default_factory=list)

    def colour_of(self, container: str) -> int:
        """Return which of the eight colours a container has."""
        names = list(self.containers)
        return names.index(container) % 8 if container in names else 7


def view_of(events: Sequence[Event], verdict: Verdict) -> View:
    """Return what a report of this run shows."""
    history = history_of(events)
    view = View(verdict=verdict, history=history, length=max(history.ended, 1.0))
    for event in events:
        if isinstance(event, Operation) and event.job_id is not None:
            view.operations.setdefault(event.job_id, []).append(event)
    run = next((one for one in events if isinstance(one, Run)), None)
    named = [] if run is None else run.containers
    seen = sorted({one.name for one in history.lives} | {one.container for one in history.attempts})
    view.containers = {name: _lives(history, name) for name in dict.fromkeys([*named, *seen])}
    view.faults = _faults(history)
    view.jobs = _jobs(view)
    return view


def _lives(history: History, name: str) -> list[Life]:
    """Return its life without holes; a container of which nothing was said lives all the time."""
    lives = sorted((one for one in history.lives if one.name == name), key=lambda one: one.at)
    if not lives:
        return [Life(begun=0.0, ended=history.ended, state="alive", why="")]
    found: list[Life] = []
    for position, life in enumerate(lives):
        after = lives[position + 1].at if position + 1 < len(lives) else history.ended
        why = life.what + (f" ({life.detail})" if life.detail else "")
        found.append(Life(begun=life.at, ended=max(after, life.at), state=STATES.get(life.what, "gone"), why=why))
    return found


def _faults(history: History) -> list[FaultView]:
    """Pair what was injected with its healing."""
    healed = {(one.name, tuple(one.targets)) for one in history.faults if one.phase == "healed"}
    under_way: dict[tuple[str, tuple[str, ...]], Fault] = {}
    found: list[FaultView] = []
    for one in history.faults:
        which = (one.name, tuple(one.targets))
        if one.phase == "injected" and which in healed:
            under_way.setdefault(which, one)
        elif one.phase == "injected":
            found.append(_fault(one, one.at))
        elif which in under_way:
            found.append(_fault(under_way.pop(which), one.at))
    found += [_fault(one, history.ended) for one in under_way.values()]
    return sorted(found, key=lambda one: one.begun)


def _fault(one: Fault, ended: float) -> FaultView:
    return FaultView(
        begun=one.at, ended=ended, name=one.name, targets=one.targets, colour=one.colour, detail=one.detail
    )


def _jobs(view: View) -> list[JobView]:
    """Number the jobs in the order in which they were submitted."""
    history = view.history
    begun: dict[str, float] = {}
    for accepted in history.accepted:
        begun[accepted.job_id] = min(accepted.asked, begun.get(accepted.job_id, accepted.asked))
    for final in history.finals:
        begun.setdefault(final.job_id, 0.0)
    held: dict[str, list[Span]] = defaultdict(list)
    for span in spans(history):
        held[span.job_id].append(span)
        begun.setdefault(span.job_id, span.begun)
    cut: dict[str, list[Interruption]] = defaultdict(list)
    for one in interruptions(history):
        cut[one.job_id].append(one)
    states = {final.job_id: final.state for final in history.finals}
    curves: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    for reading in sorted(history.readings, key=lambda one: one.answered):
        curves[reading.job_id].append((reading.answered, reading.percent, reading.state))
    sentences = [text for check in view.verdict.checks for text in check.broken]
    found = []
    for number, (job_id, at) in enumerate(sorted(begun.items(), key=lambda one: one[1]), start=1):
        ends = [moment for moment, _, state in curves[job_id] if state in FINAL][:1]
        ends += [span.ended for span in held[job_id][-1:]]
        found.append(
            JobView(
                number=number,
                job_id=job_id,
                begun=at,
                ended=max(ends, default=view.length),
                state=states.get(job_id, "deleted"),
                spans=held[job_id],
                interruptions=cut[job_id],
                curve=[(moment, percent) for moment, percent, _ in curves[job_id]],
                refused=[one.at for one in history.attempts if one.job_id == job_id and one.what == REFUSED],
                downloads=[
                    one.answered for one in history.downloads if one.job_id == job_id and one.digest is not None
                ],
                broken=[text for text in sentences if job_id in text],
            )
        )
    return found
