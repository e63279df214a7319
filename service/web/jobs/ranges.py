"""
The ``Range`` header, as far as one file needs it. Pure.

One range of bytes is honoured. Several at once, and unknown units, are answered with the whole file, which
RFC 9110 allows; what claims to be a range of bytes and is none, or lies outside the file, is refused with 416.
"""

import re

from service.application.downloads import Span
from service.core.errors import RangeUnsatisfiable

_ONE = re.compile(r"(\d{0,19})-(\d{0,19})", re.ASCII)


def parse_range(header: str | None, size: int) -> Span | None:
    """
    Find the part of `size` bytes that is asked for; None for the whole.

    Raises `RangeUnsatisfiable`, with ``size`` in its extra.
    """
    if header is None:
        return None
    unit, equals, ranges = header.partition("=")
    if not equals or unit.strip().lower() != "bytes" or "," in ranges:
        return None
    match = _ONE.fullmatch(ranges.strip())
    if match is None or match[0] == "-":
        raise RangeUnsatisfiable("The Range header is not of the form bytes=FIRST-LAST.", size=size)
    first, last = match[1], match[2]
    if first == "":
        start, stop = max(0, size - int(last)), size  # the last so many
    else:
        start, stop = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < int(first):
            raise RangeUnsatisfiable("The range ends before it begins.", size=size)
    if start >= stop:
        raise RangeUnsatisfiable(f"The range lies outside the file of {size} bytes.", size=size)
    return Span(start, stop)


def content_range(part: Span, size: int) -> str:
    """Return the value of ``Content-Range`` for this part of `size` bytes."""
    return f"bytes {part.start}-{part.stop - 1}/{size}"
