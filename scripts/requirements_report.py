"""
Put together what the stages of the tests have proved: `python -m scripts.requirements_report build/proofs/*.json`.

Each stage (`make test`, `make mutations`, `make test-containers`) collects every test, runs its share, and leaves one
file of proofs (`tests/support/proofs.py`). From all of them this writes two documents: `docs/requirements.md`, which is
committed (each row, whether it is covered, and by how many tests), and `docs/requirements-tests.md`, which is not (the
names of these tests).

A row is *covered* when it has tests and every one of them passed. A failed test leaves it *open*, and so does having no
test. Both texts depend on rows, names and outcomes only, so two runs of the same tree write the same bytes, and the
committed file can be compared with a fresh one.
"""

import argparse
import json
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
ROWS = DOCS / "requirements.toml"
PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"  # the outcomes; None for a test that no stage ran

HEADER = """\
# Requirements

What the product must do, and how many tests prove it.
Do not edit: `make requirements` writes this from `docs/requirements.toml` and the `@pytest.mark.requirement` marks.
A row is *covered* when it has tests and all of them passed.
{more}
{covered} of {total} rows are covered.
"""
SHORT = "`docs/requirements-tests.md`, written beside it and not committed, names the tests.\n"


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


class Incomplete(Exception):
    """The stages have not tried every test that proves a row, or do not belong together."""


def load_sections(path: Path = ROWS) -> list[Section]:
    """Read the rows. Raises `ValueError` when a number stands twice."""
    sections = [Section(**section) for section in tomllib.loads(path.read_text(encoding="utf-8"))["section"]]
    numbers = [number for section in sections for number in section.rows]
    if len(numbers) != len(set(numbers)):
        twice = sorted({number for number in numbers if numbers.count(number) > 1})
        raise ValueError(f"{path}: more than once: {', '.join(twice)}")
    return sections


def merge(stages: Iterable[Path]) -> list[Proof]:
    """
    Read the files of all stages, and return one proof per test.

    Raises `Incomplete` when there is none, when they were written for different tests (one of them is old), or when a
    test was run by no stage or was skipped wherever it was selected: what was not tried is neither proved nor open.
    """
    rows: dict[str, tuple[str, ...]] = {}
    outcomes: dict[str, set[str | None]] = {}
    for number, path in enumerate(sorted(stages)):
        tests = json.loads(path.read_text(encoding="utf-8"))
        found = {test: tuple(entry["rows"]) for test, entry in tests.items()}
        if number and found != rows:
            changed = ", ".join(sorted(dict(found.items() ^ rows.items()))[:3])
            raise Incomplete(f"{path} was written for other tests than the stages before it; run all again: {changed}")
        rows = found
        for test, entry in tests.items():
            outcomes.setdefault(test, set()).add(entry["outcome"])
    if not rows:
        raise Incomplete("no stage has left any proofs: run make test, make mutations and make test-containers first")
    if untried := sorted(test for test, seen in outcomes.items() if not seen & {PASSED, FAILED}):
        shown = "".join(f"\n  {test}" for test in untried[:10])
        raise Incomplete(f"{len(untried)} tests that prove rows were skipped, or their stage was not run:{shown}")
    return [Proof(test, rows[test], passed=FAILED not in seen) for test, seen in outcomes.items()]


def render(sections: Sequence[Section], proofs: Iterable[Proof], *, names: bool = False) -> str:
    """Write a document, as Markdown: with the number of tests, or with their `names`."""
    by_row: dict[str, list[Proof]] = {number: [] for section in sections for number in section.rows}
    for proof in proofs:
        for row in proof.rows:
            by_row[row].append(proof)
    covered = {row for row, found in by_row.items() if found and all(proof.passed for proof in found)}

    parts = [HEADER.format(covered=len(covered), total=len(by_row), more="" if names else SHORT)]
    for section in sections:
        lines = [f"## {section.title}", "", f"| row | {section.subject} | status | tests |", "| --- |" + " --- |" * 3]
        for row, text in section.rows.items():
            tests = _functions(by_row[row])
            shown = "<br>".join(f"`{name}`" for name in tests) if names else len(tests)
            lines.append(f"| {row} | {text} | {'covered' if row in covered else 'open'} | {shown} |")
        if section.note:
            lines += ["", section.note]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _functions(proofs: Iterable[Proof]) -> list[str]:
    # The cases of one parametrised test count once: their number is not worth a changed document.
    return sorted({proof.test.partition("[")[0] for proof in proofs})


def main(arguments: Sequence[str]) -> int:
    """Write the documents; returns 1, and writes nothing, when a stage is missing."""
    parser = argparse.ArgumentParser(prog="python -m scripts.requirements_report")
    parser.add_argument("stages", nargs="*", type=Path, metavar="proofs.json", help="what a stage has left")
    parser.add_argument("--report", type=Path, default=DOCS / "requirements.md", help="the short document")
    parser.add_argument("--names", type=Path, default=DOCS / "requirements-tests.md", help="the one with all names")
    given = parser.parse_args(arguments)
    try:
        proofs, sections = merge(given.stages), load_sections()
    except Incomplete as error:
        print(f"{given.report} was not written: {error}", file=sys.stderr)
        return 1
    given.report.write_text(render(sections, proofs), encoding="utf-8")
    given.names.write_text(render(sections, proofs, names=True), encoding="utf-8")
    print(f"{given.report} and {given.names} are written.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
