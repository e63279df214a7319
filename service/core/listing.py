"""
The order in which a tenant's jobs and uploads are listed, and the cursor that says how far a client has read.

The newest comes first, by its *place*: the milliseconds of its creation, and twelve digits of its id behind them, so
that two of one moment have an order, too. A cursor is the place of the last entry that was looked at. It names nothing
that belongs to somebody: the store looks for it among the entries of the tenant that asks.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from service.core.errors import InvalidRequest

MOST_ON_A_PAGE: Final = 100
USUAL_ON_A_PAGE: Final = 20
_TIE: Final = 10**12
_CURSOR = re.compile(r"[0-9a-f]{1,24}")  # below 2 ** 96, which DynamoDB's 38 digits hold


@dataclass(frozen=True, slots=True)
class Entry:
    """One job or upload in a list."""

    place: int
    name: str  # its id


def place_of(created_at: float, name: str) -> int:
    """Return where a thing of this id that was made then (seconds since the epoch) stands; later is greater."""
    tie = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % _TIE
    return round(created_at * 1000) * _TIE + tie


def newest(entries: Iterable[Entry], before: int | None, limit: int) -> list[Entry]:
    """Return the first `limit` entries below the place `before`, the newest first: what a store returns."""
    below = (entry for entry in entries if before is None or entry.place < before)
    return sorted(below, key=lambda entry: -entry.place)[:limit]


def cursor_of(place: int) -> str:
    """Return what a client sends to go on behind this place."""
    return f"{place:x}"


def place_in(cursor: str) -> int:
    """Return the place in a cursor. Raises `InvalidRequest` for what is none."""
    if _CURSOR.fullmatch(cursor) is None:
        raise InvalidRequest("cursor: take it from `next` of the page before, as it is.")
    return int(cursor, 16)
