"""The report of a run: a page with its timeline, and a table for the terminal."""

import json
from pathlib import Path

from chaos.history import recording
from chaos.report.page import page
from chaos.report.terminal import terminal
from chaos.report.view import view_of
from chaos.verdict import Check, Count, Verdict, judge

__all__ = ["terminal", "write"]


def write(folder: Path) -> Path:
    """Write `report.html` into the folder of a run, from its record and its `run.json`, and return its path."""
    events = recording.read(folder)
    stored = folder / "run.json"
    verdict = _verdict(stored.read_text(encoding="utf-8")) if stored.exists() else judge(events)
    logs = [f"logs/{path.name}" for path in sorted((folder / "logs").glob("*.log"))]
    path = folder / "report.html"
    path.write_text(page(view_of(events, verdict), logs), encoding="utf-8")
    return path


def _verdict(text: str) -> Verdict:
    """Read a verdict; what a runner has added to it is left out."""
    fields = {key: value for key, value in json.loads(text).items() if key in Verdict.__dataclass_fields__}
    fields["checks"] = [Check(**one) for one in fields.get("checks", [])]
    fields["sometimes"] = [Count(**one) for one in fields.get("sometimes", [])]
    return Verdict(**fields)
