"""The table "guard → seeds until found" of the documentation: written here, and read back by the tests."""

import re
from collections.abc import Mapping
from pathlib import Path

from tests.simulation.mutations import MUTATIONS, Mutation
from tests.simulation.run import simulate

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "simulation.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


def first_seed_that_notices(mutation: Mutation, limit: int, start: int = 0) -> tuple[int, str] | None:
    """The first seed, from `start`, in which a checker complains while the guard is broken, and what it says."""
    with mutation.applied():
        for seed in range(start, limit):
            broken = simulate(seed).broken
            if broken:
                return seed, broken[0]
    return None


def write_table(document: Path, found: Mapping[str, tuple[int, str] | None]) -> None:
    """Put the rows between the two marks of `document`."""
    rows = ["| broken guard | name | seeds until found | found by |", "| --- | --- | ---: | --- |"]
    for name, each in found.items():
        seeds, checker = ("not found", "") if each is None else (f"{each[0] + 1:,}", f"`{each[1].partition(':')[0]}`")
        rows.append(f"| {MUTATIONS[name].guard} | `{name}` | {seeds} | {checker} |")
    text = document.read_text(encoding="utf-8")
    head, tail = text.partition(BEGIN)[0], text.partition(END)[2]
    document.write_text("\n".join([head + BEGIN, *rows, END + tail]), encoding="utf-8")


def read_table(document: Path) -> dict[str, int]:
    """How many seeds each guard took, by name."""
    rows = re.findall(r"^\| .* \| `([\w-]+)` \| ([\d,]+) \|", document.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {name: int(seeds.replace(",", "")) for name, seeds in rows}
