"""How long a line may be: what a client sends is logged, and it may send megabytes."""

from collections.abc import MutableMapping
from itertools import islice
from typing import Any

MOST_CHARACTERS = 2000  # of one text; a name of an object has 1024 bytes at most
MOST_ITEMS = 100  # of a list or a mapping; ffmpeg has about 60 arguments
MOST_LEVELS = 6
TRACE = "exception"  # the field
MOST_TRACE = 20_000  # characters of a traceback, of which the end says most


def shorten(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Cut every value of an event to a length that can be read."""
    return {name: _cut_trace(value) if name == TRACE else _cut(value, MOST_LEVELS) for name, value in event.items()}


def _cut(value: object, levels: int) -> Any:
    match value:
        case str():
            return value if len(value) <= MOST_CHARACTERS else f"{value[:MOST_CHARACTERS]}… ({len(value)} characters)"
        case bool() | int() | float() | None:
            return value if abs(value or 0) < 1 << 128 else "a huge number"
        case dict() if levels:
            first = islice(value.items(), MOST_ITEMS)
            return {str(name)[:MOST_CHARACTERS]: _cut(one, levels - 1) for name, one in first}
        case list() | tuple() | set() | frozenset() if levels:
            cut = [_cut(one, levels - 1) for one in islice(value, MOST_ITEMS)]
            return cut if len(value) <= MOST_ITEMS else [*cut, f"… ({len(value)} items)"]
    return _cut(str(value), levels)


def _cut_trace(value: object) -> str:
    text = str(value)
    return text if len(text) <= MOST_TRACE else f"{text[: MOST_TRACE // 4]}\n…\n{text[-3 * MOST_TRACE // 4 :]}"
