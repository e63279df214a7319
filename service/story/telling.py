"""The life of a job in sentences, each with its moment; what it cost; and what the logs do not tell."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from service.story.attempts import (
    FAILED,
    KILLED,
    LOST,
    REPLACED,
    SILENT,
    STOPPED,
    SUCCEEDED,
    TAKEN_OVER,
    Attempt,
)
from service.story.lines import Entry
from service.story.lives import Life
from service.story.processes import JITTER, Process
from service.story.words import clock, harmless, number, plural, seconds
from service.telemetry import events

PLAIN, BAD, GOOD, QUIET = "plain", "bad", "good", "quiet"
CUT_BY = {
    KILLED: "was killed",
    SILENT: "fell silent",
    REPLACED: "was frozen or cut off",
    LOST: "lost the job",  # it says so itself
}
CUT_AFTER = {
    KILLED: "its last line; it was killed: its container was started again without its having stopped",
    SILENT: "its last line: killed, or frozen until the logs end",
    REPLACED: "its last line before it was replaced: it was frozen or cut off, and came back",
}
# Told as the attempt's begin and end, or by a sentence of their own.
TOLD = frozenset(
    event.name
    for event in (
        events.JOB_ACCEPTED, events.JOB_CLAIMED, events.JOB_TAKEN_OVER, events.JOB_SUCCEEDED, events.JOB_FAILED,
        events.JOB_STOPPED, events.JOB_RELEASED, events.JOB_LOST, events.UPLOAD_STORED, events.UPLOAD_BEGUN,
    )
)  # fmt: skip
NOT_SHOWN = frozenset({"event", "level", "timestamp", "job_id", "attempt", "instance", "request_id", "tenant", "facts"})
OTHERS = {  # further events that belong to the story at their own level
    events.FFMPEG_ENDED.name: "ffmpeg ended with exit code {exit_code} after {seconds} s",
    events.LOCAL_FALLBACK.name: "converts through a local file: {reason}",
    events.JOB_CANCELLED.name: "the job is cancelled before it is begun again",
    events.JOB_TRUST_RENEWED.name: "holds the lease again",
    events.DOWNLOAD_STARTED.name: "a download of the result begins ({via})",
    events.SERVICE_RESTARTED.name: "starts in the container of {previous}, which did not give this job back",
    events.JOB_REQUEUED.name: "puts the job of {previous_owner}, which renewed its lease no more, into the queue",
    events.JANITOR_CLEANED.name: "the janitor removed {key} ({reason})",
}
MEANINGS = {event.name: event.about for event in vars(events).values() if isinstance(event, events.Event)}
MOST_NOTES = 200  # sentences of one job that are none of its begins and ends


@dataclass(frozen=True, slots=True)
class Sentence:
    """What happened at a moment (seconds since the epoch), in which container."""

    at: float
    where: str
    text: str
    tone: str = PLAIN


def headline(life: Life) -> str:
    """Say in one sentence what became of a job."""
    end = f" ({harmless(life.code)})" if life.code else ""
    text = f"{life.state}{end}"
    if life.ended is not None and life.begun is not None:
        text += f" after {seconds(life.ended - life.begun)}"
    text += f", in {plural(len(life.attempts), 'attempt')}" if life.attempts else ", never begun"
    if life.cuts:
        text += f", of which {len(life.cuts)} {'was' if len(life.cuts) == 1 else 'were'} cut short"
    return text + (", and deleted" if life.deleted is not None else "")


def sentences(life: Life, processes: Mapping[str, Process]) -> list[Sentence]:
    """Return what happened to a job, in the order of time."""
    found = [*_of_upload(life, processes), *_of_attempts(life)]
    notes = list(_of_others(life, processes))
    found += notes[:MOST_NOTES]
    if life.deleted is not None:
        found.append(Sentence(life.deleted, "", "the job is deleted, with its result"))
    found.sort(key=lambda one: one.at)
    if len(notes) > MOST_NOTES:
        found.append(Sentence(found[-1].at, "", f"… and {len(notes) - MOST_NOTES:,} further lines", QUIET))
    return found


def costs(life: Life) -> list[str]:
    """Say of each attempt that was cut short what that cost."""
    found = []
    for attempt, after in zip(life.attempts, [*life.attempts[1:], None], strict=False):
        if not attempt.cut:
            continue
        text = f"attempt {attempt.number}, in {_name(attempt)}, {_cut_by(attempt)}{_when(attempt)}"
        if after is not None and after.begun is not None and attempt.last is not None:
            idle = max(after.begun - attempt.last, 0.0)
            text += f"; the job stood still for at most {seconds(idle)}"
            text += _again(attempt, after)
        found.append(text)
    return found


def cost_of_death(ended: Sequence[tuple[Life, int]]) -> str:
    """Say in one phrase what the end of a process cost, which held these attempts of jobs; "" if that is not known."""
    idle, sound, work = list[float](), list[float](), list[float]()
    for life, held in ended:
        attempt, after = (next((one for one in life.attempts if one.number == it), None) for it in (held, held + 1))
        if attempt is None or after is None or after.begun is None or attempt.last is None:
            continue
        idle.append(max(after.begun - attempt.last, 0.0))
        lost = after.takeover.number("lost_seconds") if after.takeover else None
        if lost is not None:
            sound.append(lost)
        elif attempt.begun is not None:
            work.append(max(attempt.last - attempt.begun, 0.0))
    still = "it stood still for at most" if len(ended) == 1 else "none stood still for more than"
    parts = [f"{still} {seconds(max(idle))}"] if idle else []
    parts += [f"at most {seconds(sum(sound))} of sound were converted again"] if sound else []
    parts += [f"at least {seconds(sum(work))} of work were done again"] if work else []
    return ", and ".join(parts)


def _again(attempt: Attempt, after: Attempt) -> str:
    """Say how much is converted again: by the line of the takeover, else by the time that the attempt had taken."""
    sound = after.takeover.number("lost_seconds") if after.takeover else None
    size = after.takeover.number("lost_bytes") if after.takeover else None
    parts = [f"{seconds(sound)} of sound"] if sound is not None else []
    parts += [f"{number(size)} bytes of the input"] if size is not None else []
    if parts:
        return f", and at most {', '.join(parts)} were converted again"
    if attempt.begun is None or attempt.last is None:
        return ""
    return f", and at least {seconds(max(attempt.last - attempt.begun, 0.0))} of work were done again"


def _cut_by(attempt: Attempt) -> str:
    """A loss by the fence is that of a process which others had waited for in vain."""
    fenced = attempt.end == LOST and attempt.reason == "fenced"
    return "was frozen or cut off, and replaced" if fenced else CUT_BY[attempt.end]


def _when(attempt: Attempt) -> str:
    """Between which moments an attempt without an end of its own was cut short."""
    found_out = f", and found that out at {clock(attempt.ended)}" if attempt.ended is not None else ""
    if attempt.last is None:
        return found_out
    if attempt.until is None:
        return f" after {clock(attempt.last)}{found_out}"
    differ = " (by clocks that differ)" if attempt.last > attempt.until + JITTER else ""
    return f" between {clock(attempt.last)} and {clock(attempt.until)}{differ}{found_out}"


def _name(attempt: Attempt) -> str:
    return harmless(attempt.container) if attempt.container else "a process that is not known"


def _of_upload(life: Life, processes: Mapping[str, Process]) -> Iterator[Sentence]:
    for entry, instance in life.uploads:
        verb = "is stored" if entry.event == events.UPLOAD_STORED.name else "is begun"
        kind = f", {harmless(entry.text('format'))}" if entry.text("format") else ""
        size = f", {number(entry.number('size'))} bytes" if entry.number("size") is not None else ""
        yield Sentence(
            entry.at, _where(entry, instance, processes),
            f"upload {harmless(life.upload_id)} {verb}: {harmless(entry.text('filename'))}{kind}{size}",
        )  # fmt: skip
    if life.accepted is not None:
        entry, instance = life.accepted
        into = harmless(entry.text("format") or "?")
        yield Sentence(entry.at, _where(entry, instance, processes), f"the job is accepted: convert into {into}")


def _of_attempts(life: Life) -> Iterator[Sentence]:
    for attempt, after in zip(life.attempts, [*life.attempts[1:], None], strict=False):
        if attempt.begun is not None:
            yield Sentence(attempt.begun, _name(attempt), _begin(attempt), PLAIN)
        at = attempt.ended if attempt.ended is not None else attempt.last
        if attempt.cut and at is not None:
            yield Sentence(at, _name(attempt), _cut(attempt, after), BAD)
        elif attempt.ended is not None:
            yield _ended(attempt, life)


def _begin(attempt: Attempt) -> str:
    """A takeover tells whose job it was, for how long that was silent, and how much is converted again."""
    if attempt.how != TAKEN_OVER or attempt.takeover is None:
        return f"claims the job: attempt {attempt.number}"
    entry = attempt.takeover
    silent, percent = entry.number("silent"), entry.number("percent")
    text = f"takes the job over from {harmless(entry.text('previous_owner'))}, which renewed its lease no more"
    text += f" for {seconds(silent)}" if silent is not None else ""
    text += f" and was at {percent:g} % at most" if percent is not None else ""
    excused = " (it does not count against the file)" if entry.fields.get("excused") is True else ""
    return f"{text}: attempt {attempt.number}{excused}"


def _cut(attempt: Attempt, after: Attempt | None) -> str:
    if attempt.end == LOST:
        return f"finds that it has lost the job ({harmless(attempt.reason)}), and stops attempt {attempt.number}"
    why = CUT_AFTER[attempt.end]
    gap = ""
    if after is not None and after.begun is not None and attempt.last is not None:
        gap = f". {seconds(max(after.begun - attempt.last, 0.0))} until attempt {after.number}"
    return f"attempt {attempt.number} is cut short after {why}{gap}"


def _ended(attempt: Attempt, life: Life) -> Sentence:
    at, where, took = attempt.ended or 0.0, _name(attempt), ""
    if attempt.begun is not None:
        took = f" after {seconds(at - attempt.begun)}"
    reason = harmless(attempt.reason)
    if attempt.end == SUCCEEDED:
        size = f"{number(life.size)} bytes, {harmless(life.output)}"
        return Sentence(at, where, f"records success{took}: {size}", GOOD)
    if attempt.end == FAILED:
        return Sentence(at, where, f"records the failure{took}: {reason}", BAD)
    if attempt.end == STOPPED:
        return Sentence(at, where, f"stops{took}, because the job was cancelled")
    return Sentence(at, where, f"gives the job back{took} ({reason})")


def _of_others(life: Life, processes: Mapping[str, Process]) -> Iterator[Sentence]:
    for entry, instance in life.said:
        if entry.event in TOLD:
            continue
        where = _where(entry, instance, processes)
        if entry.event in OTHERS:
            values = {name: harmless(value) for name, value in entry.fields.items()}
            yield Sentence(entry.at, where, OTHERS[entry.event].format_map(_Known(values)), QUIET)
        elif entry.text("level") in {"warning", "error", "critical"}:
            yield Sentence(entry.at, where, _warning(entry), BAD)


def _warning(entry: Entry) -> str:
    """Say what an event means, by the vocabulary, and what its line has."""
    known, shown = MEANINGS.get(entry.event), _fields(entry)
    text = f"{entry.event}: {known}" if known else harmless(entry.event)
    return f"{text} ({shown})" if shown else text


class _Known(dict[str, str]):
    """A field that a line does not have is a question mark."""

    def __missing__(self, key: str) -> str:
        return "?"


def _fields(entry: Entry) -> str:
    shown = [(name, value) for name, value in entry.fields.items() if name not in NOT_SHOWN]
    return ", ".join(f"{harmless(name, 40)}={harmless(value)}" for name, value in shown[:8])


def _where(entry: Entry, instance: str, processes: Mapping[str, Process]) -> str:
    process = processes.get(instance)
    return harmless(process.name if process else entry.source)
