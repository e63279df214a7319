"""A requirement reads as covered only where tests really proved it."""

from pathlib import Path

import pytest

from scripts.requirements_report import Proof, Section, load_sections, render

SECTIONS = [Section("1 One", "the system …", {"1.1": "sings", "1.2": "dances"}, note="As well as it can.")]


def status_of(row: str, proofs: list[Proof]) -> str:
    """Return what the document says of ``row``: its status and its tests."""
    line = next(line for line in render(SECTIONS, proofs).splitlines() if line.startswith(f"| {row} |"))
    return line.split(" | ", 2)[2]


def test_covered_needs_every_test_to_pass() -> None:
    """A row with one test that did not pass is open, however many others did."""
    good = Proof("t.py::test_good", ("1.1",), passed=True)
    bad = Proof("t.py::test_bad", ("1.1",), passed=False)

    assert status_of("1.1", [good]) == "covered | `t.py::test_good` |"
    assert status_of("1.1", [good, bad]) == "open | `t.py::test_bad`<br>`t.py::test_good` |"


def test_untested_row_is_open() -> None:
    """A row without tests is shown, and is open."""
    assert status_of("1.2", []) == "open |  |"


def test_document_does_not_depend_on_order() -> None:
    """The same outcomes give the same bytes in whatever order the tests ended."""
    proofs = [Proof(f"t.py::test_{n}", ("1.1", "1.2"), passed=True) for n in range(5)]

    assert render(SECTIONS, proofs) == render(SECTIONS, proofs[::-1])


def test_cases_of_one_test_are_one_line() -> None:
    """Parametrised cases are named once, and one failing case leaves the row open."""
    proofs = [Proof("t.py::test_x[a]", ("1.1",), passed=True), Proof("t.py::test_x[b]", ("1.1",), passed=False)]

    assert status_of("1.1", proofs) == "open | `t.py::test_x` |"


def test_row_numbers_are_unique(tmp_path: Path) -> None:
    """A number that names two rows is refused."""
    twice = '[[section]]\ntitle = "{0}"\nsubject = ""\n[section.rows]\n"1.1" = "x"\n'
    rows = tmp_path / "rows.toml"
    rows.write_text(twice.format("a") + twice.format("b"))

    with pytest.raises(ValueError, match=r"1\.1"):
        load_sections(rows)


def test_rows_stand_in_their_sections() -> None:
    """Every row of docs/requirements.toml is numbered after its section, without gaps."""
    for section in load_sections():
        number = section.title.split()[0]
        assert list(section.rows) == [f"{number}.{n}" for n in range(1, len(section.rows) + 1)]
