"""
Write docs/events.md, the table of everything that is logged, from the vocabulary: `python -m scripts.event_table`.

Headings are those of `service/telemetry/events.py`, and all else is what the events there say of themselves and what
`counters.py` counts. A test compares the page with the code.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from service.telemetry import events
from service.telemetry.counters import COUNTERS
from service.telemetry.events import CONTEXT, LINE, Event

PAGE = Path(__file__).parent.parent / "docs" / "events.md"
SOMETIMES = {"exception", "trace_id", "span_id"}
LEVELS = {events.DEBUG: "debug", events.INFO: "info", events.WARNING: "warning", events.ERROR: "error"}
HEAD = """\
# Events

Everything that the service logs.
Do not edit: `make events` writes this from `service/telemetry/events.py`.

Each line is one JSON object with {line}, `exception` (a traceback) where there is one, \
and `trace_id` and `span_id` where it is [traced](operations.md#traces); \
the fields of its event, those in italics only where they apply; \
and its context as far as there is one: {context}.
Events at debug level are logged with `REPRISE_LOG_LEVEL=debug` only, and counted all the same.
[The runbook](runbook.md) says what to look for, and [operations](operations.md#metrics) what the metrics are.
"""
TABLE = """
## {title}

| event | level | it means | fields | counted as |
| --- | --- | --- | --- | --- |
"""


def sections(source: str) -> Iterator[tuple[str, list[Event]]]:
    """Yield the headings of the vocabulary, each with its events, in the order of the source."""
    title, found = "", list[Event]()
    for heading, name in re.findall(r"^# ── (.+?) ─+$|^([A-Z_0-9]+) = Event\(", source, flags=re.MULTILINE):
        if heading:
            if found:
                yield title, found
            title, found = heading, []
        else:
            found.append(getattr(events, name))
    if found:
        yield title, found


def page(source: str) -> str:
    """Return the document."""
    always = tuple(name for name in LINE if name not in SOMETIMES)
    parts = [HEAD.format(line=_names(always), context=_names(CONTEXT))]
    for title, found in sections(source):
        parts.append(TABLE.format(title=title.capitalize()))
        parts += [f"| {' | '.join(_cells(event))} |\n" for event in found]
    return "".join(parts)


def _cells(event: Event) -> Iterator[str]:
    yield f"`{event.name}`"
    yield LEVELS[event.level]
    yield event.about.replace("|", "\\|")
    yield ", ".join(filter(None, (_names(event.fields), ", ".join(f"*{name}*" for name in event.maybe))))
    yield ", ".join(f"`{one.name}_total`" for one in COUNTERS if event in one.events)


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def source() -> str:
    """Return the text of the vocabulary."""
    return Path(events.__file__).read_text(encoding="utf-8")


def main() -> int:
    """Write the page; returns the exit code."""
    PAGE.write_text(page(source()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
