"""
The attempts of one job: which process held each, from when to when, and how it ended.

An attempt that has no end of its own, although the next one has begun, was cut short. Why is concluded from the process
that held it: its container was started again (killed), it logged on (it had been frozen or cut off, and was replaced),
or nothing more was heard of it (silent: killed, or still frozen when the logs end).
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.story.lines import Entry
from service.story.processes import MOST_NAME, Process
from service.telemetry import events

JOB_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
MOST_ATTEMPTS = 1000
CLAIMED, TAKEN_OVER = "claimed", "taken over"
RUNNING, SUCCEEDED, FAILED, STOPPED, RELEASED = "running", "succeeded", "failed", "stopped", "released"
KILLED, SILENT, REPLACED, LOST = "killed", "silent", "replaced", "lost"
CUT = frozenset({KILLED, SILENT, REPLACED, LOST})
BEGINS = {events.JOB_CLAIMED.name: CLAIMED, events.JOB_TAKEN_OVER.name: TAKEN_OVER}
ENDS = {
    events.JOB_SUCCEEDED.name: SUCCEEDED,
    events.JOB_FAILED.name: FAILED,
    events.JOB_STOPPED.name: STOPPED,
    events.JOB_RELEASED.name: RELEASED,
    events.JOB_LOST.name: LOST,
}
HANDED_BACK = "handed back"
AFTER = 0.5  # seconds: a line this much later than a takeover shows that the process before was alive

Said = tuple[Entry, str]


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One attempt. `last` is the last sign of life of its process before the attempt's end, `until` its latest end."""

    number: int
    owner: str = ""  # instance
    container: str = ""  # what to call the owner
    how: str = ""  # claimed | taken over | "": not known
    begun: float | None = None
    end: str = RUNNING
    ended: float | None = None
    reason: str = ""
    last: float | None = None
    until: float | None = None
    percent: float | None = None
    takeover: Entry | None = None

    @property
    def cut(self) -> bool:
        """Whether it was cut short."""
        return self.end in CUT


def attempts_of(said: Sequence[Said], known: Mapping[str, Process]) -> list[Attempt]:
    """Return the attempts of a job in their order, from everything that names the job."""
    by_number: dict[int, list[Said]] = defaultdict(list)
    for one in said:
        number = one[0].number("attempt")
        if number is not None and number == int(number) and 1 <= number <= MOST_ATTEMPTS:
            by_number[int(number)].append(one)
    # One of which nothing was logged has been there all the same: its process did not live to log it.
    found = [_attempt(number, by_number.get(number, ())) for number in range(1, max(by_number, default=0) + 1)]
    for attempt, after in zip(found, [*found[1:], None], strict=False):
        if after is not None and after.number == attempt.number + 1 and after.takeover is not None:
            attempt.owner = attempt.owner or after.takeover.text("previous_owner")[:MOST_NAME]
        line = requeued(said, attempt)
        if line is not None and not attempt.owner:
            attempt.owner = line.text("previous_owner")[:MOST_NAME]
        process = known.get(attempt.owner)
        attempt.container = process.name if process else attempt.owner
        _conclude(attempt, after, process, None if line is None else line.at)
        if attempt.end == LOST and after is not None and after.begun is not None:
            attempt.last = process.heard(after.begun) if process else attempt.begun
            attempt.until = after.begun
        if process is not None:
            which = (said[0][0].text("job_id"), attempt.number)
            process.held.add(which)
            if attempt.cut:
                process.unfinished.add(which)
            if attempt.end in {KILLED, SILENT} and attempt.until is not None and attempt.until >= process.last:
                process.taken = min(attempt.until, process.taken or attempt.until)
    return found


def _attempt(number: int, said: Sequence[Said]) -> Attempt:
    attempt = Attempt(number=number)
    owners: dict[str, int] = defaultdict(int)
    for entry, instance in said:
        if entry.event in BEGINS and attempt.begun is None:
            attempt.begun, attempt.how, attempt.owner = entry.at, BEGINS[entry.event], instance
            attempt.takeover = entry if entry.event == events.JOB_TAKEN_OVER.name else None
        elif entry.event in ENDS:
            _end(attempt, entry)
        # What another process says of it is no sign of its holder: a takeover by the queue, an answer to a request.
        if entry.text("request_id") == "" and entry.event != events.JOB_REQUEUED.name:
            owners[instance] += 1
        percent = entry.number("percent")
        attempt.percent = max(attempt.percent or 0.0, percent) if percent is not None else attempt.percent
    attempt.owner = attempt.owner or max(owners, key=lambda one: owners[one], default="")
    attempt.last = max((entry.at for entry, instance in said if instance == attempt.owner), default=None)
    return attempt


def _end(attempt: Attempt, entry: Entry) -> None:
    """A loss that is logged after an outcome means that this was not recorded; a hand-over is logged twice."""
    end, reason = ENDS[entry.event], entry.text("code") or entry.text("reason")
    if attempt.end == SUCCEEDED or (end == LOST and reason == HANDED_BACK and attempt.end == RELEASED):
        return
    attempt.end, attempt.ended, attempt.reason = end, entry.at, reason


def _conclude(attempt: Attempt, after: Attempt | None, process: Process | None, queued: float | None) -> None:
    """Say how an attempt ended that does not say so itself; `queued`: when another process queued its job again."""
    if attempt.end != RUNNING:
        return
    begun_after = queued if queued is not None else after.begun if after is not None else None
    if process is not None:
        heard = process.heard(begun_after)
        attempt.last = max(attempt.last or heard, heard)
    bounds = [begun_after] if begun_after is not None else []
    if process is not None and process.replaced is not None:
        bounds.append(process.replaced)
    if process is not None and _lived_on(process, begun_after):
        attempt.end = REPLACED
    elif process is not None and process.died:
        attempt.end = KILLED
    elif after is not None or queued is not None:
        attempt.end = SILENT
    else:
        return
    attempt.until = min(bounds, default=None)


def _lived_on(process: Process, begun_after: float | None) -> bool:
    """Tell whether a process logged anything once its job was another's; a clock that was wrong proves nothing."""
    return begun_after is not None and not process.wrong_clock and process.last > begun_after + AFTER


def requeued(said: Sequence[Said], attempt: Attempt) -> Entry | None:
    """Return the line by which an attempt without an end was given to the queue by another process."""
    lines = (entry for entry, _ in said if entry.event == events.JOB_REQUEUED.name)
    return next((entry for entry in lines if entry.number("attempt") == attempt.number), None)
