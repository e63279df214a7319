"""The rules that tests/conftest.py lays on every test, seen on small suites made for it."""

from pathlib import Path

import pytest

RULES = (Path(__file__).parent.parent / "conftest.py").read_text(encoding="utf-8")

PROVEN = """
    import pytest

    @pytest.mark.requirement("1.1")
    def test_it():
        '''It holds.'''
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Return an empty project under the rules of this one, and under nothing else."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest(RULES)
    pytester.makeini("[pytest]\ntestpaths = .\nmarkers = requirement")
    return pytester


def report_of(suite: pytest.Pytester, *options: str) -> tuple[pytest.RunResult, str]:
    """Run the whole suite and return the outcome and the report, empty when none was written."""
    result = suite.runpytest_inprocess("--requirements-report=report.md", *options)
    report = suite.path / "report.md"
    return result, report.read_text(encoding="utf-8") if report.exists() else ""


def test_every_test_says_what_it_promises(suite: pytest.Pytester) -> None:
    """A test without a docstring is not run, and the message names it."""
    suite.makepyfile("def test_silent(): pass")

    result = suite.runpytest_inprocess()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*test_silent: say in a one-sentence docstring*"])


@pytest.mark.parametrize("mark", ["requirement('99.1')", "requirement()"])
def test_unknown_row_is_refused(suite: pytest.Pytester, mark: str) -> None:
    """A mark that names no row of docs/requirements.toml stops the collection."""
    suite.makepyfile(f"import pytest\n@pytest.mark.{mark}\ndef test_it():\n    '''It holds.'''")

    result = suite.runpytest_inprocess()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*test_it: rows of docs/requirements.toml expected*"])


def test_passing_test_covers_its_row(suite: pytest.Pytester) -> None:
    """The report of a whole run shows the row of a passing test as covered, by that test."""
    suite.makepyfile(test_one=PROVEN)

    _, report = report_of(suite)

    assert "| covered | `test_one.py::test_it` |" in report
    assert report.count("| covered |") == 1


@pytest.mark.parametrize("ending", ["assert False", "pytest.xfail()"])
def test_failing_test_leaves_its_row_open(suite: pytest.Pytester, ending: str) -> None:
    """A row is open when its test failed, also when the failure was expected."""
    suite.makepyfile(test_one=PROVEN + f"\n        {ending}")

    _, report = report_of(suite)

    assert "| open | `test_one.py::test_it` |" in report


def test_failing_teardown_leaves_the_row_open(suite: pytest.Pytester) -> None:
    """A test that passes but whose clean-up fails has proved nothing."""
    broken = "import pytest\n@pytest.fixture(autouse=True)\ndef broken():\n    yield\n    assert False\n"
    suite.makepyfile(test_one=broken + "@pytest.mark.requirement('1.1')\ndef test_it():\n    '''It holds.'''")

    _, report = report_of(suite)

    assert "| open | `test_one.py::test_it` |" in report


def test_skipped_proof_leaves_the_document_alone(suite: pytest.Pytester) -> None:
    """Where a test that proves a row was skipped, no report is written: the run does not know."""
    suite.makepyfile(test_one=PROVEN + "\n        pytest.skip()")

    result, report = report_of(suite)

    assert report == ""
    result.stdout.fnmatch_lines(["*was not written: 1 tests that prove rows were skipped*"])


def test_uncollected_file_leaves_the_document_alone(suite: pytest.Pytester) -> None:
    """A file that cannot be collected may hold tests of any row, so no report is written."""
    suite.makepyfile(test_one=PROVEN, test_two="import nothing_of_that_name")

    _, report = report_of(suite, "--continue-on-collection-errors")  # as xdist always does

    assert report == ""


def test_part_of_the_suite_proves_nothing(suite: pytest.Pytester) -> None:
    """A report of a selection is refused: rows outside it would read as open."""
    suite.makepyfile(test_one=PROVEN)

    result = suite.runpytest_inprocess("test_one.py", "--requirements-report=report.md")

    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_on_ci_examples_are_fixed_and_comparisons_brief(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each worker of a run on CI plays the same examples every time, and explains no megabytes byte by byte."""
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    suite.makepyfile(
        """
        import os
        from hypothesis import settings

        def test_it():
            '''It holds.'''
            assert settings.default.derandomize
            assert settings.default.deadline is None
            assert "CI" not in os.environ
        """
    )

    for workers in ("0", "1"):
        suite.runpytest_subprocess("-p", "xdist", "-n", workers).assert_outcomes(passed=1)
