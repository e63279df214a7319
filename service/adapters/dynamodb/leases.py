"""A lease as a part of an item: of a job today, of whatever is leased tomorrow."""

from service.adapters.aws.resources import DUE_AT
from service.adapters.dynamodb.values import Item, Scalar, milliseconds_in, text_in
from service.core.jobs.lease import Lease, State


def lease_values(lease: Lease) -> dict[str, Scalar | None]:
    """Return what a lease adds to an item; its key and its place in the queue are those of the item."""
    return {
        "state": lease.state.value,
        "due_at": lease.due_at,
        "owner": lease.owner,
        "attempt": lease.attempt,
        "beat": lease.beat,
        "lapses": lease.lapses,
        "excused": lease.excused or None,
        "faults": lease.faults,
        "alive": lease.alive or None,
        "mistaken": lease.mistaken or None,
        "lived": lease.lived or None,
    }


def lease_in(key: str, item: Item) -> Lease:
    """Read the lease of this key from an item; raises `KeyError` or `ValueError` if it has none."""
    return Lease(
        key=key,
        state=State(item["state"]["S"]),
        due_at=milliseconds_in(item, DUE_AT),
        owner=text_in(item, "owner"),
        attempt=int(item["attempt"]["N"]),
        beat=int(item["beat"]["N"]),
        lapses=int(item["lapses"]["N"]),
        excused=_count(item, "excused"),
        faults=int(item["faults"]["N"]),
        alive=_count(item, "alive"),
        mistaken=_count(item, "mistaken"),
        lived=_count(item, "lived"),
    )


def _count(item: Item, name: str) -> int:
    """Read a number that an older release did not write."""
    return int(item[name]["N"]) if name in item else 0
