"""The codes of findings are stable, because operators have alerts on them; all of them are documented."""

import re
from pathlib import Path

import pytest

from service.adapters.aws.diagnosis import EXPLAINED
from service.adapters.dynamodb.checks import PERMISSIONS as OF_THE_TABLE
from service.adapters.redis.check import FIXES
from service.adapters.s3.checks import PERMISSIONS as OF_THE_BUCKET
from service.core.findings import Finding, stopping

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"""(?:Finding\(|unreadable\("[^"]+",)\s*"([a-z_]+)\b""")


def codes_in_the_code() -> set[str]:
    """Those that stand in it as they are, and those that come from the two tables."""
    rooms = (ROOT / "service" / "adapters", ROOT / "service" / "core", ROOT / "service" / "wiring")
    sources = [path.read_text(encoding="utf-8") for room in rooms for path in room.rglob("*.py")]
    literal = {code for text in sources for code in CODE.findall(text)}
    return literal | (set(EXPLAINED) - {"missing"}) | {"bucket_missing", "table_missing"} | set(FIXES)


@pytest.mark.requirement("7.17")
def test_every_start_up_code_is_in_operations_document() -> None:
    """The manual's table has each code that the service can say at start, and no other."""
    manual = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = manual.partition("## Start-up")[2].partition("\n## ")[0]
    first_cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]

    assert set(re.findall(r"`([a-z_]+)`", "".join(first_cells))) == codes_in_the_code()


def test_operations_document_names_the_permissions_of_the_checks() -> None:
    """The permissions that the checks need are in the manual, all of them."""
    manual = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")

    assert all(f"`{permission}`" in manual for permission in OF_THE_BUCKET | OF_THE_TABLE)


def test_findings_that_stop_the_start_are_told_from_concerns() -> None:
    """Of several findings those that stop are told apart from those that do not."""
    stops, does_not = Finding("a", "A.", "Do."), Finding("b", "B.", "Do.", stops=False)

    assert stopping([does_not, stops, does_not]) == (stops,)
    assert str(stops) == "A. Do. [a]"
