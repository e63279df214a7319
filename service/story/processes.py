"""
Which process logged an entry, and how the life of each process ended.

A process is an instance: its name is ``host-pid-chance``. An entry may name it. If it does not, it is the process that
was started last in the same container, by the time where the line says which container that is, and by the order of
the input where it does not; an order in which time runs backwards says nothing.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from service.story.lines import Entry
from service.telemetry import events

JITTER = 2.0  # seconds by which the lines of one process may be out of order
MOST_NAME = 200
CONTAINER_ID = 12  # hexadecimal digits: what Docker calls a container that nothing else names

STARTS = events.SERVICE_STARTING.name
RESTARTED = events.SERVICE_RESTARTED.name
BEFORE_START = frozenset({events.SERVICE_WAITING.name, events.SERVICE_PROBLEM.name})  # may be of the next process


@dataclass(slots=True)
class Process:
    """One process of the service, as far as its lines tell. Moments are seconds since the epoch."""

    instance: str
    source: str = ""
    started: float | None = None
    first: float = 0.0
    last: float = 0.0
    lines: tuple[int, int] = (0, 0)  # the first and the last in the input
    stopping: float | None = None
    stopped: float | None = None
    replaced: float | None = None  # when another process was started in its container
    short_of: str = ""  # by its last word on that
    taken: float | None = None  # when a job that it held was taken over after its last line
    times: list[float] = field(default_factory=list)  # of its lines, in their order
    held: set[tuple[str, int]] = field(default_factory=set)  # job and attempt
    unfinished: set[tuple[str, int]] = field(default_factory=set)  # held when it went silent

    @property
    def name(self) -> str:
        """What to call it: its container, where the log or the host names one."""
        return self.source or (self.host if _is_container(self.host) else self.instance)

    @property
    def host(self) -> str:
        """The host in the name of the instance."""
        return self.instance.rsplit("-", 2)[0]

    @property
    def until(self) -> float | None:
        """Until when at the latest it can have lived, if it died."""
        return min((one for one in (self.replaced, self.taken) if one is not None), default=None)

    def heard(self, until: float | None) -> float:
        """Return when it last logged anything before a moment."""
        position = len(self.times) if until is None else bisect_right(self.times, until)
        return self.times[max(position, 1) - 1]

    @property
    def wrong_clock(self) -> bool:
        """Whether its lines have later times than the beginning of the next process in its container."""
        return self.replaced is not None and self.last > self.replaced + JITTER

    @property
    def died(self) -> bool:
        """Whether it ended without a word: its container has started another process, and it was not stopped."""
        return self.replaced is not None and self.stopped is None


def attributed(entries: Sequence[Entry]) -> list[tuple[Entry, str]]:
    """Return each entry with the instance that logged it, "" where that cannot be told; in the order of time."""
    by_source: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_source[entry.source].append(entry)
    found: list[tuple[Entry, str]] = []
    for source, lines in by_source.items():
        found += _by_time(lines) if source else _by_order(lines)
    found.sort(key=lambda one: one[0].at)
    return found


def processes(entries: Iterable[tuple[Entry, str]]) -> dict[str, Process]:
    """Return the processes by instance, in the order of their first lines."""
    found: dict[str, Process] = {}
    restarts = list[Entry]()
    for entry, instance in entries:
        if entry.event == RESTARTED:
            restarts.append(entry)
        if not instance:
            continue
        process = found.get(instance)
        if process is None:
            process = found[instance] = Process(
                instance, entry.source, first=entry.at, lines=(entry.position, entry.position)
            )
        process.last = max(process.last, entry.at)
        process.lines = min(process.lines[0], entry.position), max(process.lines[1], entry.position)
        process.times.append(entry.at)
        _note(process, entry)
    _note_replacements(found.values())
    for entry in restarts:
        _note_restart(found, entry)
    return found


def _note(process: Process, entry: Entry) -> None:
    """Take what a process says of itself."""
    match entry.event:
        case events.SERVICE_STARTING.name:
            process.started = entry.at
        case events.SERVICE_STOPPING.name:
            process.stopping = entry.at
        case events.SERVICE_STOPPED.name:
            process.stopped = entry.at
        case events.RESOURCES_HIGH.name:
            short = entry.fields.get("short_of")
            process.short_of = ", ".join(map(str, short[:4])) if isinstance(short, list) else ""
        case events.RESOURCES_NORMAL.name:
            process.short_of = ""


def _note_restart(found: Mapping[str, Process], entry: Entry) -> None:
    """A process that names the one before it, which did not give its jobs back, proves the death of that one."""
    before = found.get(entry.text("previous"))
    if before is not None:
        before.replaced = min(entry.at, before.replaced or entry.at)


def _note_replacements(found: Iterable[Process]) -> None:
    """
    In one container there is one process after the other: by their times, or where a clock was wrong by the input.

    Where both say that two ran side by side, what seemed to be one container is none.
    """
    containers: dict[str, list[Process]] = defaultdict(list)
    for process in found:
        if process.source or _is_container(process.host):
            containers[process.source or process.host].append(process)
    for row in containers.values():
        row.sort(key=lambda one: one.first)
        for before, after in pairwise(row):
            if before.last <= after.first + JITTER or before.lines[1] < after.lines[0]:
                before.replaced = after.first


def _is_container(host: str) -> bool:
    return len(host) == CONTAINER_ID and set(host) <= set("0123456789abcdef")


def own(entry: Entry) -> str:
    """Return the instance that an entry names itself."""
    return entry.text("instance")[:MOST_NAME]


def _by_time(lines: Sequence[Entry]) -> list[tuple[Entry, str]]:
    starts = sorted((entry.at, own(entry)) for entry in lines if entry.event == STARTS and own(entry))
    moments = [at for at, _ in starts]
    found = []
    for entry in lines:
        position = bisect_right(moments, entry.at) - 1
        unknown = position < 0 or entry.event in BEFORE_START
        found.append((entry, own(entry) or ("" if unknown else starts[position][1])))
    return found


def _by_order(lines: Sequence[Entry]) -> list[tuple[Entry, str]]:
    found, current, last, orderly = list[tuple[Entry, str]](), "", 0.0, True
    for entry in lines:
        if entry.event == STARTS and own(entry):
            current, last = own(entry), entry.at
        elif entry.at < last - JITTER:
            orderly = False
        last = max(last, entry.at)
        found.append((entry, own(entry) or ("" if entry.event in BEFORE_START else current)))
    return found if orderly else [(entry, own(entry)) for entry, _ in found]
