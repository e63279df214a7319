"""The value of one option as a client sends it: its type, and the words of a refusal."""

from collections.abc import Iterable
from difflib import get_close_matches
from math import isfinite

from service.core.errors import InvalidOption
from service.core.media.tracks import is_language

MAX_SECONDS = 1_000_000.0  # eleven days; a trim beyond is a slip
MAX_TRACK = 1000
ON_DAMAGE = ("fail", "convert")  # what to do with a file that is not all there


def whole_number(name: str, value: object) -> int:
    """Return a whole number, which may be written with a point (`44100.0`). Raises `InvalidOption`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise InvalidOption(f"{name} is a whole number, not {quoted(value)}.", option=name)
    return int(value)


def number(name: str, value: object) -> float | int:
    """Return a finite number. Raises `InvalidOption`."""
    # A whole number may be larger than any float, and is finite in any case.
    if isinstance(value, bool) or not (isinstance(value, int) or (isinstance(value, float) and isfinite(value))):
        raise InvalidOption(f"{name} is a number, not {quoted(value)}.", option=name)
    return value


def seconds(name: str, value: object) -> float:
    """Return a time in seconds from 0 to `MAX_SECONDS`. Raises `InvalidOption`."""
    given = number(name, value)
    if not 0 <= given <= MAX_SECONDS:
        raise InvalidOption(f"{name} is a time in seconds from 0 to {MAX_SECONDS:.0f}.", option=name)
    return float(given)


def flag(name: str, value: object) -> bool:
    """Return true or false. Raises `InvalidOption`."""
    if not isinstance(value, bool):
        raise InvalidOption(f"{name} is true or false, not {quoted(value)}.", option=name, allowed=[True, False])
    return value


def track(name: str, value: object) -> int | str:
    """Return the number of a track, from 1, or its language. Raises `InvalidOption`."""
    if isinstance(value, str) and is_language(value):
        return value
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_TRACK:
        raise InvalidOption(f"{name} is a number from 1 or a language such as 'eng', not {quoted(value)}.", option=name)
    return value


def damage(name: str, value: object) -> str:
    """Return one of `ON_DAMAGE`. Raises `InvalidOption`."""
    if value not in ON_DAMAGE:
        raise InvalidOption(f"{name} is 'fail' or 'convert', not {quoted(value)}.", option=name, allowed=[*ON_DAMAGE])
    return str(value)


def advice(name: str, known: tuple[str, ...]) -> str:
    """Return a sentence with the nearest known name and all that are allowed."""
    near = get_close_matches(name[:40], known, n=1)
    return (f" Did you mean '{near[0]}'?" if near else "") + f" Allowed: {', '.join(known)}."


def listed(values: Iterable[int]) -> str:
    """Return numbers as a list in words."""
    return ", ".join(str(value) for value in values)


def quoted(value: object) -> str:
    """Return what a client sent, short enough for a message."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = repr(value[:40] if isinstance(value, str) else value)
    return text if len(text) <= 40 else text[:37] + "…"  # it repeats what the client sent, which may be long
