"""
Interruptions: a container was killed, paused or stopped while an attempt ran in it, and what came of that.

From the containers' own records of attempts (`Attempt`) and the lives of containers.
"""

from collections import defaultdict
from dataclasses import dataclass

from chaos.history.events import CLAIMED, HEALED, INJECTED, LOST, REFUSED, RELEASED, RESUMED, TAKEN_OVER, Attempt, Fault
from chaos.history.records import FINAL, History

BEGINS = frozenset({CLAIMED, TAKEN_OVER, RESUMED})
ENDS = frozenset({"ended", LOST, REFUSED, RELEASED})
LEASE = 6.0  # seconds
STRIKE = 2.0  # seconds between the record of a fault and that of what it did to a container
HARM = frozenset({"killed", "paused", "stopped", "exited"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """An attempt from its begin to its end in one container; `ending` is "" while it ran when the record ends."""

    job_id: str
    attempt: int
    container: str
    how: str  # claimed | taken_over | resumed
    begun: float
    ended: float
    ending: str  # ended | lost | refused | released | killed | exited | replaced | ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interruption:
    """
    An attempt was cut short at `at`.

    `recovered` is when the job was held again or had ended, `percent` what clients had last been shown, `caught_up`
    when they were shown more. Seconds; None where it did not happen.
    """

    job_id: str
    attempt: int
    container: str
    cause: str
    at: float
    begun: float
    percent: float
    recovered: float | None
    by: str  # the container that went on
    caught_up: float | None

    @property
    def recovery(self) -> float | None:
        """Seconds without a holder."""
        return None if self.recovered is None else self.recovered - self.at

    @property
    def penalty(self) -> float | None:
        """Seconds until clients saw the job go on from where it was."""
        return None if self.caught_up is None else self.caught_up - self.at

    @property
    def repeated(self) -> float:
        """Seconds of work that have to be done again."""
        return self.at - self.begun


def spans(history: History) -> list[Span]:
    """Return the attempts in the order of their begin."""
    found: list[Span] = []
    per_job: dict[str, list[Attempt]] = defaultdict(list)
    for one in history.attempts:
        per_job[one.job_id].append(one)
    for events in per_job.values():
        begins = sorted((one for one in events if one.what in BEGINS), key=lambda one: (one.attempt, one.at))
        for position, begin in enumerate(begins):
            after = begins[position + 1] if position + 1 < len(begins) else None
            found.append(_span(history, begin, after, events))
    return sorted(found, key=lambda one: one.begun)


def _span(history: History, begin: Attempt, after: Attempt | None, events: list[Attempt]) -> Span:
    """
    Its end is the first of: its own last word, the death of its container, the begin of the next attempt.

    A kill is recorded before it is done, so a word that seems to come right after it was the last one.
    """
    words = [
        (one.at, 0, one.what, one.detail)
        for one in events
        if one.what in ENDS and (one.attempt, one.container) == (begin.attempt, begin.container) and one.at >= begin.at
    ]
    deaths = [
        (life.at, 1, life.what, life.detail)
        for life in history.lives
        if life.name == begin.container and life.what in {"killed", "exited"} and life.at >= begin.at
    ]
    ends = words + [death for death in deaths if not any(0 <= word[0] - death[0] <= STRIKE for word in words)]
    if after is not None:
        ends.append((max(after.at, begin.at), 2, "replaced", ""))
    at, _, ending, detail = min(ends, default=(history.ended, 3, "", ""))
    return Span(
        job_id=begin.job_id,
        attempt=begin.attempt,
        container=begin.container,
        how=begin.what,
        begun=begin.at,
        ended=at,
        ending=ending,
        detail=detail,
    )


def interruptions(history: History) -> list[Interruption]:
    """Return the attempts that were cut short, in the order of their begin."""
    found: list[Interruption] = []
    all_spans = spans(history)
    per_job: dict[str, list[Span]] = defaultdict(list)
    for span in all_spans:
        per_job[span.job_id].append(span)
    shown = _shown(history)
    for span in all_spans:
        if span.ending in {"ended", "released", ""}:
            continue
        at, cause = _cause(history, span)
        heirs = [one for one in per_job[span.job_id] if one.attempt > span.attempt]
        readings = shown.get(span.job_id, [])
        percent = max((value for moment, value, _ in readings if moment <= at), default=0.0)
        ends = [moment for moment, _, state in readings if state in FINAL and moment > at]
        recovered = min([one.begun for one in heirs] + ends, default=None)
        caught_up = [moment for moment, value, state in readings if moment > at and (value > percent or state in FINAL)]
        found.append(
            Interruption(
                job_id=span.job_id,
                attempt=span.attempt,
                container=span.container,
                cause=cause,
                at=at,
                begun=span.begun,
                percent=percent,
                recovered=recovered,
                by=heirs[0].container if heirs else "",
                caught_up=min(caught_up, default=None),
            )
        )
    return found


def _cause(history: History, span: Span) -> tuple[float, str]:
    """The last harm to its container before its end; a pause that was thawed in time interrupted nothing."""
    harm = [
        (life.at, life.what)
        for life in history.lives
        if life.name == span.container and life.what in HARM | {"thawed"} and span.begun <= life.at <= span.ended
    ]
    if len(harm) > 1 and harm[-1][1] == "thawed" and span.ended - harm[-1][0] < LEASE <= harm[-1][0] - harm[-2][0]:
        harm.pop()  # it lost the job while it was paused, and found out when it woke up
    return harm[-1] if harm and harm[-1][1] != "thawed" else (span.ended, span.ending)


def _shown(history: History) -> dict[str, list[tuple[float, float, str]]]:
    """By job: when clients were shown which percentage and state."""
    found: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    for one in history.readings:
        found[one.job_id].append((one.answered, one.percent, one.state))
    return found


def free_stretches(history: History) -> dict[str, list[tuple[float, float]]]:
    """
    Return, by container, when it could have taken over a job.

    It lives and holds fewer jobs than it can, and no fault lasts but those that end containers, of which their lives
    tell.
    """
    changes: list[tuple[float, int, str, str]] = [(life.at, 0, life.name, life.what) for life in history.lives]
    for span in spans(history):
        changes += [(span.begun, 1, span.container, "begin"), (span.ended, 1, span.container, "end")]
    for begin, end in _lasting_faults(history):
        changes += [(begin, 2, "", "fault"), (end, 2, "", "healed")]
    born = {life.name for life in history.lives}
    alive = {one.container for one in history.attempts} - born  # of these, nothing was said: they live all the time
    running: dict[str, int] = defaultdict(int)
    since: dict[str, float] = dict.fromkeys(alive, 0.0)
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    faults = 0
    for at, _, name, what in sorted(changes):
        if what in {"begin", "end"}:
            running[name] += 1 if what == "begin" else -1
        elif what in {"fault", "healed"}:
            faults += 1 if what == "fault" else -1
        elif what in {"ready", "thawed"}:
            alive.add(name)
        elif what != "started" or name not in alive:
            alive.discard(name)
        free = {one for one in alive if not faults and (history.slots is None or running[one] < history.slots)}
        for one in since.keys() - free:
            found[one].append((since.pop(one), at))
        since |= dict.fromkeys(free - since.keys(), at)
    for one, begin in since.items():
        found[one].append((begin, history.ended))
    return found


def _lasting_faults(history: History) -> list[tuple[float, float]]:
    """Faults with a duration that are no deaths and no freezes of containers."""
    struck = {(one.at, one.name) for one in history.faults if _struck(history, one)}
    return [(begin, end) for begin, end, name in fault_spans(history) if end > begin and (begin, name) not in struck]


def _struck(history: History, fault: Fault) -> bool:
    """Return whether each of its targets died or froze when a fault was injected."""
    harm = [life for life in history.lives if life.what in HARM and abs(life.at - fault.at) < STRIKE]
    return bool(fault.targets) and set(fault.targets) <= {life.name for life in harm}


def fault_spans(history: History) -> list[tuple[float, float, str]]:
    """Return (begin, end, name) of each fault; what is not healed and has no heal ends when it begins."""
    healing = {one.name for one in history.faults if one.phase == HEALED}
    open_since: dict[tuple[str, tuple[str, ...]], float] = {}
    found: list[tuple[float, float, str]] = []
    for one in history.faults:
        which = (one.name, tuple(one.targets))
        if one.phase == INJECTED and one.name in healing:
            open_since.setdefault(which, one.at)
        elif one.phase == INJECTED:
            found.append((one.at, one.at, one.name))
        elif which in open_since:
            found.append((open_since.pop(which), one.at, one.name))
    found += [(begin, history.ended, name) for (name, _), begin in open_since.items()]
    return sorted(found)
