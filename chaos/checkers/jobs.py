"""
Checkers of a history: each is a pure function that returns one sentence per broken promise.

`ALL` need nothing but what clients and the store have seen, so they hold for any run of the system. Those about
attempts and about removals have modules of their own.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Callable

from chaos.checkers.attempts import (
    attempts_clean_up,
    holders_stop_before_takeover,
    only_the_holder_writes,
    outcomes_are_recorded_at_once,
    outputs_are_of_the_last_attempt,
)
from chaos.checkers.removals import (
    deleted_jobs_stay_deleted,
    deletion_may_be_repeated,
    janitors_remove_all_orphans,
    owned_objects_are_never_removed,
)
from chaos.history.records import (
    CANCELLED,
    DONE,
    FINAL,
    NOT_FOUND,
    SUCCEEDED,
    History,
    Reading,
    asked_to_go,
    by_job,
    expectation_of,
)

END_TIMEOUT = 240.0  # seconds without faults, in which every job has to end


def every_job_ends(history: History) -> list[str]:
    """(1) An accepted job is still there unless its client deleted it, and ends when faults have ended."""
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


def final_states_are_final(history: History) -> list[str]:
    """(2) A job that has ended stays as it ended: no answer, and no record, leaves a final state."""
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
    """(3) A client that asks after another was answered is told no less; only succeeded jobs are at 100."""
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
    (3) Once a client was told `succeeded`, no download is refused, now or later.

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
        if one.digest is not None
        and one.digest != expectation_of(history, one.job_id, history.upload_of[one.job_id]).digest
    ]


def an_idempotency_key_is_one_job(history: History) -> list[str]:
    """(7) A tenant's Idempotency-Key stands for one job, until that is deleted."""
    unwanted = asked_to_go(history)
    jobs: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in history.accepted:
        if one.key is not None and one.job_id not in unwanted:
            jobs[one.tenant, one.key].add(one.job_id)
    return [
        f"{key} of {tenant!r} became {len(found)} jobs"
        for (tenant, key), found in sorted(jobs.items())
        if len(found) > 1
    ]


def cancelled_jobs_have_no_output(history: History) -> list[str]:
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


def failures_are_explained(history: History) -> list[str]:
    """A job fails only with what its file, or what was done to the system, can explain."""
    broken = []
    for final in history.finals:
        try:
            expected = expectation_of(history, final.job_id, final.upload_id)
        except KeyError:
            broken.append(f"{final.job_id} was made of {final.upload_id}, which no client was told of")
            continue
        if final.state == SUCCEEDED and not expected.may_succeed:
            broken.append(f"{final.job_id} succeeded with a file that cannot be converted")
        if final.failure == "input_gone" and final.upload_id in asked_to_go(history):
            continue  # its client deleted what it was to be made of
        if final.failure is not None and final.failure not in expected.failures:
            broken.append(f"{final.job_id} failed with {final.failure}")
    return broken


def tenants_are_isolated(history: History) -> list[str]:
    """(10) To another tenant, a job or an upload is not there: neither to look at, nor to cancel, use or delete."""
    owner = {final.job_id: final.tenant for final in history.finals}
    mixed = (one for one in history.accepted if one.tenant != owner.get(one.job_id, one.tenant))
    seen = (one for one in history.glimpses if one.answer != (DONE if one.verb.startswith("delete") else NOT_FOUND))
    return [f"{one.tenant!r} was given {one.job_id} of {owner[one.job_id]!r}" for one in mixed] + [
        f"{one.verb} of {one.what} by another tenant at {one.at:.3f} was answered with {one.answer}" for one in seen
    ]


def nothing_was_unexpected(history: History) -> list[str]:
    """No part of the service met an error that it had no name for."""
    return [f"unexpected: {surprise}" for surprise in history.surprises]


ALL: tuple[Callable[[History], list[str]], ...] = (
    every_job_ends,
    final_states_are_final,
    progress_never_falls,
    a_success_can_be_downloaded,
    the_bytes_are_right,
    only_the_holder_writes,
    outputs_are_of_the_last_attempt,
    attempts_clean_up,
    an_idempotency_key_is_one_job,
    cancelled_jobs_have_no_output,
    failures_are_explained,
    holders_stop_before_takeover,
    outcomes_are_recorded_at_once,
    deleted_jobs_stay_deleted,
    deletion_may_be_repeated,
    tenants_are_isolated,
    owned_objects_are_never_removed,
    janitors_remove_all_orphans,
    nothing_was_unexpected,
)


def broken_promises(history: History) -> list[str]:
    """Return all broken promises, each led by the checker that found it."""
    return [f"{check.__name__}: {text}" for check in ALL for text in check(history)]
