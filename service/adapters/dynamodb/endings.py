"""
The writes that end a job, as `adapters.dynamodb.conditions` has all others.

Each takes the job out of its queue, and where its tenant is to be notified, puts it into the outbox in the same step:
`notice` is what `adapters.dynamodb.outbox` adds to the item for that. So there is no end without its notification, and
no second write that could get lost in between.
"""

from collections.abc import Mapping
from types import MappingProxyType

from service.adapters.dynamodb.conditions import FENCE, HAS_STOOD_STILL, IS_QUEUED, Change, mine, pair
from service.adapters.dynamodb.items import failure_values, output_values
from service.adapters.dynamodb.values import Scalar
from service.core.jobs.job import Failure, Output
from service.core.jobs.lease import Holding, Lease

Notice = Mapping[str, Scalar]
NO_NOTICE: Notice = MappingProxyType({})


def exhaust(seen: Lease, failure: Failure, now: float, stamp: str, notice: Notice = NO_NOTICE) -> Change:
    """Make a running item failed, by a watcher instead of the holder."""
    values = {**failure_values(failure), **notice}
    return Change(
        HAS_STOOD_STILL,
        f"SET #state = :failed, #lapses = #lapses + :one, {_ended(values)}",
        {**pair(seen), **values, "now": now, "stamp": stamp, "one": 1},
    )


def succeed(holding: Holding, output: Output, now: float, stamp: str, notice: Notice = NO_NOTICE) -> Change:
    """Make a running item succeeded: the one write that makes an output visible."""
    values = {**output_values(output), **notice}
    return Change(
        FENCE,
        f"SET #state = :succeeded, #percent = :percent, {_ended(values)}",
        {**mine(holding), **values, "percent": 100, "now": now, "stamp": stamp},
    )


def fail(
    holding: Holding, failure: Failure, now: float, stamp: str, path: str | None = None, notice: Notice = NO_NOTICE
) -> Change:
    """Make a running item failed, by the holder."""
    # Without a path of its own that of an earlier attempt stays.
    values = {**failure_values(failure), **({"path": path} if path else {}), **notice}
    return Change(
        FENCE,
        f"SET #state = :failed, {_ended(values)}",
        {**mine(holding), **values, "now": now, "stamp": stamp},
    )


def stop(holding: Holding, now: float, stamp: str, notice: Notice = NO_NOTICE) -> Change:
    """Make a running item cancelled, by the holder."""
    return Change(
        FENCE,
        f"SET #state = :cancelled, {_ended(notice)}",
        {**mine(holding), **notice, "now": now, "stamp": stamp},
    )


def cancel_queued(now: float, stamp: str, notice: Notice = NO_NOTICE) -> Change:
    """Make a queued item cancelled."""
    return Change(
        IS_QUEUED,
        f"SET #state = :cancelled, #cancel_requested = :yes, {_ended(notice)}",
        {**notice, "yes": True, "now": now, "stamp": stamp},
    )


def _ended(values: Mapping[str, Scalar]) -> str:
    """Return what every end does, and `values` under their own names. What is notified stays in the index."""
    changes = ", ".join(["#finished_at = :now", "#stamp = :stamp", *(f"#{name} = :{name}" for name in values)])
    return f"{changes} REMOVE #owner" + ("" if "queue" in values else ", #queue")
