"""Checkers of attempts: leases, fencing, and what an attempt leaves behind."""

import itertools

from chaos.history.records import Conversion, History, by_job

LEASE = 6.0  # seconds
AT_ONCE = 3.0  # seconds
OUTCOMES = frozenset({"succeed", "fail", "stop", "release"})


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


def holders_stop_before_takeover(history: History) -> list[str]:
    """
    Trust ends before the lease: when a job is taken over, the ffmpeg of the attempt before has stopped or stands still.

    Unless its process did not run for a while, in which case it could not stop it either, or was taken for dead by a
    mistaken hint, which the fence is for.
    """
    broken = []
    running: dict[tuple[str, int], Conversion] = {(one.job_id, one.attempt): one for one in history.conversions}
    for write in history.writes:
        before = running.get((write.job_id, write.attempt - (write.verb == "take_over")))
        if write.verb not in {"take_over", "requeue"} or before is None or before.begun > write.at:
            continue
        overslept = before.asleep is not None and before.asleep > write.at - 2 * LEASE
        works = (before.ended is None or before.ended > write.at) and not before.stands_at(write.at)
        successor = before.attempt + 1
        if works and not overslept and (write.job_id, successor) not in history.heard:
            broken.append(f"{write.job_id}: attempt {write.attempt} began while {before.via} was still converting")
    return broken


def outcomes_are_recorded_at_once(history: History) -> list[str]:
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


def attempts_clean_up(history: History) -> list[str]:
    """(6) An attempt leaves nothing that no record names, unless it was killed before it could clean up."""
    return [f"{left.key} was left behind" for left in history.leftovers if left.excuse is None]
