"""
What holds for every test: it says in a docstring what it promises, and its requirement rows exist.

The docstring of a failing test is printed with its failure. A test that needs a Docker engine has the mark
`containers`, which is set here, by what it asks for. `tests/support/proofs.py` writes down which rows a run has proved.
"""

import os
from collections.abc import Generator

import pytest
import structlog
from hypothesis import settings

from scripts.requirements_report import load_sections

pytest_plugins = [
    "tests.support.proofs",
    "tests.support.exact_fields",
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

KNOWN_ROWS = frozenset(row for section in load_sections() for row in section.rows)
CONTAINERS = "containers"  # the mark
GROUPS = {"containers", "stacks"}  # of tests that share one worker (`tests/support/docker.py`)
NEED_DOCKER = frozenset({"localstack", "shared_valkey", "locked_valkey", "image", "stack"})  # fixtures


@pytest.fixture(scope="session", autouse=True)
def brief_on_ci() -> None:
    """
    Hide CI from pytest, which there compares what differs to the last byte: with audio, for many minutes.

    Only where tests run, and not before: the workers of a run have to see it as they start, for hypothesis.
    """
    for name in ("CI", "BUILD_NUMBER"):
        os.environ.pop(name, None)  # noqa: TID251  # pytest asks for them, and nothing else from here on


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Put back how the log is written: what a test has configured, as every command does, is not for the next one."""
    before = structlog.get_config()
    try:
        return (yield)
    finally:
        structlog.configure(**before)


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


def pytest_itemcollected(item: pytest.Item) -> None:
    """
    Mark what needs a Docker engine: by its fixtures, or by its group where a parameter chooses the fixture.

    `apprunner` is a mark of its own, whose tests need one all the same.
    """
    if item.get_closest_marker("apprunner"):
        return
    grouped = any(GROUPS.intersection(mark.args) for mark in item.iter_markers("xdist_group"))
    if grouped or NEED_DOCKER.intersection(getattr(item, "fixturenames", ())):
        item.add_marker(CONTAINERS)
        if not grouped:
            item.add_marker(pytest.mark.xdist_group("containers"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the promise of a failing test before its message, in the summary at the end and under its traceback."""
    report = yield
    promise = " ".join((getattr(getattr(item, "obj", None), "__doc__", None) or "").split("\n\n")[0].split())
    if report.failed and promise:
        if (crash := getattr(report.longrepr, "reprcrash", None)) is not None:
            crash.message = f"{promise} {crash.message}"
            report.longrepr.addsection("promised", promise)  # type: ignore[union-attr]  # it has both or neither
        else:
            report.longrepr = f"{promise}\n{report.longrepr}"
    return report
