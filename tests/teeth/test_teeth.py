"""Tests of the teeth: the rows fit the sources and the checkers, and the table of the document is theirs."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from chaos.history.events import Operation
from chaos.verdict import CHECKERS
from tests.mutations.tree import ROOT, Edit
from tests.support.chaos_run import made_up_run
from tests.teeth.document import DOCUMENT, HEAD, RULE, Bite, first_red, rows_of, with_table
from tests.teeth.images import broken_sources
from tests.teeth.table import TEETH, Tooth


@pytest.mark.parametrize("tooth", TEETH, ids=lambda tooth: tooth.name)
def test_broken_guard_fits_the_sources(tooth: Tooth) -> None:
    """What a row replaces is in the sources exactly once, and what comes out is Python."""
    for path, text in broken_sources(tooth.edits).items():
        compile(text, path, "exec")
        assert text != (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("tooth", TEETH, ids=lambda tooth: tooth.name)
def test_broken_guard_names_checkers_that_exist(tooth: Tooth) -> None:
    """Each checker that has to go red is one of those that judge a run."""
    assert set(tooth.red) <= {check.__name__ for check in CHECKERS}
    assert tooth.red


def test_text_that_is_not_there_once_is_refused() -> None:
    """A row that does not fit its source is an error, never an image like any other."""
    with pytest.raises(ValueError, match="0 times"):
        broken_sources([Edit("service/__init__.py", "no such line", "")])


def test_only_the_service_is_broken() -> None:
    """The image holds only the service: every replaced file is one that is copied into it."""
    assert {edit.path.split("/")[0] for tooth in TEETH for edit in tooth.edits} == {"service"}


def test_table_of_the_document_is_that_of_the_teeth() -> None:
    """docs/chaos.md lists exactly these guards, each with its scenario and a checker that it may turn red."""
    rows = rows_of((ROOT / DOCUMENT).read_text(encoding="utf-8"))
    known = {tooth.guard: tooth for tooth in TEETH}

    assert [guard for guard, *_ in rows] == list(known)
    for guard, scenario, _, checker in rows:
        assert scenario == known[guard].scenario
        assert checker in known[guard].red


def test_table_is_replaced_where_it_stands() -> None:
    """The rows of the table are written anew, and everything around them stays."""
    text = f"before\n\n{HEAD}\n{RULE}\n| old | `x`, 1 | `y` | 2 s |\n\nafter\n"
    changed = with_table(text, [Bite(TEETH[0], 3, TEETH[0].red[0], 12.4)])

    assert re.sub(r"\| a worker.*\n", "", changed) == f"before\n\n{HEAD}\n{RULE}\n\nafter\n"
    assert rows_of(changed) == [(TEETH[0].guard, TEETH[0].scenario, 3, TEETH[0].red[0])]
    with pytest.raises(ValueError, match="no table"):
        with_table("nothing", [])


def test_rows_of_other_guards_stay() -> None:
    """A guard that was not tried keeps its row, and rows come in the order of the guards."""
    text = f"{HEAD}\n{RULE}\n| {TEETH[1].guard} | `x`, 1 | `y` | 2 s |\n"
    changed = with_table(text, [Bite(TEETH[0], 3, TEETH[0].red[0], 12.4)])

    assert [guard for guard, *_ in rows_of(changed)] == [TEETH[0].guard, TEETH[1].guard]


def test_moment_of_a_broken_promise_is_found() -> None:
    """A checker is red from the event on that breaks its promise, not from the end of the run."""
    events = made_up_run(6, 11)
    read = [one for one in events if isinstance(one, Operation) and one.percent == 100.0]
    at = read[-1].answered + 0.5
    late = replace(read[-1], at=at, asked=at - 0.2, answered=at, percent=7.0)

    assert first_red([*events, late], "progress_never_falls") == at


def test_document_exists() -> None:
    """The document is where the command writes the table."""
    assert (ROOT / DOCUMENT).is_file()
    assert Path(DOCUMENT).parts == ("docs", "chaos.md")
