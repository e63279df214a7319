"""The list of threats, held against the tests and the review that it answers."""

import re
from pathlib import Path

import pytest

from tests.unit.test_operations import cells, codes, defined_in

ROOT = Path(__file__).parent.parent.parent
DOCUMENT = (ROOT / "docs" / "THREATS.md").read_text(encoding="utf-8")
FINDINGS = ["C1", *(f"H{number}" for number in range(1, 7)), *(f"M{number}" for number in range(1, 5)),
            *(f"L{number}" for number in range(1, 7))]  # fmt: skip
ROWS = [cells(line) for line in DOCUMENT.splitlines() if re.match(r"\| [CHML][1-6]\b", line)]
CONTRACTS = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "service/testing/contracts").rglob("*.py"))
NAMED = sorted({word for word in codes(DOCUMENT) if word.startswith("tests/")})


def test_every_finding_of_the_review_is_answered() -> None:
    """Each finding has a row, in the order of the review, that says what is attacked, what holds it, and a test."""
    answered = [row[0].split()[0].split("-")[0] for row in ROWS]
    assert [*dict.fromkeys(answered)] == FINDINGS
    assert [row[0] for row in ROWS if len(row) != 5 or not all(row[:4]) or not codes(row[3])] == []


@pytest.mark.parametrize("name", NAMED)
def test_every_test_named_among_the_threats_exists(name: str) -> None:
    """A test that is named as the proof of a defence is there, by its path and name."""
    path, _, function = name.partition("::")
    assert (ROOT / path).is_file()
    suite, _, method = function.rpartition("::")
    if suite:  # a class that inherits the tests of a contract
        assert f"class {suite}(" in (ROOT / path).read_text(encoding="utf-8")
        assert f"def {method}(" in CONTRACTS
    else:
        assert function in defined_in(ROOT / path)


def test_threats_are_proved_by_many_tests() -> None:
    """The list is not empty: the test above has something to look for."""
    assert len(NAMED) > 30
