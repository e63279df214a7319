"""
Every write to a job but its end (`adapters.dynamodb.endings`): what it changes, and the condition under which it may.

DynamoDB checks a condition and writes in one atomic step on one item; that step is the only lock in this system. A
condition is put together from named clauses, each with the situation that it is there for. A placeholder ``#name``
stands for the attribute of that name, ``:queued`` … ``:cancelled`` for the states, any other ``:value`` for what the
function binds.

The stamp
    ::

        us           ── claim ──▶ ✓ written      (the answer is lost)      ── claim, sent again ──▶ refused: not queued
        the item     state = running, owner = us, stamp = 7f3…

    botocore sends again what was not answered, so a write can be refused *because of itself*. Every transition
    therefore leaves a ``stamp`` that is unique to the call; a write that is refused by an item with its own stamp has
    succeeded. The owner could not tell: two tasks of one process claim under the same name.

Queue keys
    ``queue`` alone decides whether an item is in the sparse index; ``due_at`` stays where it is, so that a job reads
    back as it was written. Renewals and notes touch neither, and cost one write unit.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from service.adapters.dynamodb.items import PENDING, STAMP
from service.adapters.dynamodb.values import Scalar, encode
from service.core.jobs.lease import Holding, Lease, State
from service.core.jobs.queue import queue_of

# ── clauses ──────────────────────────────────────────────────────────────────────────────────────────────────────

# There is no such item yet. (On an item that does not exist every other clause below is false.)
IS_NEW = "attribute_not_exists(#pk)"

# No worker holds the job: the only state in which it can be claimed, or cancelled at once.
IS_QUEUED = "#state = :queued"

# A worker holds it. Together with the next two: this worker, in this attempt.
IS_RUNNING = "#state = :running"

# This worker is the owner in the record …
IS_OURS = "#owner = :owner"

# … and the attempt is the one that it began. The attempt only rises, so this alone catches the one case
# that a name cannot: replaced, and then claimed again by another task of our own process.
IS_OUR_ATTEMPT = "#attempt = :attempt"

# THE FENCE, on every write of a holder:
#
#   worker A   claim (attempt 1) ── frozen ················· thaws ── succeed ──▶ refused: attempt is 2
#   worker B               take over (attempt 2) ── succeed ✓
#   worker A   claim (attempt 1) ── frozen ··· thaws ── renew ──▶ refused: attempt is 2, B goes on undisturbed
#   worker A   claim (attempt 1) ── cut off ── release arrives late ──▶ refused: state is succeeded
FENCE = f"{IS_RUNNING} AND {IS_OURS} AND {IS_OUR_ATTEMPT}"

# The lease that lapsed is the one that stood still under the watcher's eyes:
#
#   holder     renew (beat 7) ── slow ──────────────── renew (beat 8) ✓
#   watcher         sees 7 ──── a lease later, still 7 ──────── take over if beat = 7 ──▶ refused, the holder lives
#   watcher 2       sees 7 ──── take over ✓ (attempt 2, beat 0)
#   watcher         sees 7 ──── take over if attempt = 1 and beat = 7 ──▶ refused, watcher 2 was first
HAS_STOOD_STILL = f"{IS_RUNNING} AND #attempt = :seen_attempt AND #beat = :seen_beat"

# A new attempt starts at nought, and a renewal can be overtaken by a later one. The ceiling must not follow them down.
CEILING_DOES_NOT_FALL = "#percent <= :percent"

# Of two readers the one with the greater reading wins, in whichever order they arrive …
SHOWS_MORE = "#shown < :shown"

# … and a job that is over has its last word already.
IS_UNFINISHED = "#state IN (:queued, :running)"
IS_FINAL = "#state IN (:succeeded, :failed, :cancelled)"

# A worker that lives says so once for each attempt of its own that another worker took over, or gave back.
WAS_TAKEN = "(#attempt > :attempt OR (#attempt = :attempt AND #state = :queued))"
WAS_TAKEN_FOR_DEAD = f"{WAS_TAKEN} AND (attribute_not_exists(#alive) OR #alive < :attempt)"

# A deletion that is repeated finds nothing, and that is what it wanted.
MAY_BE_FORGOTTEN = f"{IS_NEW} OR {IS_FINAL}"

# A key is free if it was never used, if its own time is over (TTL removes items days late), or if the job that it stood
# for was deleted since: then there is nothing left to answer with.
KEY_IS_FREE = f"{IS_NEW} OR #expires_at <= :now OR #job_id = :deleted_job"

# An upload whose parts are still to come. Of two completions that race, the later one finds the first one's record.
IS_PENDING = "#state = :pending"


# An older release wrote no `excused`.
ONE_MORE_EXCUSED = "#excused = if_not_exists(#excused, :zero) + :one"


# ── changes ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Change:
    """A condition, an update (empty for puts and deletes), and the values that both speak of."""

    condition: str
    update: str = ""
    values: Mapping[str, Scalar] = field(default_factory=dict)

    @property
    def stamp(self) -> Scalar | None:
        """What this change leaves behind to be known by, if it is a transition."""
        return self.values.get(STAMP)

    def request(self) -> dict[str, Any]:
        """Return the arguments of the call; names and values are only those in use, as DynamoDB demands."""
        text = f"{self.update} {self.condition}"
        known = {**{state.value: state.value for state in State}, **self.values}
        values = {f":{name}": encode(known[name]) for name in re.findall(r":(\w+)", text)}
        return {
            "ConditionExpression": self.condition,
            "ExpressionAttributeNames": {f"#{name}": name for name in re.findall(r"#(\w+)", text)},
            **({"UpdateExpression": self.update} if self.update else {}),
            **({"ExpressionAttributeValues": values} if values else {}),
        }


def claim(key: str, owner: str, now: float, stamp: str, shards: int) -> Change:
    """Make a queued item running: a new attempt, by `owner`."""
    return Change(
        IS_QUEUED,
        "SET #state = :running, #queue = :queue, #owner = :owner, #attempt = #attempt + :one, #beat = :zero, "
        "#started_at = if_not_exists(#started_at, :now), #stamp = :stamp",
        {**_into(State.RUNNING, key, shards), "owner": owner, "now": now, "stamp": stamp, "one": 1, "zero": 0},
    )


def take_over(seen: Lease, owner: str, stamp: str, *, excused: bool = False) -> Change:
    """Give a running item to another owner, as a new attempt; its place in the queue is the same."""
    return Change(
        HAS_STOOD_STILL,
        f"SET #owner = :owner, #attempt = #attempt + :one, #beat = :zero, {_lapse(excused=excused)}, #stamp = :stamp",
        {**pair(seen), "owner": owner, "stamp": stamp, "one": 1, "zero": 0},
    )


def requeue(seen: Lease, stamp: str, shards: int, *, excused: bool = False) -> Change:
    """Make a running item queued, by a watcher instead of the holder."""
    return Change(
        HAS_STOOD_STILL,
        f"SET #state = :queued, #queue = :queue, {_lapse(excused=excused)}, #stamp = :stamp REMOVE #owner",
        {**pair(seen), **_into(State.QUEUED, seen.key, shards), "stamp": stamp, "one": 1, "zero": 0},
    )


def note_alive(attempt: int, *, counted: bool) -> Change:
    """Note a mistake, and make a lapse that `counted` an excused one. Repeated, it does no harm: it needs no stamp."""
    there_is = " AND #lapses > :zero" if counted else ""
    excuse = f", #lapses = #lapses - :one, {ONE_MORE_EXCUSED}" if counted else ""
    return Change(
        f"{IS_UNFINISHED} AND {WAS_TAKEN_FOR_DEAD}{there_is}",
        f"SET #alive = :attempt, #mistaken = if_not_exists(#mistaken, :zero) + :one{excuse}",
        {"attempt": attempt, "one": 1, "zero": 0},
    )


def renew(holding: Holding, percent: float, path: str | None) -> Change:
    """Raise the beat, with progress."""
    return Change(
        f"{FENCE} AND {CEILING_DOES_NOT_FALL}",
        "SET #beat = #beat + :one, #percent = :percent" + (", #path = :path" if path else ""),
        {**mine(holding), "percent": percent, "one": 1, **({"path": path} if path else {})},
    )


def renew_only(holding: Holding, path: str | None) -> Change:
    """Raise the beat of a holder whose progress is still behind what the record knows."""
    return Change(
        FENCE,
        "SET #beat = #beat + :one" + (", #path = :path" if path else ""),
        {**mine(holding), "one": 1, **({"path": path} if path else {})},
    )


def release(holding: Holding, due_at: float, stamp: str, shards: int, *, fault: bool) -> Change:
    """Make a running item queued."""
    return Change(
        FENCE,
        "SET #state = :queued, #queue = :queue, #due_at = :due_at, #faults = #faults + :fault, #stamp = :stamp "
        "REMOVE #owner",
        {
            **mine(holding),
            **_into(State.QUEUED, holding.key, shards),
            "due_at": due_at,
            "fault": int(fault),
            "stamp": stamp,
        },
    )


def cancel_running() -> Change:
    """Leave a note for the holder, which reads it in the answer to its next renewal."""
    return Change(IS_RUNNING, "SET #cancel_requested = :yes", {"yes": True})


def note_shown(percent: float) -> Change:
    """Raise what was answered from the record alone."""
    return Change(f"{IS_UNFINISHED} AND {SHOWS_MORE}", "SET #shown = :shown", {"shown": percent})


def forget() -> Change:
    """Delete a job."""
    return Change(MAY_BE_FORGOTTEN)


def put_new() -> Change:
    """Put an item that must not exist yet."""
    return Change(IS_NEW)


def complete_upload() -> Change:
    """Replace a pending upload by the complete one, the whole item."""
    return Change(IS_PENDING, values={"pending": PENDING})


def enter(queue: str, expires_at: float) -> Change:
    """Note bytes that are stored until then; the number of bytes is in the key. Repeating it does no harm."""
    return Change(
        f"{IS_NEW} OR #queue = :queue",
        "SET #queue = :queue, #due_at = :due_at, #expires_at = :expires_at",
        {"queue": queue, "due_at": expires_at, "expires_at": math.ceil(expires_at)},
    )


def use_key(now: float, deleted_job: str | None) -> Change:
    """Put an idempotency item; `deleted_job` is one that it pointed to and that was found to be gone."""
    return Change(KEY_IS_FREE, values={"now": now, "deleted_job": deleted_job or "-"})


def mine(holding: Holding) -> dict[str, Scalar]:
    """Return the values of `FENCE`."""
    return {"owner": holding.owner, "attempt": holding.attempt}


def _lapse(*, excused: bool) -> str:
    return f"{ONE_MORE_EXCUSED if excused else '#lapses = #lapses + :one'}, #lived = :seen_beat"


def pair(seen: Lease) -> dict[str, Scalar]:
    """Return the values of `HAS_STOOD_STILL`."""
    return {"seen_attempt": seen.attempt, "seen_beat": seen.beat}


def _into(state: State, key: str, shards: int) -> dict[str, Scalar]:
    queue = queue_of(state, key, shards)
    return {"queue": queue} if queue else {}
