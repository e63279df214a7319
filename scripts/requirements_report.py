"""
From rows and test outcomes to `docs/requirements.md`: which promise is proved, and by which tests.

A row is *covered* when it has tests and every one of them passed. A failed, skipped or forgotten test leaves it
*open*, as does having none. The text depends on the rows, the tests' names and their outcomes only, so two runs of
the same tree write the same bytes, and the committed file can be compared with a fresh one.

`tests/conftest.py` collects the marks and the outcomes; this module knows nothing of pytest.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROWS = Path(__file__).parent.parent / "docs" / "requirements.toml"

HEADER = """\
# Requirements

What the product must do, and the tests that prove it. Written by `make test` from `docs/requirements.toml` and the
`@pytest.mark.requirement` marks in `tests/`: do not edit. A row is *covered* when it has tests and all of them passed.

{covered} of {total} rows are covered.
"""


@dataclass(frozen=True)
class Section:
    """One heading of the document: ``rows`` maps a row's number to its text, in reading order."""

    title: str
    subject: str
    rows: Mapping[str, str]
    note: str = ""


@dataclass(frozen=True)
class Proof:
    """One test, as pytest names it, the rows it carries, and whether it passed."""

    test: str
    rows: tuple[str, ...]
    passed: bool


def load_sections(path: Path = ROWS) -> list[Section]:
    """Read the rows; a number that stands twice raises ``ValueError``."""
    sections = [Section(**section) for section in tomllib.loads(path.read_text(encoding="utf-8"))["section"]]
    numbers = [number for section in sections for number in section.rows]
    if len(numbers) != len(set(numbers)):
        twice = sorted({number for number in numbers if numbers.count(number) > 1})
        raise ValueError(f"{path}: more than once: {', '.join(twice)}")
    return sections


def render(sections: list[Section], proofs: list[Proof]) -> str:
    """Write the whole document, as Markdown."""
    by_row: dict[str, list[Proof]] = {number: [] for section in sections for number in section.rows}
    for proof in proofs:
        for row in proof.rows:
            by_row[row].append(proof)
    covered = {row for row, found in by_row.items() if found and all(proof.passed for proof in found)}

    parts = [HEADER.format(covered=len(covered), total=len(by_row))]
    for section in sections:
        lines = [f"## {section.title}", "", f"| row | {section.subject} | status | tests |", "| --- |" + " --- |" * 3]
        lines += [
            f"| {row} | {text} | {'covered' if row in covered else 'open'} | {_names(by_row[row])} |"
            for row, text in section.rows.items()
        ]
        if section.note:
            lines += ["", section.note]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _names(proofs: list[Proof]) -> str:
    # The cases of one parametrised test are one line: their number is not worth a changed document.
    # And a test that shares a worker with others (xdist's `@group`) is the same test.
    names = {proof.test.partition("[")[0].partition("@")[0] for proof in proofs}
    return "<br>".join(f"`{name}`" for name in sorted(names))
