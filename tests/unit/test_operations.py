"""The operator's manual, held against the code: what it names has to exist."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from service import settings
from service.core.errors import RepriseError
from service.telemetry import events
from service.telemetry.counters import COUNTERS, PROBLEMS
from service.telemetry.events import Event
from service.telemetry.metrics import GAUGES
from tests.unit.web.conftest import World

ROOT = Path(__file__).parent.parent.parent
MANUAL = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
COLUMNS = ["fault", "the user sees", "the operator sees", "the system does", "test"]

EVENTS = {event.name for event in vars(events).values() if isinstance(event, Event)}
LABELS = {f"{counted.name}_total": dict(counted.labels) for counted in COUNTERS}
SAID_BY_LITESTAR = {"reprise_http_requests_total", "reprise_http_requests_error_total",
                    "reprise_http_request_duration_seconds", "reprise_http_requests_in_progress"}  # fmt: skip

Row = tuple[str, ...]


def cells(line: str) -> Row:
    """The cells of a line of a table; a bar within backticks belongs to its cell."""
    guarded = re.sub(r"`[^`]*`", lambda code: code[0].replace("|", "\0"), line.strip().strip("|"))
    return tuple(cell.strip().replace("\0", "|") for cell in guarded.split("|"))


def faults() -> list[Row]:
    """The lines of all tables of faults, each with its five cells."""
    found, inside = list[Row](), False
    for line in MANUAL.splitlines():
        if not line.startswith("|"):
            inside = False
        elif list(cells(line)) == COLUMNS:
            inside = True
        elif inside and not set(line) <= set("|- "):
            found.append(cells(line))
    return found


def codes(text: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", text)


@cache
def defined_in(path: Path) -> frozenset[str]:
    """The tests that a file defines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    )


FAULTS = faults()


def test_operations_document_has_complete_fault_tables() -> None:
    """The manual has its tables, and none of their lines lacks a cell."""
    assert len(FAULTS) > 70
    assert [row for row in FAULTS if len(row) != len(COLUMNS) or not all(row)] == []


@pytest.mark.parametrize("row", FAULTS, ids=lambda row: row[0])
def test_every_fault_in_operations_document_names_a_test(row: Row) -> None:
    """Each line names at least one test, and each test that it names exists."""
    named = codes(row[4])
    assert named
    for name in named:
        path, _, function = name.partition("::")
        assert re.fullmatch(r"tests/[a-z0-9_/]+/test_[a-z0-9_]+\.py", path), name
        assert (ROOT / path).is_file(), name
        assert function in defined_in(ROOT / path), name


@pytest.mark.parametrize("row", FAULTS, ids=lambda row: row[0])
def test_fault_tables_name_events_metrics_and_codes_that_exist(row: Row) -> None:
    """Each event, metric and label that a line names is said by the code, and so is each code of an answer."""
    for word in codes(row[2]):
        if word.startswith("reprise_"):
            name, _, labels = word.partition("{")
            assert name in LABELS or name in GAUGES, word
            for label, value in re.findall(r'([a-z]+)="([^"]*)"', labels):
                known = LABELS.get(name, {}).get(label)
                assert known is None or value in known, word
                assert known is not None or label in GAUGES[name][1], word
        elif re.fullmatch(r"[a-z0-9]+\.[a-z_]+", word):
            assert word in EVENTS, word
    for status, code in re.findall(r"`(\d{3}) ([a-z_]+)`", row[1]):
        assert (int(status), code) in FACES, (status, code)
    for code in re.findall(r"`failed`: `([a-z_]+)`", row[1]):
        assert code in PROBLEMS, code


def _faces(error: type[RepriseError]) -> set[tuple[int, str]]:
    return {(error.status, error.code)}.union(*(_faces(more) for more in error.__subclasses__()))


FACES = _faces(RepriseError)


def test_api_document_names_codes_that_exist() -> None:
    """Each status with a code in docs/api.md is the public face of an error, wherever the line breaks."""
    text = " ".join((ROOT / "docs" / "api.md").read_text(encoding="utf-8").split())
    named = {(int(status), code) for status, code in re.findall(r"`([45]\d\d) ([a-z_]+)`", text)}

    assert named
    assert named - FACES - {(400, "bad_request")} == set()


def test_operations_document_names_events_metrics_and_settings_that_exist() -> None:
    """No event, metric or setting is named anywhere in the manual that the code does not have."""
    rooms = {name.partition(".")[0] for name in EVENTS}
    named = {word for word in codes(MANUAL) if re.fullmatch(r"[a-z0-9]+\.[a-z_]+", word)}
    assert {word for word in named if word.partition(".")[0] in rooms} - EVENTS == set()

    metrics = set(re.findall(r"\breprise_[a-z0-9_]+", MANUAL))
    assert metrics - LABELS.keys() - GAUGES.keys() - SAID_BY_LITESTAR == set()

    variables = {variable.name for variable in settings.VARIABLES} | settings.NOT_OURS  # compose has some of its own
    assert set(re.findall(r"\bREPRISE_[A-Z0-9_]+", MANUAL)) - variables == set()


def test_every_metric_is_in_operations_document() -> None:
    """Every metric is explained in docs/operations.md, and no other."""
    section = MANUAL.partition("## Metrics")[2].partition("### Alarms")[0]
    listed = set(re.findall(r"`(reprise_[a-z0-9_]+)`", section))

    assert listed == LABELS.keys() | GAUGES.keys() | SAID_BY_LITESTAR


def test_table_of_metrics_names_the_events_counted() -> None:
    """Beside each counter stand the events that it counts, so that a log can be counted in its place."""
    section = MANUAL.partition("## Metrics")[2].partition("### Alarms")[0]
    for line in (cells(line) for line in section.splitlines() if line.startswith("| `")):
        metrics = [name for name in codes(line[0]) if name in LABELS]
        counted = {event.name for one in COUNTERS if f"{one.name}_total" in metrics for event in one.events}
        assert set(codes(line[2])) & EVENTS == counted, line[0]
        quiet = {event.name for one in COUNTERS for event in one.events if event.level < events.INFO}
        assert {name for name in counted if f"`{name}`°" in line[2]} == counted & quiet, line[0]


def test_alarm_expressions_name_routes_that_exist() -> None:
    """Every route that an alarm expression excludes is a route of the application."""
    paths = {route.path for route in World().app.routes}
    assert set(re.findall(r'path!?="([^"]+)"', MANUAL)) <= paths
