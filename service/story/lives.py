"""
The life of each job, put together from entries: upload, acceptance, attempts with their owners and ends, result.

What is not in the logs is concluded only where something else proves it, and is else named in `Life.missing`.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from service.story.attempts import (
    CUT,
    FAILED,
    JOB_ID,
    RUNNING,
    STOPPED,
    SUCCEEDED,
    Attempt,
    attempts_of,
    requeued,
)
from service.story.lines import Entry
from service.story.processes import Process, attributed, processes
from service.telemetry import events

INPUT = re.compile(r"uploads/([\w-]{1,64})/input")
RESULT = re.compile(r"results/([\w-]{1,64})/(\d{1,6})/")
JOB_PATH = re.compile(r"/v1/jobs/([\w-]{1,64})")
QUEUED, CANCELLED, UNKNOWN = "queued", "cancelled", "unknown"
UPLOADS = frozenset({events.UPLOAD_STORED.name, events.UPLOAD_BEGUN.name})
FINAL = frozenset({SUCCEEDED, FAILED, CANCELLED})

Said = tuple[Entry, str]  # an entry, and the instance that logged it


@dataclass(slots=True, kw_only=True)
class Life:
    """What became of a job. Moments are seconds since the epoch; None and "" is what is not known."""

    job_id: str
    upload_id: str = ""
    uploads: Sequence[Said] = ()
    accepted: Said | None = None
    attempts: list[Attempt] = field(default_factory=list)
    state: str = UNKNOWN
    ended: float | None = None
    code: str = ""  # of a failure
    output: str = ""
    size: float | None = None
    deleted: float | None = None
    said: Sequence[Said] = ()  # everything that names the job, in the order of time
    missing: list[str] = field(default_factory=list)

    @property
    def begun(self) -> float | None:
        """The first moment that is known of it."""
        first = [self.uploads[0][0].at] if self.uploads else []
        first += [self.said[0][0].at] if self.said else []
        return min(first, default=None)

    @property
    def cuts(self) -> list[Attempt]:
        """Attempts that were cut short."""
        return [one for one in self.attempts if one.end in CUT]


@dataclass(frozen=True, slots=True)
class Story:
    """All jobs by id, in the order of their first entries, and all processes by instance."""

    lives: Mapping[str, Life]
    processes: Mapping[str, Process]


def story_of(entries: Sequence[Entry]) -> Story:
    """Put together what the entries tell."""
    said = attributed(entries)
    found = processes(said)
    by_job: dict[str, list[Said]] = defaultdict(list)
    by_upload: dict[str, list[Said]] = defaultdict(list)
    for one in said:
        for job_id in jobs_of(one[0]):
            by_job[job_id].append(one)
        if one[0].event in UPLOADS:
            by_upload[one[0].text("upload_id")].append(one)
    lives = {job_id: _life(job_id, lines, by_upload, found) for job_id, lines in by_job.items()}
    return Story(lives, found)


def jobs_of(entry: Entry) -> list[str]:
    """Return the jobs that an entry is about, without what cannot be one."""
    if entry.event == events.SERVICE_RESTARTED.name:
        named = entry.fields.get("jobs")
        return (
            [one for one in named if isinstance(one, str) and JOB_ID.fullmatch(one)] if isinstance(named, list) else []
        )
    job_id = _job_of(entry)
    return [job_id] if job_id else []


def _job_of(entry: Entry) -> str:
    job_id = entry.text("job_id")
    if job_id:
        return job_id if JOB_ID.fullmatch(job_id) else ""
    if entry.event == events.REQUEST_DONE.name and entry.text("method") in {"DELETE", "POST"}:
        path, status = JOB_PATH.match(entry.text("path")), entry.number("status") or 500
        return path[1] if path and status < 300 else ""
    if entry.event in {events.JANITOR_FOUND.name, events.JANITOR_CLEANED.name}:
        key = RESULT.match(entry.text("key"))
        return key[1] if key else ""
    return ""


def _life(
    job_id: str, said: Sequence[Said], uploads: Mapping[str, Sequence[Said]], known: Mapping[str, Process]
) -> Life:
    life = Life(job_id=job_id, said=said)
    for one in said:
        entry = one[0]
        if entry.event == events.JOB_ACCEPTED.name and life.accepted is None:
            life.accepted = one
        if not life.upload_id:
            key = INPUT.match(entry.text("input_key"))
            life.upload_id = entry.text("upload_id") or (key[1] if key else "")
        if entry.event == events.REQUEST_DONE.name and _deletes(entry, job_id):
            life.deleted = entry.at
    life.uploads = uploads.get(life.upload_id, ()) if life.upload_id else ()
    life.attempts = attempts_of(said, known)
    _conclude(life)
    life.missing = _missing(life)
    return life


def _deletes(entry: Entry, job_id: str) -> bool:
    """Return whether this answer says that the job is gone; 202 says that it is being stopped."""
    return (
        entry.text("method") == "DELETE"
        and entry.text("path") == f"/v1/jobs/{job_id}"
        and entry.number("status") == 204
    )


def _conclude(life: Life) -> None:
    """Find how the job ended: by the last of its attempts, or by what was logged of the job alone."""
    for attempt in life.attempts:
        if attempt.end in {SUCCEEDED, FAILED, STOPPED}:
            life.state = CANCELLED if attempt.end == STOPPED else attempt.end
            life.ended, life.code = attempt.ended, attempt.reason if attempt.end == FAILED else ""
    for entry, _ in life.said:
        _conclude_from(life, entry)
    if life.state in FINAL:
        return
    if life.attempts:
        last = life.attempts[-1]
        waits = last.end not in {RUNNING, *CUT} or requeued(life.said, last) is not None
        life.state = QUEUED if waits else RUNNING
    elif life.accepted is not None:
        life.state = QUEUED


def _conclude_from(life: Life, entry: Entry) -> None:
    """Take what a line says of the job that no attempt says."""
    if entry.event == events.JOB_EXHAUSTED.name:
        life.state, life.ended, life.code = FAILED, entry.at, "attempts_exhausted"
    elif entry.event == events.JOB_CANCELLED.name and life.state not in FINAL:
        life.state, life.ended = CANCELLED, entry.at
    elif entry.event == events.JOB_SUCCEEDED.name:
        life.output, life.size = entry.text("key"), entry.number("size")
    elif entry.event == events.DOWNLOAD_STARTED.name and life.state not in FINAL:
        _conclude_from_download(life, entry)


def _conclude_from_download(life: Life, entry: Entry) -> None:
    """A download proves that its attempt succeeded, though its process did not live to log it."""
    key = RESULT.match(entry.text("key"))
    life.state, life.output = SUCCEEDED, entry.text("key")
    number = int(key[2]) if key else 0
    for attempt in life.attempts:
        if attempt.number == number:
            attempt.end, attempt.reason = SUCCEEDED, "known from a download"


def _missing(life: Life) -> list[str]:
    """Say what the logs do not tell."""
    missing = []
    if life.accepted is None:
        missing.append("the acceptance of the job")
    if not life.uploads:
        missing.append("its upload")
    unbegun = [one.number for one in life.attempts if one.begun is None]
    if unbegun:
        missing.append(f"the begin of attempt {_some(unbegun)}")
    unowned = [one.number for one in life.attempts if not one.owner]
    if unowned:
        missing.append(f"the process that held attempt {_some(unowned)}")
    if life.state not in FINAL:
        missing.append("the end of the job")
    elif life.state == SUCCEEDED and life.ended is None:
        missing.append("the line of its success, which a download proves")
    return missing


def _some(numbers: Iterable[int]) -> str:
    row = list(numbers)
    return ", ".join(map(str, row[:20])) + (f" and {len(row) - 20} more" if len(row) > 20 else "")
