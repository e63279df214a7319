"""How long a receiver asks to be left alone: ``Retry-After`` of an answer, in seconds or as an HTTP date (RFC 9110)."""

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

HEEDED: Final = frozenset({429, 503})  # of other statuses the field means something else, or nothing
MOST_ASKED: Final = 3600.0  # seconds: what asks for more is a mistake, or holds up its own notifications on purpose
_LONGEST: Final = 64  # characters of a field that is read at all


@dataclass(frozen=True, slots=True)
class Answer:
    """Of a receiver: all that is looked at. `retry_after` is the field as it came, empty if there is none."""

    status: int
    retry_after: str = ""


def seconds_asked(answer: Answer, now: float) -> float:
    """Return for how long nothing should come, at most `MOST_ASKED`; 0 if nothing sensible is asked."""
    text = answer.retry_after.strip()
    if answer.status not in HEEDED or len(text) > _LONGEST:
        return 0.0
    if text.isascii() and text.isdigit():
        return min(float(text), MOST_ASKED)
    try:
        date = parsedate_to_datetime(text)
        if date.tzinfo is None:  # a zone of "-0000", or none: a date of HTTP says GMT
            return 0.0
        return min(max(0.0, date.timestamp() - now), MOST_ASKED)
    except (ValueError, TypeError, IndexError, OverflowError):  # what the parser raises for what is no date
        return 0.0
