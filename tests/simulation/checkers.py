"""
Judges of a history. Each is a pure function that returns one sentence per broken promise; none knows the service.

`ALL` are those that need nothing but what clients and the store have seen; they hold for any run of the system.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TypeVar

from tests.simulation.history import (
    CANCELLED,
    DONE,
    FINAL,
    NOT_FOUND,
    STOPPING,
    SUCCEEDED,
    Conversion,
    History,
    Reading,
    Write,
)

PATIENCE = 240.0  # seconds without faults, in which every job has to end
LEASE = 6.0
AT_ONCE = 3.0  # seconds
OUTCOMES = frozenset({"succeed", "fail", "stop", "release"})

T = TypeVar("T", Reading, Write)


def every_job_ends(history: History) -> list[str]:
    """(1) A job that was accepted is still there unless its client deleted it, and has ended before patience did."""
    unwanted = asked_to_go(history)
    there = {final.job_id for final in history.finals} | unwanted.keys()
    lost = {one.job_id: one for one in history.accepted if one.job_id not in there}
    broken = [f"{one.job_id} was accepted at {one.answered:.3f} and is not there" for one in lost.values()]
    broken += [
        f"{one.client} was told at {one.answered:.3f} that there is no {one.job_id}"
        for one in history.absences
        if one.answered < unwanted.get(one.job_id, math.inf)
    ]
    for final in history.finals:
        if final.state not in FINAL:
            waited = history.ended - history.quiet_from
            broken.append(f"{final.job_id} is still {final.state}, {waited:.0f} s after the last fault")
    return broken


def the_end_is_the_end(history: History) -> list[str]:
    """(2) No answer, and no record, leaves a final state."""
    broken: list[str] = []
    for job_id, readings in by_job(history.readings):
        first: Reading | None = None
        for reading in sorted(readings, key=lambda one: one.answered):
            if reading.state in FINAL and first is None:
                first = reading
        broken.extend(
            f"{job_id} was {first.state} for {first.client}, then {one.state} for {one.client}"
            for one in readings
            if first is not None and one.asked > first.answered and one.state != first.state
        )
    for job_id, writes in by_job(history.writes):
        for before, after in itertools.pairwise(writes):
            if before.state in FINAL:
                broken.append(f"{job_id} was {before.state} and was written again by {after.verb} at {after.at:.3f}")
    return broken


def progress_never_falls(history: History) -> list[str]:
    """(3) Whoever asks after somebody was answered hears no less; 100 is for jobs that succeeded."""
    broken = []
    for job_id, readings in by_job(history.readings):
        answered = sorted(readings, key=lambda one: one.answered)
        highest: Reading | None = None
        position = 0
        for reading in sorted(readings, key=lambda one: one.asked):
            while position < len(answered) and answered[position].answered < reading.asked:
                if highest is None or answered[position].percent > highest.percent:
                    highest = answered[position]
                position += 1
            if highest is not None and reading.percent < highest.percent:
                broken.append(
                    f"{job_id} fell from {highest.percent} (answered at {highest.answered:.3f} by {highest.via})"
                    f" to {reading.percent} (asked at {reading.asked:.3f} of {reading.via})"
                )
            if (reading.percent == 100) != (reading.state == SUCCEEDED):
                broken.append(f"{job_id} was shown at {reading.percent} while {reading.state}")
    return broken


def a_success_can_be_downloaded(history: History) -> list[str]:
    """
    (3) Once anybody heard `succeeded`, no download is refused, now or later.

    After the client has asked for its deletion, it may be refused as a job that is not there; and as an object that is
    not there once the record is gone, which a download that is under way may have seen before.
    """
    unwanted = asked_to_go(history)
    succeeded: dict[str, float] = {}
    for reading in history.readings:
        if reading.state == SUCCEEDED:
            succeeded[reading.job_id] = min(reading.answered, succeeded.get(reading.job_id, reading.answered))
    return [
        f"{one.job_id} succeeded, and its download at {one.asked:.3f} was refused: {one.problem}"
        for one in history.downloads
        if one.problem is not None and one.job_id in succeeded and one.asked > succeeded[one.job_id]
        if one.answered < (unwanted if one.problem == NOT_FOUND else history.erased).get(one.job_id, math.inf)
    ]


def the_bytes_are_right(history: History) -> list[str]:
    """(4) Whatever was delivered is what an undisturbed run would have made."""
    return [
        f"{one.job_id}: the download at {one.asked:.3f} brought other bytes"
        for one in history.downloads
        if one.digest is not None and one.digest != history.expected[history.upload_of[one.job_id]].digest
    ]


def only_the_holder_writes(history: History) -> list[str]:
    """(5) A write that speaks for an attempt is of the one that holds the job; attempts only rise."""
    broken: list[str] = []
    for job_id, writes in by_job(history.writes):
        broken.extend(
            f"{job_id}: {one.verb} of {one.holder} at {one.at:.3f}, but {one.held} held it"
            for one in writes
            if one.holder is not None and one.holder != one.held
        )
        for before, after in itertools.pairwise(writes):
            taken = after.verb in {"claim", "take_over"}
            if after.attempt != before.attempt + taken:
                broken.append(f"{job_id}: {after.verb} made attempt {after.attempt} of {before.attempt}")
    return broken


def outputs_are_of_the_last_attempt(history: History) -> list[str]:
    """(5) The output that a record names was made by the attempt that it names."""
    return [
        f"{final.job_id} is at attempt {final.attempt} and names {final.output_key}"
        for final in history.finals
        if final.output_key is not None and f"/{final.attempt}/" not in final.output_key
    ]


def nothing_is_left(history: History) -> list[str]:
    """(6) Nothing lies about that no record names, unless somebody was killed before he could tidy up."""
    return [f"{left.key} was left behind" for left in history.leftovers if left.excuse is None]


def one_key_one_job(history: History) -> list[str]:
    """(7) A tenant's Idempotency-Key stands for one job, until that is deleted."""
    unwanted = asked_to_go(history)
    jobs: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in history.accepted:
        if one.key is not None and one.job_id not in unwanted:
            jobs[one.tenant, one.key].add(one.job_id)
    return [
        f"{key} of {who!r} became {len(found)} jobs" for (who, key), found in sorted(jobs.items()) if len(found) > 1
    ]


def cancelled_means_no_output(history: History) -> list[str]:
    """(8) A cancelled job names no output, and delivers none."""
    cancelled = {final.job_id for final in history.finals if final.state == CANCELLED}
    wished = {wish.job_id for wish in history.wishes} | asked_to_go(history).keys()
    named = (one for one in history.finals if one.job_id in cancelled and one.output_key is not None)
    delivered = (one for one in history.downloads if one.job_id in cancelled and one.digest is not None)
    return (
        [f"{one.job_id} is cancelled and names {one.output_key}" for one in named]
        + [f"{one.job_id} is cancelled, and was delivered at {one.asked:.3f}" for one in delivered]
        + [f"{job_id} is cancelled, and its client never wished that" for job_id in sorted(cancelled - wished)]
    )


def verdicts_are_just(history: History) -> list[str]:
    """A job fails only with what its file, or what was done to the system, can explain."""
    broken = []
    for final in history.finals:
        expected = history.expected[final.upload_id]
        if final.state == SUCCEEDED and not expected.may_succeed:
            broken.append(f"{final.job_id} succeeded with a file that cannot be converted")
        if final.failure == "input_gone" and final.upload_id in asked_to_go(history):
            continue  # its client deleted what it was to be made of
        if final.failure is not None and final.failure not in expected.failures:
            broken.append(f"{final.job_id} failed with {final.failure}")
    return broken


def nobody_is_replaced_while_working(history: History) -> list[str]:
    """
    Trust ends before the lease: when a job is taken over, the ffmpeg of the attempt before has stopped.

    Unless its process did not run for a while, in which case nobody could have stopped it.
    """
    broken = []
    running: dict[tuple[str, int], Conversion] = {(one.job_id, one.attempt): one for one in history.conversions}
    for write in history.writes:
        before = running.get((write.job_id, write.attempt - 1))
        if write.verb != "take_over" or before is None or before.begun > write.at:
            continue
        overslept = before.asleep is not None and before.asleep > write.at - 2 * LEASE
        if not overslept and (before.ended is None or before.ended > write.at):
            broken.append(f"{write.job_id}: attempt {write.attempt} began while {before.via} was still converting")
    return broken


def an_end_is_recorded_at_once(history: History) -> list[str]:
    """
    When ffmpeg has ended, its attempt says what came of it, whatever else it has to do.

    Unless something was done to its container, or any call could go wrong.
    """
    said = {(one.job_id, one.attempt): one.at for one in history.writes if one.holder and one.verb in OUTCOMES}
    broken = []
    for one in history.conversions:
        if one.ended is None or history.noisy or one.via in history.disturbed:
            continue
        at = said.get((one.job_id, one.attempt))
        if at is None or at > one.ended + AT_ONCE:
            when = "never" if at is None else f"{at - one.ended:.1f} s later"
            broken.append(f"{one.job_id}: attempt {one.attempt} ended at {one.ended:.3f}, and said so {when}")
    return broken


def the_deleted_is_gone(history: History) -> list[str]:
    """(9) After a deletion was answered with DONE, nobody is shown the job, or delivered, and no write finds it."""
    gone: dict[str, float] = {}
    for one in history.deletions:
        if one.answer == DONE:
            gone[one.what] = min(one.answered, gone.get(one.what, math.inf))
    broken = [
        f"{one.job_id} was deleted at {gone[one.job_id]:.3f} and read as {one.state} at {one.asked:.3f}"
        for one in history.readings
        if one.asked > gone.get(one.job_id, math.inf)
    ]
    broken += [
        f"{one.job_id} was deleted at {gone[one.job_id]:.3f} and delivered at {one.asked:.3f}"
        for one in history.downloads
        if one.digest is not None and one.asked > gone.get(one.job_id, math.inf)
    ]
    broken += [
        f"{one.job_id} was deleted at {gone[one.job_id]:.3f} and written by {one.verb} at {one.at:.3f}"
        for one in history.writes
        if one.at > gone.get(one.job_id, math.inf)
    ]
    return broken + [f"{one.job_id} was deleted and is there" for one in history.finals if one.job_id in gone]


def deleting_may_be_repeated(history: History) -> list[str]:
    """(9) A deletion is answered with DONE (or STOPPING, while the job still runs), however often it is asked for."""
    done: dict[str, float] = {}
    broken = []
    for one in sorted(history.deletions, key=lambda one: one.answered):
        if one.answer not in {None, DONE, STOPPING}:
            broken.append(f"the deletion of {one.what} at {one.asked:.3f} was refused: {one.answer}")
        if one.answer == STOPPING and one.asked > done.get(one.what, math.inf):
            broken.append(f"{one.what} was deleted, and is still to be stopped at {one.asked:.3f}")
        if one.answer == DONE:
            done.setdefault(one.what, one.answered)
    return broken


def nobody_sees_anothers(history: History) -> list[str]:
    """(10) To another tenant, a job or an upload is not there: neither to look at, nor to cancel, use or delete."""
    owner = {final.job_id: final.tenant for final in history.finals}
    mixed = (one for one in history.accepted if one.tenant != owner.get(one.job_id, one.tenant))
    seen = (one for one in history.glimpses if one.answer != (DONE if one.verb.startswith("delete") else NOT_FOUND))
    return [f"{one.tenant!r} was given {one.job_id} of {owner[one.job_id]!r}" for one in mixed] + [
        f"{one.verb} of {one.what} by another tenant at {one.at:.3f} was answered with {one.answer}" for one in seen
    ]


def the_living_is_spared(history: History) -> list[str]:
    """(11) No janitor, and no deletion, removes what belongs to somebody at that moment."""
    return [f"{one.key} was removed at {one.at:.3f}, but {one.owner}" for one in history.removals if one.owner]


def janitors_leave_nothing(history: History) -> list[str]:
    """(11) After every janitor has had its grace, all that is there belongs to somebody."""
    return [f"{what} is still there, and nobody's" for what in history.remains]


def nothing_was_unexpected(history: History) -> list[str]:
    """No part of the service met an error that it had no name for."""
    return [f"unexpected: {surprise}" for surprise in history.surprises]


ALL: tuple[Callable[[History], list[str]], ...] = (
    every_job_ends,
    the_end_is_the_end,
    progress_never_falls,
    a_success_can_be_downloaded,
    the_bytes_are_right,
    only_the_holder_writes,
    outputs_are_of_the_last_attempt,
    nothing_is_left,
    one_key_one_job,
    cancelled_means_no_output,
    verdicts_are_just,
    nobody_is_replaced_while_working,
    an_end_is_recorded_at_once,
    the_deleted_is_gone,
    deleting_may_be_repeated,
    nobody_sees_anothers,
    the_living_is_spared,
    janitors_leave_nothing,
    nothing_was_unexpected,
)


def judge(history: History) -> list[str]:
    """All broken promises, each led by the checker that found it."""
    return [f"{check.__name__}: {text}" for check in ALL for text in check(history)]


def asked_to_go(history: History) -> dict[str, float]:
    """Jobs and uploads whose clients asked for their deletion, and when they did first."""
    found: dict[str, float] = {}
    for one in history.deletions:
        found[one.what] = min(one.asked, found.get(one.what, math.inf))
    return found


def by_job(records: Iterable[T]) -> list[tuple[str, list[T]]]:
    """Records in their order, job by job."""
    found: dict[str, list[T]] = defaultdict(list)
    for record in records:
        found[record.job_id].append(record)
    return list(found.items())
