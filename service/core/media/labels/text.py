"""Text that a stranger put into a file, made fit to be stored and shown: short, on one line, nothing invisible."""

import unicodedata
from dataclasses import dataclass

MAX_CHARACTERS = 200
MAX_BYTES = 1024  # that are decoded
_JOINERS = "\u200c\u200d"  # invisible, and part of how Persian, Hindi and emoji are written


@dataclass(frozen=True, slots=True)
class Labels:
    """What tags tell. `cover`: a picture was seen; False also where none could have been."""

    title: str | None = None
    artist: str | None = None
    cover: bool = False


def clean(raw: bytes, encoding: str = "utf-8") -> str | None:
    """
    Return the text up to its first NUL without control characters, marks of direction and runs of space.

    At most `MAX_CHARACTERS`; None if nothing is left. What is no text in `encoding` becomes U+FFFD.
    """
    line = " ".join(raw[:MAX_BYTES].decode(encoding, "replace").partition("\0")[0].split())
    shown = "".join(one for one in line if one in _JOINERS or unicodedata.category(one)[0] != "C")
    return shown[:MAX_CHARACTERS].strip() or None


def guessed(raw: bytes) -> str | None:
    """Return the same of text that may be UTF-8 or Latin-1: older formats do not say."""
    try:
        raw[:MAX_BYTES].decode()
    except UnicodeDecodeError:
        return clean(raw, "latin-1")
    return clean(raw)
