"""What was found at start, for a person: a table of the places, then a line for each concern."""

import sys
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from service import wiring

WIDE = 200  # columns where nobody says how many there are, as in a file


def draw(report: wiring.Report, stream: TextIO | None = None) -> None:
    """Write it to stderr. What the service does not start with is said by whoever ends it."""
    stream = stream or sys.stderr
    console = Console(file=stream, width=None if stream.isatty() else WIDE)
    settings = report.settings
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for heading in (f"Reprise ({settings.role})", "uses", "because of", "it is"):
        table.add_column(heading, overflow="fold")
    for place in report.places:
        table.add_row(place.name, place.address, place.chosen_by, _state(report, place.name))
    named_by = "embedded" if report.embedded else "REPRISE_BUCKET, …_TABLE"
    table.add_row("bucket, table", f"{settings.bucket}, {settings.table}", named_by, Text(""))
    table.add_row("credentials", "of AWS", report.credentials, Text(""))
    console.print(table, highlight=False)
    for concern in report.concerns:
        # Never wrapped: a line that can be found and copied is worth more than a neat edge.
        line = Text.assemble(("! ", "yellow"), f"{concern.problem} {concern.fix} ", (f"[{concern.code}]", "dim"))
        console.print(line, soft_wrap=True, highlight=False)


def _state(report: wiring.Report, name: str) -> Text:
    """In the colours that everybody knows."""
    if name.lower() not in report.findings:
        return Text("")
    found = report.findings[name.lower()]
    if not found:
        return Text("ok", style="green")
    stops = any(finding.stops for finding in found)
    return Text(", ".join(finding.code for finding in found), style="red" if stops else "yellow")
