"""
Write down which tests prove which rows of docs/requirements.toml, and how they ended: `--proofs=PATH`.

One file is one stage: it lists every marked test of the suite, and the outcome of those that the stage ran. When all
stages have been run, `scripts/requirements_report.py` puts their files together. The marks travel from the workers of
xdist to the controller, so a test whose worker died counts as failed instead of vanishing.
"""

import json
import re
from pathlib import Path

import pytest

from scripts.requirements_report import FAILED, PASSED, SKIPPED

FROM_WORKER = "reprise_proofs"  # key in xdist's worker output
GROUP = re.compile(r"@[^\]]*$")  # what xdist appends to the name of a test that shares a worker with others


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption(
        "--proofs",
        metavar="PATH",
        type=Path,
        help="write there, as JSON, which tests of this stage prove which rows of docs/requirements.toml",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Watch marks and outcomes when they are wanted."""
    path: Path | None = config.getoption("--proofs")
    if path is None:
        return
    whole = config.args_source is config.ArgsSource.TESTPATHS and not config.getoption("keyword")
    if not whole and not hasattr(config, "workerinput"):  # xdist hands its workers a selection of its own
        raise pytest.UsageError("--proofs needs the whole suite: select by marks (-m) only")
    config.pluginmanager.register(Proofs(path))


class Proofs:
    """Collects what the tests claim to prove and how they ended, and writes it when the run is over."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[str, list[str]] = {}  # of every marked test, run by this stage or not
        self.selected: set[str] = set()
        self.passed: set[str] = set()
        self.skipped: set[str] = set()
        self.failed: set[str] = set()
        self.uncollected = False
        self.verdict = ""

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.uncollected |= report.failed

    @pytest.hookimpl(tryfirst=True)  # before -m takes out what belongs to other stages
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            rows = sorted({row for mark in item.iter_markers("requirement") for row in mark.args})
            if rows:
                self.rows[_name(item.nodeid)] = rows

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.selected |= {_name(item.nodeid) for item in session.items}

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        # Every worker collects the whole suite, so one survivor is enough.
        rows, selected = getattr(node, "workeroutput", {}).get(FROM_WORKER, ({}, []))
        self.rows |= rows
        self.selected |= set(selected)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed or hasattr(report, "wasxfail"):
            self.failed.add(_name(report.nodeid))
        elif report.skipped:
            self.skipped.add(_name(report.nodeid))
        elif report.when == "call":
            self.passed.add(_name(report.nodeid))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        worker_output: dict[str, object] | None = getattr(session.config, "workeroutput", None)
        if worker_output is not None:
            worker_output[FROM_WORKER] = (self.rows, sorted(self.selected))
            return
        if self.uncollected or exitstatus not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
            self.verdict = f"{self.path} was not written: not every test came to its end."
            return
        tests = {test: {"rows": rows, "outcome": self._outcome(test)} for test, rows in sorted(self.rows.items())}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(tests, indent=1), encoding="utf-8")
        self.verdict = f"{self.path} is written."

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.write_line(self.verdict)

    def _outcome(self, test: str) -> str | None:
        if test not in self.selected:
            return None
        if test in self.failed:
            return FAILED
        if test in self.passed:
            return PASSED
        return SKIPPED if test in self.skipped else FAILED  # its worker died


def _name(nodeid: str) -> str:
    return GROUP.sub("", nodeid)
