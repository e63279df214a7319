"""
What was seen: plain records, which the checkers read. No module of this package knows the service.

Moments are seconds on one clock for the whole history, and no two are the same: if one answer was here before another
question was put, its moment is the smaller one.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from chaos.history.events import Attempt, Container, Fault, Sample, Stored

SUCCEEDED, FAILED, CANCELLED = "succeeded", "failed", "cancelled"
FINAL = frozenset({SUCCEEDED, FAILED, CANCELLED})
DONE, STOPPING, OPEN, NOT_FOUND = "done", "stopping", "open", "not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A client was told that its request is now (or was already) a job."""

    client: str
    via: str
    job_id: str
    key: str | None
    asked: float
    answered: float
    tenant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """A client was told that there is no such job."""

    client: str
    via: str
    job_id: str
    asked: float
    answered: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A client asked for the end of a job; `granted` is when it was told that this will happen, if it was."""

    job_id: str
    asked: float
    granted: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """A client asked for a job or an upload to be deleted; `answer` is `DONE`, `STOPPING`, a problem, or None."""

    client: str
    what: str  # the id
    asked: float
    answered: float
    answer: str | None  # None: none came, or the service could not do it now


@dataclass(frozen=True, slots=True, kw_only=True)
class Glimpse:
    """A client of another tenant tried to do something with a job or an upload; `answer` as in `Deletion`, or OPEN."""

    what: str
    verb: str
    answer: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """A janitor or a deletion removed something; `owner` says what needed it at that moment, if anything did."""

    at: float
    key: str
    owner: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A client was told how far a job is, by an answer, or by an event of a stream that it had `asked` for before."""

    client: str
    via: str
    job_id: str
    state: str
    percent: float
    attempt: int
    asked: float
    answered: float
    streamed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A client asked for the bytes, and got them (`digest`) or was refused for good (`problem`)."""

    client: str
    via: str
    job_id: str
    digest: str | None
    problem: str | None
    asked: float
    answered: float
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A record was changed. `holder` is the (owner, attempt) for which the write spoke, `held` the holder then."""

    at: float
    job_id: str
    verb: str
    state: str
    attempt: int
    output_key: str | None
    holder: tuple[str, int] | None
    held: tuple[str | None, int]


@dataclass(slots=True, kw_only=True)
class Conversion:
    """
    ffmpeg ran for an attempt; `asleep` is when its process last did not run, `published` when its output came.

    `stood`: from when to when it was paused because its worker did not trust its lease, `standing` since when it is.
    """

    job_id: str
    attempt: int
    via: str
    begun: float
    ended: float | None = None
    asleep: float | None = None
    published: float | None = None
    standing: float | None = None
    stood: list[tuple[float, float]] = field(default_factory=list)

    def stands_at(self, moment: float) -> bool:
        """Tell whether it was paused at that moment."""
        periods = [*self.stood, *([(self.standing, moment)] if self.standing is not None else [])]
        return any(since <= moment <= until for since, until in periods)


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """What the store says in the end."""

    job_id: str
    upload_id: str
    state: str
    attempt: int
    output_key: str | None
    failure: str | None
    tenant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What may become of a job of this upload: the bytes if it succeeds, the codes with which it may fail."""

    digest: str
    may_succeed: bool
    failures: frozenset[str]
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """An object or unfinished upload that no record names; `excuse` if only a janitor could have known."""

    key: str
    excuse: str | None


@dataclass(slots=True, kw_only=True)
class History:
    """All that was seen in one run, by clients, stores and transcoders."""

    accepted: list[Accepted] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    downloads: list[Download] = field(default_factory=list)
    absences: list[Absence] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)
    deletions: list[Deletion] = field(default_factory=list)
    glimpses: list[Glimpse] = field(default_factory=list)
    removals: list[Removal] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    conversions: list[Conversion] = field(default_factory=list)
    # (job, attempt) of takeovers, and of returns to the queue, because the worker of the job seemed to be gone.
    heard: set[tuple[str, int]] = field(default_factory=set)
    surprises: list[str] = field(default_factory=list)  # errors that no handler was written for
    disturbed: set[str] = field(default_factory=set)  # containers to which, or to whose stores, anything was done
    noisy: bool = False  # any call of any container could go wrong
    quiet_from: float = 0.0  # from here on, nothing was disturbed
    ended: float = 0.0
    finals: list[Final] = field(default_factory=list)
    leftovers: list[Leftover] = field(default_factory=list)
    remains: list[str] = field(default_factory=list)  # what is there although janitors have had the time
    expected: Mapping[str, Expectation] = field(default_factory=dict)  # by upload id, or by job id
    upload_of: dict[str, str] = field(default_factory=dict)  # by job id
    erased: dict[str, float] = field(default_factory=dict)  # when the record of a job was deleted
    # Of runs of real containers, as they recorded it:
    attempts: list[Attempt] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    lives: list[Container] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    stored: list[Stored] = field(default_factory=list)
    slots: int | None = None  # jobs that a container converts at a time
    recovery_bound: float = 30.0  # seconds


Record = TypeVar("Record", Reading, Write)


def asked_to_go(history: History) -> dict[str, float]:
    """Return the jobs and uploads whose clients asked for their deletion, and when they did first."""
    found: dict[str, float] = {}
    for one in history.deletions:
        found[one.what] = min(one.asked, found.get(one.what, math.inf))
    return found


def expectation_of(history: History, job_id: str, upload_id: str) -> Expectation:
    """Return what may become of a job. Raises `KeyError` when that was not recorded."""
    return history.expected.get(job_id) or history.expected[upload_id]


def by_job(records: Iterable[Record]) -> list[tuple[str, list[Record]]]:
    """Return records in their order, job by job."""
    found: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        found[record.job_id].append(record)
    return list(found.items())
