"""The story of one job in plain sentences, each with its moment: for a reader who has never seen the system."""

from dataclasses import dataclass

from chaos.history.events import OK, TAKEN_OVER, Attempt, Operation
from chaos.history.interruptions import Interruption
from chaos.history.records import History, expectation_of
from chaos.report.view import FaultView, JobView, View

OUTCOMES = {
    "succeeded": "finished the file, and recorded the job as succeeded",
    "failed": "recorded the job as failed",
    "cancelled": "stopped the conversion, and recorded the job as cancelled",
    "stopped": "stopped the conversion, and recorded the job as cancelled",
}
TOLD = 3.0  # seconds that a kill may take
MOST_FAULTS = 12  # of which a story tells


@dataclass(frozen=True, slots=True, order=True)
class Sentence:
    """What happened at a moment; `tone` is plain, bad, good or quiet."""

    at: float
    text: str
    tone: str = "plain"


def story_of(job: JobView, view: View) -> list[Sentence]:
    """Return what happened to a job, in the order of time."""
    said = _of_clients(job, view) + _of_attempts(job, view.history) + _of_faults(job, view)
    for cut in job.interruptions:
        said += _of_interruption(cut)
    # Two interruptions may end with the same rise of the progress, of which the earlier one tells.
    rises = {one.caught_up: one for one in reversed(job.interruptions) if one.caught_up is not None and one.percent > 0}
    said += [_of_rise(one) for one in rises.values()]
    said.sort(key=lambda one: one.at)
    return said + [Sentence(view.length, f"A promise was broken: {text}", "bad") for text in job.broken]


def _of_clients(job: JobView, view: View) -> list[Sentence]:
    said: list[Sentence] = []
    submitted = False
    for one in view.operations.get(job.job_id, []):
        match one.verb:
            case "submit":
                said.append(_submission(one, again=submitted))
                submitted = submitted or one.outcome == OK
            case "cancel":
                answer = "was told that it will be stopped" if one.outcome == OK else _refusal(one)
                said.append(Sentence(one.asked, f"{one.client} asked {one.via} to cancel the job, and {answer}."))
            case "delete_job":
                answer = "was told that it is gone" if one.outcome == OK else _refusal(one)
                said.append(Sentence(one.asked, f"{one.client} asked {one.via} to delete the job, and {answer}."))
            case "download":
                said.append(_download(one, job, view.history))
            case "peek":
                tried = one.detail or "read"
                said.append(
                    Sentence(one.asked, f"Another tenant tried to {tried} the job, and {_refusal(one)}.", "quiet")
                )
            case _:
                pass
    return said


def _submission(one: Operation, *, again: bool) -> Sentence:
    if one.outcome != OK:
        return Sentence(one.asked, f"{one.client} submitted the job through {one.via}, and {_refusal(one)}.")
    if again:
        return Sentence(
            one.asked, f"{one.client} submitted it again through {one.via}, and was given the same job.", "quiet"
        )
    key = " with an idempotency key" if one.key else ""
    return Sentence(one.asked, f"{one.client} submitted the job through {one.via}{key}. It was accepted.")


def _download(one: Operation, job: JobView, history: History) -> Sentence:
    if one.digest is None:
        return Sentence(one.asked, f"{one.client} asked {one.via} for the file, and {_refusal(one)}.", "quiet")
    size = f"{one.bytes:,} bytes" if one.bytes is not None else "the file"
    text = f"{one.client} downloaded {size} through {one.via}"
    upload = history.upload_of.get(job.job_id, "")
    if job.job_id not in history.expected and upload not in history.expected:
        return Sentence(one.answered, f"{text}.")
    if expectation_of(history, job.job_id, upload).digest == one.digest:
        return Sentence(one.answered, f"{text}: exactly the bytes of an undisturbed conversion.", "good")
    return Sentence(one.answered, f"{text}, and they are not those of an undisturbed conversion.", "bad")


def _refusal(one: Operation) -> str:
    if one.outcome == OK:
        return "got it"
    if one.outcome == "unknown":
        return "got no answer" if one.status is None else f"was asked to come again ({one.status})"
    return f"was refused ({' '.join(str(part) for part in (one.status, one.code) if part is not None)})"


def _of_attempts(job: JobView, history: History) -> list[Sentence]:
    first = min(
        (one.attempt for one in history.attempts if one.job_id == job.job_id and one.what == TAKEN_OVER), default=0
    )
    return [_attempt(one, explain=one.attempt == first) for one in history.attempts if one.job_id == job.job_id]


def _attempt(one: Attempt, *, explain: bool) -> Sentence:
    number, container = one.attempt, one.container
    reason = f" ({one.detail})" if one.detail else ""
    match one.what:
        case "claimed" if number == 1:
            return Sentence(one.at, f"{container} claimed the job and began to convert: attempt 1.")
        case "claimed":
            return Sentence(one.at, f"{container} claimed the job again: attempt {number}.")
        case "taken_over":
            begin = " It reads the input from its beginning, and clients go on seeing the progress that they had seen."
            return Sentence(
                one.at,
                f"{container} saw a lease that nothing had renewed, and took the job over: attempt {number}."
                + (begin if explain else ""),
            )
        case "resumed":
            return Sentence(one.at, f"{container} was back, and took its own job up again at once: attempt {number}.")
        case "ended":
            word = one.detail.rsplit(".", 1)[-1]  # a container may log it as the name of an event
            outcome = OUTCOMES.get(word, f"recorded the outcome of the job{reason}")
            return Sentence(
                one.at, f"{container} {outcome} (attempt {number}).", "good" if word == "succeeded" else "plain"
            )
        case "refused":
            return Sentence(
                one.at,
                f"{container} tried to write for attempt {number}, which had been replaced, and was refused{reason}.",
            )
        case "lost":
            return Sentence(
                one.at, f"{container} found that it no longer holds the job, and stopped attempt {number}{reason}."
            )
        case _:
            return Sentence(one.at, f"{container} gave the job back, for another container to go on{reason}.")


def _of_interruption(cut: Interruption) -> list[Sentence]:
    verb = {"killed": "was killed", "paused": "was frozen", "stopped": "was stopped", "exited": "ended"}.get(
        cut.cause, "lost the job"
    )
    said = [
        Sentence(
            cut.at,
            f"{cut.container} {verb} in the middle of attempt {cut.attempt}, {cut.repeated:.1f} s after its begin."
            f" Clients had last been shown {cut.percent:g} %.",
            "bad",
        )
    ]
    if cut.recovered is None:
        said.append(Sentence(cut.at, "No container ever went on with the job.", "bad"))
    elif cut.recovery is not None and cut.recovery >= 0.05:
        said.append(
            Sentence(cut.recovered - 1e-6, f"For {cut.recovery:.1f} s, no container had held the job.", "quiet")
        )
    return said


def _of_rise(cut: Interruption) -> Sentence:
    at = cut.at if cut.caught_up is None else cut.caught_up
    text = (
        f"Clients saw the progress rise above {cut.percent:g} % again, {at - cut.at:.1f} s after attempt {cut.attempt}"
    )
    return Sentence(at, f"{text} was cut short.", "quiet")


def _of_faults(job: JobView, view: View) -> list[Sentence]:
    """Faults that fell into its life: of those elsewhere, no more than a reader will read."""
    fell = [one for one in view.faults if one.begun < job.ended and one.ended >= job.begun]
    told = [
        one
        for one in fell
        if not any(touches(one, name) for name in view.containers)
        or any(
            touches(one, span.container) and span.begun <= one.ended and one.begun <= span.ended for span in job.spans
        )
    ]
    return [_fault(one) for one in told[:MOST_FAULTS] if not _is_told(one, job)]


def _is_told(fault: FaultView, job: JobView) -> bool:
    """An interruption says the same of it, in the words of the job."""
    return any(touches(fault, cut.container) and abs(cut.at - fault.begun) < TOLD for cut in job.interruptions)


def touches(fault: FaultView, container: str) -> bool:
    """Return whether a fault was done to a container, or to a link of it (`container→store`)."""
    return any(container in target.split("→") for target in fault.targets)


def _fault(one: FaultView) -> Sentence:
    lasted = f", for {one.ended - one.begun:.1f} s" if one.ended > one.begun else ""
    what = one.name.replace("_", " ")
    on = f" on {', '.join(one.targets)}" if one.targets else ""
    detail = f" ({one.detail})" if one.detail else ""
    return Sentence(one.begun, f"Fault: {what}{on}{lasted}{detail}.", "quiet")


def headline(job: JobView) -> str:
    """Say in one sentence what became of a job."""
    if not job.spans:
        return f"{job.state}, before any container began to convert it"
    attempts = len(job.spans)
    times = "one attempt" if attempts == 1 else f"{attempts} attempts"
    cuts = len(job.interruptions)
    through = {0: "", 1: ", through one interruption"}.get(cuts, f", through {cuts} interruptions")
    return f"{job.state} after {job.ended - job.begun:.1f} s in {times}{through}"
