"""
Sometimes-assertions: what a run must have met at least once for its verdict to mean anything.

Each counts. A scenario names those that it requires: a run in which no fault fell into a conversion proves nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

from chaos.history.events import CLAIMED, LOST, REFUSED, RESUMED, TAKEN_OVER
from chaos.history.interruptions import fault_spans, interruptions, spans
from chaos.history.records import CANCELLED, SUCCEEDED, History


@dataclass(frozen=True, slots=True)
class Sometimes:
    """A count, and what it means."""

    name: str
    meaning: str
    count: Callable[[History], int]


def _faults_in_conversions(history: History) -> int:
    held = spans(history)
    return sum(any(one.begun < end and begin < one.ended for one in held) for begin, end, _ in _widened(history))


def _widened(history: History) -> list[tuple[float, float, str]]:
    """Faults, those without duration as long as a moment."""
    return [(begin, max(end, begin + 1e-6), name) for begin, end, name in fault_spans(history)]


def _stale_writes(history: History) -> int:
    return sum(one.what == REFUSED or (one.what == LOST and "fenced" in one.detail) for one in history.attempts)


def _takeovers(history: History) -> int:
    """Takeovers, and claims of what a watcher without a free slot had given back to the queue."""
    cut_short = {(one.job_id, one.attempt) for one in interruptions(history)}
    claims = (one for one in history.attempts if one.what == CLAIMED and (one.job_id, one.attempt - 1) in cut_short)
    return sum(one.what == TAKEN_OVER for one in history.attempts) + sum(1 for _ in claims)


def _resumed(history: History) -> int:
    return sum(one.what == RESUMED for one in history.attempts)


def _moved(history: History) -> int:
    return sum(one.by not in {"", one.container} for one in interruptions(history))


def _progress_after(history: History) -> int:
    return sum(one.caught_up is not None and one.percent > 0 for one in interruptions(history))


def _retries(history: History) -> int:
    seen: set[tuple[str, str, str]] = set()
    count = 0
    for one in history.accepted:
        if one.key is None:
            continue
        count += (one.tenant, one.key, one.job_id) in seen
        seen.add((one.tenant, one.key, one.job_id))
    return count


def _running_cancels(history: History) -> int:
    held = spans(history)
    cancelled = {final.job_id for final in history.finals if final.state == CANCELLED}
    return sum(
        wish.job_id in cancelled
        and any(one.job_id == wish.job_id and one.begun <= wish.asked <= one.ended for one in held)
        for wish in history.wishes
    )


def _downloads_in_faults(history: History) -> int:
    return sum(
        any(one.asked < end and begin < one.answered for begin, end, _ in _widened(history))
        for one in history.downloads
        if one.digest is not None
    )


def _survivors(history: History) -> int:
    hurt = {one.job_id for one in interruptions(history)}
    return sum(final.state == SUCCEEDED and final.job_id in hurt for final in history.finals)


SOMETIMES = (
    Sometimes("fault_fell_into_a_conversion", "A fault was injected while a conversion ran.", _faults_in_conversions),
    Sometimes("takeover_happened", "A job whose holder had gone silent was taken over, or claimed again.", _takeovers),
    Sometimes("resumed_after_restart", "A restarted container took its own job up again at once.", _resumed),
    Sometimes("went_on_elsewhere", "An interrupted job went on in another container.", _moved),
    Sometimes("interrupted_job_succeeded", "A job that was interrupted succeeded.", _survivors),
    Sometimes(
        "progress_went_on", "A client saw progress go on from where an interruption had left it.", _progress_after
    ),
    Sometimes("stale_write_was_refused", "A write of a replaced attempt was refused.", _stale_writes),
    Sometimes("retry_gave_the_same_job", "A repeated submission was answered with the job of the first.", _retries),
    Sometimes("cancel_hit_a_running_job", "A conversion was cancelled while it ran.", _running_cancels),
    Sometimes(
        "download_fell_into_a_fault", "A download was complete although a fault fell into it.", _downloads_in_faults
    ),
)
