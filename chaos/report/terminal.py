"""The verdict for a terminal."""

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from chaos.report.figures import CARDS, in_words, lead
from chaos.verdict import PASSED, Verdict

MOST_SENTENCES = 12  # of one broken promise


def terminal(verdict: Verdict) -> RenderableType:
    """Return what rich prints: the promises, what was met, the figures, and how to repeat it."""
    colour = "green" if verdict.verdict == PASSED else "red"
    parts: list[RenderableType] = [_promises(verdict), _sometimes(verdict), _figures(verdict)]
    said = Text.assemble((verdict.verdict.upper(), f"bold {colour}"), f"  {lead(verdict.figures)}")
    if verdict.reason:
        said.append(f"\n{verdict.reason}", style=colour)
    if verdict.verdict != PASSED and verdict.command:
        said.append("\nrepeat it with:  ").append(verdict.command, style="bold")
    title = f"{verdict.scenario}, seed {verdict.seed}"
    parts.append(Panel(said, title=title, title_align="left", border_style=colour))
    return Group(*parts)


def _promises(verdict: Verdict) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("")
    table.add_column("promise")
    for check in verdict.checks:
        text = Text(check.promise)
        for sentence in check.broken[:MOST_SENTENCES]:
            text.append(f"\n  {sentence}", style="red")
        if len(check.broken) > MOST_SENTENCES:
            text.append(f"\n  and {len(check.broken) - MOST_SENTENCES} more", style="red")
        table.add_row(Text("✗", style="bold red") if check.broken else Text("✓", style="green"), text)
    return table


def _sometimes(verdict: Verdict) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("times", justify="right")
    table.add_column("at least once")
    for one in verdict.sometimes:
        missing = one.required and not one.count
        style = "bold red" if missing else "" if one.required else "dim"
        table.add_row(str(one.count), one.meaning + (" (required)" if one.required else ""), style=style)
    return table


def _figures(verdict: Verdict) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("figure", justify="right")
    table.add_column("")
    for key, name, meaning in CARDS:
        table.add_row(in_words(verdict.figures, key), f"{name}: {meaning}")
    return table
