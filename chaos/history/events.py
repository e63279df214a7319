"""
What a run records, event by event: the lines of `history.jsonl`.

Moments are seconds since the start of the run. An event whose `at` is `NOW` is given the moment at which it is
written; what is read from a log later brings its own.
"""

from dataclasses import dataclass, field

NOW = -1.0
OK, FAIL, UNKNOWN = "ok", "fail", "unknown"
INJECTED, HEALED = "injected", "healed"
CLAIMED, TAKEN_OVER, RESUMED = "claimed", "taken_over", "resumed"
LOST, REFUSED, RELEASED = "lost", "refused", "released"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is run, and the command that repeats it; the first line."""

    at: float = NOW
    wall: str = ""
    scenario: str
    seed: int
    parameters: dict[str, str | int | float | bool | None] = field(default_factory=dict)
    command: str
    containers: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """
    A client asked for something, and what it was answered.

    `verb` is upload, submit, read, stream, list, download, cancel, delete_job, delete_upload or peek (an attempt by
    another tenant, whose own verb is in `detail`). `outcome` is ok, fail (refused for good, and nothing was done) or
    unknown (no answer, or one that asks to come again: 429 and 5xx). Of an event stream, every event is an operation:
    `asked` is the moment of its connection, and is the same for all its events. A download is ok once all its bytes
    are here. A deletion that first has to stop the job is ok with the state `stopping`.
    """

    at: float = NOW
    wall: str = ""
    client: str
    via: str  # the container
    verb: str
    asked: float
    answered: float
    outcome: str
    status: int | None = None
    code: str | None = None  # of the problem
    job_id: str | None = None
    upload_id: str | None = None
    key: str | None = None  # the idempotency key
    tenant: str = ""
    state: str | None = None
    percent: float | None = None
    attempt: int | None = None
    digest: str | None = None  # sha256 of the bytes got, in hex
    bytes: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Harm was done, or undone; what has no end of its own is only injected."""

    at: float = NOW
    wall: str = ""
    name: str
    phase: str  # injected | healed
    targets: list[str] = field(default_factory=list)
    colour: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """`what` is started, ready, killed, stopped, paused, thawed, exited or removed."""

    at: float = NOW
    wall: str = ""
    name: str
    what: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """
    What a container logged of an attempt.

    `what` is claimed, taken_over, resumed, ended, lost (it found that it no longer holds the job), refused (a write of
    it was) or released (given back on purpose).
    """

    at: float = NOW
    wall: str = ""
    job_id: str
    attempt: int
    container: str
    what: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a container uses."""

    at: float = NOW
    wall: str = ""
    container: str
    memory_bytes: int
    descriptors: int
    tasks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What lies in the stores."""

    at: float = NOW
    wall: str = ""
    rows: int
    objects: int
    uploads_open: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an undisturbed run makes of an upload: its bytes, or the codes with which a job of it may fail."""

    at: float = NOW
    wall: str = ""
    upload_id: str
    digest: str
    may_succeed: bool = True
    failures: list[str] = field(default_factory=list)
    bytes: int | None = None
    job_id: str | None = None  # when jobs of one upload differ in their options


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """What the service says of a job in the end."""

    at: float = NOW
    wall: str = ""
    job_id: str
    upload_id: str
    state: str
    attempt: int
    output_key: str | None = None
    failure: str | None = None
    tenant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """An object or an unfinished upload that no record names; `excuse` if only a janitor could have known."""

    at: float = NOW
    wall: str = ""
    key: str
    excuse: str | None = None


Event = Run | Operation | Fault | Container | Attempt | Sample | Stored | Expected | Final | Leftover
