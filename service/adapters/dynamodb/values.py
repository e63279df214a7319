"""
Single values as DynamoDB wants them, and back; and diagnostics that fit into an item, whatever ffmpeg had to say.
"""

import json
from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal
from typing import Any

Item = Mapping[str, Any]  # attribute name → {"S": …} | {"N": …} | {"BOOL": …}
Scalar = str | bool | int | float | Decimal

MAX_DIAGNOSTICS_SIZE = 8192  # bytes of JSON


def encode(value: Scalar) -> Mapping[str, Any]:
    """Return one value as DynamoDB wants it."""
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, Decimal):  # with all of its digits
        return {"N": str(value)}
    if isinstance(value, int | float):
        return {"N": str(round(value, 3))}
    return {"S": value}


def item_of(values: Mapping[str, Scalar | None]) -> Item:
    """Return an item of these values; what is None is left out."""
    return {name: encode(value) for name, value in values.items() if value is not None}


def text_in(item: Item, name: str) -> str | None:
    """Return a text, or None if the item has none by this name."""
    return item[name]["S"] if name in item else None


def time_in(item: Item, name: str) -> float | None:
    """Return seconds, or None if the item has none by this name."""
    return float(item[name]["N"]) if name in item else None


def milliseconds_in(item: Item, name: str) -> float:
    """Return seconds to the millisecond, without the digits that a place in the index may have behind them."""
    return float(Decimal(item[name]["N"]).quantize(Decimal("0.001"), ROUND_DOWN))


def as_json(value: object) -> str:
    """Return compact JSON of any value."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def bounded(diagnostics: Mapping[str, object]) -> Mapping[str, object]:
    """
    Return the same, or a version that fits into `MAX_DIAGNOSTICS_SIZE`, marked with ``"truncated": True``.

    Long texts and lists keep their end, because that is where ffmpeg says why it gave up.
    """
    if _fits(diagnostics):
        return diagnostics
    for most in (2000, 500, 100):
        cut = {str(name)[:100]: _end(value, most) for name, value in list(diagnostics.items())[:40]}
        if _fits(smaller := {**cut, "truncated": True}):
            return smaller
    return {"truncated": True}


def _fits(value: object) -> bool:
    return len(as_json(value).encode(errors="replace")) <= MAX_DIAGNOSTICS_SIZE


def _end(value: object, most: int) -> object:
    """Return the last `most` characters of a text, or that much of the last lines of a list."""
    if isinstance(value, int | float | bool) or value is None:
        return value
    if isinstance(value, list | tuple):
        return [_end(line, most // 4) for line in value[-12:]]
    return (value if isinstance(value, str) else as_json(value))[-most:]
