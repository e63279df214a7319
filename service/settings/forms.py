"""
The forms that a setting can have: from the text of a variable to a value.

Each function takes the text and returns the value, or is given limits and returns such a function. What is not as it
should be raises `ValueError`; the message does not matter, because the variable says what it expects.
"""

import re
import shlex
from collections.abc import Callable
from urllib.parse import urlsplit

HOST = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"


def text(value: str) -> str:
    """Anything."""
    return value


def words(value: str) -> tuple[str, ...]:
    """Words between blanks, quoted as in a shell where one holds a blank."""
    return tuple(shlex.split(value))


def one_of(*allowed: str) -> Callable[[str], str]:
    """One of these words, in whatever case."""

    def read(value: str) -> str:
        if value.lower() not in allowed:
            raise ValueError(value)
        return value.lower()

    return read


def some_of(*allowed: str) -> Callable[[str], frozenset[str]]:
    """Some of these words, comma-separated, in whatever case."""
    one = one_of(*allowed)
    return lambda value: frozenset(one(word.strip()) for word in value.split(","))


def whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number within these bounds."""

    def read(value: str) -> int:
        number = int(value)
        if not least <= number <= most:
            raise ValueError(value)
        return number

    return read


def seconds(value: str) -> float:
    """A time of less than a week; not zero."""
    number = float(value)
    if not 0 < number < 7 * 24 * 3600:
        raise ValueError(value)
    return number


def like(pattern: str) -> Callable[[str], str]:
    """What matches a pattern as a whole."""

    def read(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(value)
        return value

    return read


def address(*schemes: str) -> Callable[[str], str]:
    """An address with one of these schemes, without a slash at its end."""

    def read(value: str) -> str:
        parts = urlsplit(value)
        there = parts.path if parts.scheme == "unix" else parts.hostname
        if parts.scheme not in schemes or not there or parts.port == 0:  # a port that is no number raises here
            raise ValueError(value)
        return value.rstrip("/")

    return read


def http(value: str) -> str:
    """As botocore takes it. Whatever else an address can hold would be shown at start: no user, no password."""
    parts = urlsplit(value)
    host = parts.hostname or ""
    if parts.username or parts.query or parts.fragment or not (":" in host or re.fullmatch(HOST, host)):
        raise ValueError(value)
    return address("http", "https")(value)


def origins(value: str) -> tuple[str, ...]:
    """What a browser sends as Origin: a scheme and a host, and no path."""
    found = tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())
    if not all(origin == "*" or re.fullmatch(r"https?://[^/?#@\s]+", origin) for origin in found):
        raise ValueError(value)
    return found


def hosts(value: str) -> tuple[str, ...]:
    """Names or addresses as they stand in a `Host` header, without a port; an IPv6 address in brackets."""
    found = tuple(part.strip().lower() for part in value.split(",") if part.strip())
    if not all(host == "*" or re.fullmatch(rf"{HOST}|\[[0-9a-f:.]+\]", host) for host in found):
        raise ValueError(value)
    return found


bucket = like(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
table = like(r"[A-Za-z0-9_.-]{3,255}")
region = like(r"[a-z0-9]+(-[a-z0-9]+)*")  # it becomes a part of host names
namespace = like(r"(?!AWS/)[A-Za-z0-9._/#-]{1,255}")  # of metrics; that of AWS itself is not for others
redis = address("redis", "rediss", "unix")
