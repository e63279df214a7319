"""A requirement reads as covered only where tests really proved it."""

import json
from pathlib import Path

import pytest

from scripts.requirements_report import Incomplete, Proof, Section, load_sections, main, merge, render

SECTIONS = [Section("1 One", "the system …", {"1.1": "sings", "1.2": "dances"}, note="As well as it can.")]


def status_of(row: str, proofs: list[Proof], *, names: bool = False) -> str:
    """Return what the document says of ``row``: its status and its tests."""
    text = render(SECTIONS, proofs, names=names)
    line = next(line for line in text.splitlines() if line.startswith(f"| {row} |"))
    return line.split(" | ", 2)[2]


def stage(folder: Path, name: str, **outcomes: str | None) -> Path:
    """Write the proofs of a stage, in which each test carries row 1.1."""
    path = folder / f"{name}.json"
    path.write_text(json.dumps({test: {"rows": ["1.1"], "outcome": end} for test, end in outcomes.items()}))
    return path


def test_covered_needs_every_test_to_pass() -> None:
    """A row with one test that did not pass is open, however many others did."""
    good = Proof("t.py::test_good", ("1.1",), passed=True)
    bad = Proof("t.py::test_bad", ("1.1",), passed=False)

    assert status_of("1.1", [good]) == "covered | 1 |"
    assert status_of("1.1", [good, bad]) == "open | 2 |"
    assert status_of("1.1", [good, bad], names=True) == "open | `t.py::test_bad`<br>`t.py::test_good` |"


def test_untested_row_is_open() -> None:
    """A row without tests is shown, and is open."""
    assert status_of("1.2", []) == "open | 0 |"


def test_document_does_not_depend_on_order() -> None:
    """The same outcomes give the same bytes in whatever order the tests ended."""
    proofs = [Proof(f"t.py::test_{n}", ("1.1", "1.2"), passed=True) for n in range(5)]

    assert render(SECTIONS, proofs) == render(SECTIONS, proofs[::-1])
    assert render(SECTIONS, proofs, names=True) == render(SECTIONS, proofs[::-1], names=True)


def test_parametrised_cases_count_as_one_test() -> None:
    """Parametrised cases count once, and one failing case leaves the row open."""
    proofs = [Proof("t.py::test_x[a]", ("1.1",), passed=True), Proof("t.py::test_x[b]", ("1.1",), passed=False)]

    assert status_of("1.1", proofs) == "open | 1 |"


def test_stages_are_put_together(tmp_path: Path) -> None:
    """A test counts with the outcome that it had in the stage that ran it; a failure anywhere is a failure."""
    stages = [
        stage(tmp_path, "one", a="passed", b=None, c="passed", d="skipped"),
        stage(tmp_path, "two", a=None, b="failed", c="failed", d="passed"),
    ]

    assert {proof.test: proof.passed for proof in merge(stages)} == {"a": True, "b": False, "c": False, "d": True}


@pytest.mark.parametrize("outcome", ["skipped", None])
def test_what_no_stage_has_tried_is_not_reported(tmp_path: Path, outcome: str | None) -> None:
    """While a test was skipped or its stage was not run there is no document: its row is neither proved nor open."""
    stages = [stage(tmp_path, "one", a="passed", b=outcome), stage(tmp_path, "two", a=None, b=None)]

    with pytest.raises(Incomplete, match="1 tests that prove rows were skipped, or their stage was not run:\n  b"):
        merge(stages)


def test_proofs_of_another_tree_are_refused(tmp_path: Path) -> None:
    """Files that were written for different tests do not belong together: one of them is old."""
    with pytest.raises(Incomplete, match=r"two\.json was written for other tests"):
        merge([stage(tmp_path, "one", a="passed"), stage(tmp_path, "two", a="passed", b="passed")])


def test_missing_proofs_write_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without any proofs the command fails, says what to run, and leaves both documents alone."""
    report, names = tmp_path / "report.md", tmp_path / "names.md"

    assert main([f"--report={report}", f"--names={names}"]) == 1
    assert "run make test, make mutations and make test-containers first" in capsys.readouterr().err
    assert not report.exists()
    assert not names.exists()


def test_both_documents_are_written(tmp_path: Path) -> None:
    """From complete proofs come the short document and the one with the names of the tests."""
    report, names = tmp_path / "report.md", tmp_path / "names.md"

    assert main([str(stage(tmp_path, "one", a="passed")), f"--report={report}", f"--names={names}"]) == 0
    assert "| covered | 1 |" in report.read_text(encoding="utf-8")
    assert "| covered | `a` |" in names.read_text(encoding="utf-8")


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
