"""Checkers of removals: by clients, who delete jobs and uploads, and by janitors."""

import math

from chaos.history.records import DONE, STOPPING, History


def deleted_jobs_stay_deleted(history: History) -> list[str]:
    """(9) A job whose deletion was confirmed is neither shown nor delivered, and no write finds it."""
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


def deletion_may_be_repeated(history: History) -> list[str]:
    """(9) A deletion may be asked for again, and is then answered as before (or with "stopping" while the job runs)."""
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


def owned_objects_are_never_removed(history: History) -> list[str]:
    """(11) No janitor, and no deletion, removes what a record needs at that moment."""
    return [f"{one.key} was removed at {one.at:.3f}, but {one.owner}" for one in history.removals if one.owner]


def janitors_remove_all_orphans(history: History) -> list[str]:
    """(11) After every janitor has had its grace, nothing is left that no record needs."""
    return [f"{what} is still there, and no record needs it" for what in history.remains]
