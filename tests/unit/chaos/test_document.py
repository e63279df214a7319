"""docs/chaos.md names what there is: every checker with its promise, every count, every event, every scenario."""

import re
from typing import get_args

import pytest

from chaos.checkers.sometimes import SOMETIMES
from chaos.history.events import Event
from chaos.scenarios import SCENARIOS
from chaos.verdict import CHECKERS, promise_of
from tests.mutations.tree import ROOT

TEXT = (ROOT / "docs" / "chaos.md").read_text(encoding="utf-8")


def rows(head: str) -> list[tuple[str, str]]:
    """The first two columns of the table under this head."""
    part = re.search(rf"^\| {re.escape(head)} \|.*\n\|[ |-]+\n((?:\|.*\n)*)", TEXT, flags=re.MULTILINE)
    assert part, f"there is no table {head}"
    return re.findall(r"^\| `([^`]+)` \| (.*?) \|", part[1], flags=re.MULTILINE)


def test_document_lists_each_checker_with_its_promise() -> None:
    """The table of promises is that of the checkers, in their order and in their words."""
    assert rows("checker") == [(check.__name__, promise_of(check)) for check in CHECKERS]


def test_document_lists_each_count_with_its_meaning() -> None:
    """The table of what must have happened once is that of the sometimes-assertions."""
    assert rows("count") == [(one.name, one.meaning) for one in SOMETIMES]


def test_document_lists_each_scenario() -> None:
    """The table of scenarios is that of `chaos/scenarios.py`, with what is done, for how long, and the short set."""
    found = re.findall(r"^\| `([\w-]+)` \| (.+) \| (\d+) s \| (yes|) ?\|$", TEXT, flags=re.MULTILINE)

    assert found == [(one.name, one.meaning, f"{one.seconds:.0f}", "yes" if one.short else "") for one in SCENARIOS]


def test_document_explains_each_fault() -> None:
    """Every fault that a scenario can draw is in the table of faults, and none that there is not."""
    drawn = {fault.name for one in SCENARIOS for fault in (*one.first, *one.faults)}

    assert {name for name, _ in rows("fault")} == drawn
    assert all(text for _, text in rows("fault"))


@pytest.mark.parametrize("kind", get_args(Event), ids=lambda kind: kind.__name__)
def test_document_lists_each_event_with_its_fields(kind: type[Event]) -> None:
    """Each kind of event is in the table with all its fields, so that another program can write them."""
    fields = dict(rows("event"))[kind.__name__.lower()]

    assert re.findall(r"`(\w+)`", fields) == [name for name in kind.__dataclass_fields__ if name not in {"at", "wall"}]
