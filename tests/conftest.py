"""
What holds for every test: it says in a docstring what it promises, and its requirement rows exist.

With `--requirements-report=PATH` a run of the whole suite also writes down which rows it proved. The marks travel
from the xdist workers to the controller, so that a test whose worker died counts as not passed instead of vanishing.
"""

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

from scripts.requirements_report import Proof, load_sections, render

pytest_plugins = [
    "tests.support.containers",
    "tests.support.fixtures",
    "tests.support.redis_fixtures",
    "tests.support.s3_fixtures",
    "tests.support.cluster",
    "tests.support.image",
    "tests.support.compose",
]

# No example has a deadline: a busy machine is not a broken promise. pytest's own timeout finds what hangs. All
# else is as hypothesis has it, which on CI plays the same examples every time: a commit fails for what is in it.
settings.register_profile("facts", deadline=None)
settings.load_profile("facts")

SECTIONS = load_sections()
KNOWN_ROWS = frozenset(row for section in SECTIONS for row in section.rows)
FROM_WORKER = "requirement_rows"  # key in xdist's worker output


@pytest.fixture(scope="session", autouse=True)
def brief_on_ci() -> None:
    """
    Hide CI from pytest, which there compares what differs to the last byte: with audio, for many minutes.

    Only where tests run, and not before: the workers of a run have to see it as they start, for hypothesis.
    """
    for name in ("CI", "BUILD_NUMBER"):
        os.environ.pop(name, None)  # noqa: TID251  # pytest asks for them, and nothing else from here on


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class) -> Generator[None, object, object]:
    """Refuse a test that does not say what it promises, or names a row that does not exist."""
    made = yield
    for item in made if isinstance(made, list) else []:
        if not isinstance(item, pytest.Function):
            continue
        if not (item.obj.__doc__ or "").strip():
            raise collector.CollectError(f"{item.nodeid}: say in a one-sentence docstring what this test promises.")
        for mark in item.iter_markers("requirement"):
            unknown = [row for row in mark.args if row not in KNOWN_ROWS]
            if unknown or not mark.args:
                raise collector.CollectError(f"{item.nodeid}: rows of docs/requirements.toml expected, not {unknown}")
    return made


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the one option that `make test` needs."""
    parser.addoption(
        "--requirements-report",
        metavar="PATH",
        type=Path,
        help="write there which rows of docs/requirements.toml this run of the whole suite has proved",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Watch marks and outcomes when a report is wanted."""
    path: Path | None = config.getoption("--requirements-report")
    if path is None:
        return
    whole = config.args_source is config.ArgsSource.TESTPATHS and not config.getoption("keyword")
    if not whole and not hasattr(config, "workerinput"):  # xdist hands its workers a selection of its own
        raise pytest.UsageError("--requirements-report needs a run of the whole suite, without a selection")
    config.pluginmanager.register(RequirementsReport(path))


class RequirementsReport:
    """Puts together what the tests claim to prove and how they ended; writes it when the run is over."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[str, list[str]] = {}
        self.passed: set[str] = set()
        self.skipped: set[str] = set()
        self.failed: set[str] = set()
        self.uncollected = False
        self.verdict = ""

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.uncollected |= report.failed

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            rows = sorted({row for mark in item.iter_markers("requirement") for row in mark.args})
            if rows:
                self.rows[item.nodeid] = rows

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        # Every worker collects the whole suite, so one survivor is enough.
        self.rows |= getattr(node, "workeroutput", {}).get(FROM_WORKER, {})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed or hasattr(report, "wasxfail"):
            self.failed.add(report.nodeid)
        elif report.skipped:
            self.skipped.add(report.nodeid)
        elif report.when == "call":
            self.passed.add(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        worker_output: dict[str, object] | None = getattr(session.config, "workeroutput", None)
        if worker_output is not None:
            worker_output[FROM_WORKER] = self.rows
            return
        if self.uncollected or exitstatus not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
            self.verdict = f"{self.path} was not written: not every test came to its end."
        elif unproved := sorted(self.skipped & self.rows.keys()):
            # What was not tried is neither proved nor open; a machine without Redis must not rewrite the document.
            self.verdict = f"{self.path} was not written: {len(unproved)} tests that prove rows were skipped."
        else:
            proofs = [Proof(test, tuple(rows), self._held(test)) for test, rows in self.rows.items()]
            self.path.write_text(render(SECTIONS, proofs), encoding="utf-8")
            self.verdict = f"{self.path} is written."

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.write_line(self.verdict)

    def _held(self, test: str) -> bool:
        return test in self.passed and test not in self.failed
