"""The table of teeth in docs/chaos.md, and after how long a checker was red."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chaos.history.events import Event
from chaos.history.translation import history_of
from chaos.verdict import CHECKERS
from tests.teeth.table import TEETH, Tooth

DOCUMENT = Path("docs/chaos.md")
HEAD = "| guard that is broken | scenario, seed | checker that goes red | after |"
RULE = "| --- | --- | --- | --- |"


@dataclass(frozen=True, slots=True)
class Bite:
    """A broken guard that was noticed, `after` so many seconds of its run."""

    tooth: Tooth
    seed: int
    checker: str
    after: float


def first_red(events: Sequence[Event], checker: str) -> float:
    """
    Return after how many seconds of a run a checker could have complained.

    What it looks at in the end (what the records say, what is left in the stores) is there when the run is over.
    """
    check = next(one for one in CHECKERS if one.__name__ == checker)
    ordered = sorted(events, key=lambda event: event.at)
    low, high = 0, len(ordered)
    while low < high:
        middle = (low + high) // 2
        try:
            red = bool(check(history_of(ordered[:middle])))
        except KeyError:  # its oracle is not there yet
            red = False
        low, high = (low, middle) if red else (middle + 1, high)
    return ordered[max(0, low - 1)].at


def with_table(text: str, bites: Sequence[Bite]) -> str:
    """
    Return the document with the rows of these; rows of other guards that there still are stay as they were.

    Raises `ValueError` when it has no such table.
    """
    found = re.search(rf"({re.escape(HEAD)}\n{re.escape(RULE)}\n)((?:\|.*\n)*)", text)
    if found is None:
        raise ValueError("there is no table of teeth")
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in found[2].splitlines(keepends=True)}
    for bite in bites:
        place = f"`{bite.tooth.scenario}`, {bite.seed}"
        rows[bite.tooth.guard] = f"| {bite.tooth.guard} | {place} | `{bite.checker}` | {bite.after:.0f} s |\n"
    kept = "".join(rows[tooth.guard] for tooth in TEETH if tooth.guard in rows)
    return text[: found.start(2)] + kept + text[found.end(2) :]


def rows_of(text: str) -> list[tuple[str, str, int, str]]:
    """Return guard, scenario, seed and checker of each row of the table."""
    part = text.partition(f"{HEAD}\n{RULE}\n")[2]
    rows = re.match(r"(?:\|.*\n)*", part)
    found = re.findall(r"^\| (.*?) \| `([^`]+)`, (\d+) \| `([^`]+)` \|", rows[0] if rows else "", flags=re.MULTILINE)
    return [(guard, scenario, int(seed), checker) for guard, scenario, seed, checker in found]
