"""
Percentages that never fall, whichever container answers.

Two places know how far a job is. Redis has the fine reading, several times a second; the job's record has a coarse one,
written with each heartbeat. Readers come through any container, and any of them may lose Redis at any moment. Five
rules make what they answer rise only:

1. *The record leads.* With each renewal the worker writes a **ceiling** a little above the present reading
   (`ceiling`), and publishes to Redis nothing above the ceiling that the store has acknowledged. So the record
   alone is always at least what Redis ever said.
2. *An answer from the record alone is noted.* Such a reader shows the ceiling and first raises the record's ``shown``
   to it.
3. *Every answer respects ``shown``.* It is the greater of the Redis reading and ``shown``.
4. *A reading of an earlier attempt is none.* Its worker may have been replaced without knowing it, and a Redis that was
   flushed meanwhile takes from it what is lower than what its successor has shown.
5. *What is shown again needs something that is shown.* A reading may be on its way for so long that Redis was flushed
   meanwhile, and others were seen: there it shows nothing, and its publisher begins anew (`ports.hints`).

A new attempt starts at nought again; until it passes the old marks, the rules hold the reading where it was. 100 is
reserved: it is the answer if, and only if, the record says ``succeeded``.
"""

import math
from dataclasses import dataclass

from service.core.jobs.job import Job
from service.core.jobs.lease import State

TOP = 99.9  # the highest reading of a job that has not succeeded
MIN_LEAD = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How far ffmpeg is: seconds of output written out of how many (if known), input bytes fed out of how many."""

    position_seconds: float | None = None
    total_seconds: float | None = None
    bytes_fed: int = 0
    bytes_total: int = 0
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Hint:
    """What Redis knows about a job."""

    percent: float
    attempt: int


def percent_of(reading: Reading) -> float:
    """
    Return percent done, 0 to `TOP`, rounded down to one decimal: by time where the duration is known, else by bytes.

    Nonsense (negative, not a number, beyond the end) is clamped, because ffmpeg does say ``N/A`` and negative times.
    """
    if reading.total_seconds and reading.position_seconds is not None:
        part = reading.position_seconds / reading.total_seconds
    elif reading.bytes_total:
        part = reading.bytes_fed / reading.bytes_total
    else:
        return 0.0
    if math.isnan(part):
        return 0.0
    return clamp(part * 100)


def clamp(percent: float) -> float:
    """Bring into 0 … `TOP`, rounded down to one decimal, so that nothing is ever announced early."""
    return math.floor(max(0.0, min(TOP, percent)) * 10 + 1e-6) / 10


def ceiling(percent: float, gain: float, acknowledged: float) -> float:
    """
    Return the durable ceiling to write with a renewal.

    Args:
        percent: the present reading.
        gain: how much the reading rose since the last renewal; twice that leaves room until the next one.
        acknowledged: the ceiling that the store has; never undercut.
    """
    return max(acknowledged, clamp(percent + max(MIN_LEAD, 2 * gain)))


def shown(job: Job, hint: Hint | None) -> float:
    """Return the percentage to answer with, by the rules above."""
    if job.state is State.SUCCEEDED:
        return 100.0
    if hint is not None and hint.attempt < job.attempt:
        hint = None
    # A job that ended short has nothing newer to wait for: its ceiling is what all agree on, with Redis or without.
    return clamp(max(job.shown, job.percent if hint is None or job.final else hint.percent))


def must_note(job: Job, hint: Hint | None) -> bool:
    """Tell whether this answer is made from the record alone and has to raise ``shown`` first (rule 2)."""
    alone = hint is None or hint.attempt < job.attempt
    return alone and not job.final and job.percent > job.shown
