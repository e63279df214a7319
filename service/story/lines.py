"""
From the lines of any number of logs, in any order, to entries: events with their time and where they were logged.

A line is a JSON object of the service, alone or behind what a tool puts in front of it: ``service-1  | {…}`` (docker
compose), ``2026-11-26T02:19:43.821Z {…}`` (an export of CloudWatch), ``2026-11-26T02:19:43 api/task/1f {…}`` (``aws
logs tail``), ``api/task/1f<TAB>{…}``, or as the text `message` of another JSON object. Everything else is counted, and
left out. An object in the middle of a line is none: it may be what a client has sent.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

LONGEST = 1 << 20  # bytes; an event of the service has a few thousand
MOST_FIELD = 4096  # characters of a text that are kept
YEARS = range(2000, 2200)
SOURCES = ("logStreamName", "@logStream", "logStream", "container_name", "source")
MESSAGES = ("message", "@message", "log")
STAMPS = ("timestamp", "@timestamp", "time")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_STAMP = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[0-9.,]*(?:Z|[+-]\d\d:?\d\d)?"
_STREAM = r"[\w.@/:$\[\]-]{1,512}"
_HEAD = re.compile(
    rf"""(?:(?P<name>[\w.@/:-]{{1,200}})\s*\|\s?)?          # docker compose
         (?:(?P<at>{_STAMP})\s+(?:(?P<tail>{_STREAM})[\t ]+)?   # docker --timestamps, CloudWatch
          |(?P<stream>{_STREAM})\t)?
         $""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """
    An event that was logged: seconds since the epoch, and the container or stream, "" if the line does not say.

    `position` is the number of its line in the input.
    """

    at: float
    event: str
    source: str
    fields: Mapping[str, object]
    position: int = 0

    def text(self, name: str) -> str:
        """Return a field that is a text, else ""."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    def number(self, name: str) -> float | None:
        """Return a field that is a finite number, else None."""
        value = self.fields.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None


@dataclass(slots=True)
class Logs:
    """What was read: entries in the order of the input, and how many lines there were of each other kind."""

    entries: list[Entry] = field(default_factory=list)
    lines: int = 0
    no_event: int = 0  # no JSON object, or one without an event
    no_time: int = 0
    too_long: int = 0
    repeated: int = 0

    @property
    def skipped(self) -> int:
        """Lines that were left out."""
        return self.no_event + self.no_time + self.too_long + self.repeated


def read(lines: Iterable[bytes]) -> Logs:
    """Read lines; of one that is given twice the second is left out."""
    logs = Logs()
    seen: set[int] = set()
    for line in lines:
        if not line.strip():
            continue
        logs.lines += 1
        if len(line) > LONGEST:
            logs.too_long += 1
            continue
        found = _parts(line.decode(errors="replace"))
        if found is None:
            logs.no_event += 1
            continue
        source, stamp, said, body = found
        if (print_of := hash(body)) in seen:
            logs.repeated += 1
            continue
        seen.add(print_of)
        at = _moment(said.get("timestamp"), stamp)
        if at is None:
            logs.no_time += 1
            continue
        fields = {name: value[:MOST_FIELD] if isinstance(value, str) else value for name, value in said.items()}
        logs.entries.append(Entry(at, str(said["event"]), source, fields, logs.lines))
    return logs


def whole_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a stream; of one that is too long, no more than its beginning is ever held."""
    rest, dropping = b"", False
    for chunk in chunks:
        *ended, rest = (rest + chunk).split(b"\n")
        for line in ended:
            if not dropping:
                yield line
            dropping = False
        if len(rest) > LONGEST:
            if not dropping:
                yield rest
            rest, dropping = b"", True
    if rest and not dropping:
        yield rest


def _parts(line: str) -> tuple[str, str, dict[str, object], str] | None:
    """Return source, stamp, event and its text; None if the line is no event."""
    head, brace, tail = line.partition("{")
    if not brace or len(head) > 800:
        return None
    prefix = _HEAD.match(_COLOURS.sub("", head).lstrip())
    if prefix is None:
        return None
    source, stamp = prefix["name"] or prefix["tail"] or prefix["stream"] or "", prefix["at"] or ""
    body = (brace + tail).strip()
    said = _object(body)
    if said is None:
        return None
    if "event" not in said:  # an envelope
        inner = next((said[name] for name in MESSAGES if isinstance(said.get(name), str)), None)
        if not isinstance(inner, str) or not inner.lstrip().startswith("{"):
            return None
        source = source or next((str(said[name])[:512] for name in SOURCES if isinstance(said.get(name), str)), "")
        stamp = stamp or next((str(said[name])[:64] for name in STAMPS if isinstance(said.get(name), str)), "")
        body = inner.strip()
        said = _object(body)
    if said is None or not isinstance(said.get("event"), str):
        return None
    return source, stamp, said, body


def _object(text: str) -> dict[str, object] | None:
    try:
        said, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or (end < len(text) and not text[end].isspace()):
        return None
    return said


def _moment(*stamps: object) -> float | None:
    """Return the first of these that is a time; one without a zone is UTC."""
    for stamp in stamps:
        if not isinstance(stamp, str) or not 19 <= len(stamp) <= 40:
            continue
        try:
            moment = datetime.fromisoformat(stamp.replace(",", "."))
        except ValueError:
            continue
        if moment.year in YEARS:
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return None
