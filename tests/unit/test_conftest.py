"""The rules that tests/conftest.py lays on every test, seen on small suites made for it."""

import json
from pathlib import Path
from typing import Any

import pytest

RULES = (Path(__file__).parent.parent / "conftest.py").read_text(encoding="utf-8")
MARKERS = "[pytest]\ntestpaths = .\nmarkers =\n requirement\n containers\n xdist_group"

PROVEN = """
    import pytest

    @pytest.mark.requirement("1.1")
    def test_it():
        '''It holds.'''
"""
OF_ANOTHER_STAGE = """
    @pytest.mark.containers
    @pytest.mark.requirement("1.2")
    def test_other():
        '''It holds, too.'''
"""
ON_CONTAINERS = """
    import pytest

    @pytest.fixture
    def localstack(): pass

    @pytest.fixture
    def indirect(localstack): pass

    def test_by_fixture(localstack): '''It needs an engine.'''

    def test_by_way_of_another(indirect): '''It needs an engine.'''

    @pytest.mark.xdist_group("containers")
    def test_by_group(): '''It needs an engine.'''

    def test_plain(): '''It needs none.'''
"""
FAILING = """
    import pytest

    def test_it():
        '''
        Water is
        wet.

        More.
        '''
        ENDING
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Return an empty project under the rules of this one, and under nothing else."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    pytester.makeconftest(RULES)
    pytester.makeini(MARKERS)
    return pytester


def proofs_of(suite: pytest.Pytester, *options: str) -> tuple[pytest.RunResult, dict[str, Any]]:
    """Run the suite as a stage does; return the outcome and what it wrote, empty when it wrote nothing."""
    result = suite.runpytest_inprocess("--proofs=stage.json", *options)
    return result, written(suite)


def written(suite: pytest.Pytester) -> dict[str, Any]:
    """Return what a stage has left, empty when it left nothing."""
    path = suite.path / "stage.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def test_test_without_docstring_is_not_collected(suite: pytest.Pytester) -> None:
    """A test without a docstring is not run, and the message names it."""
    suite.makepyfile("def test_silent(): pass")

    result = suite.runpytest_inprocess()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*test_silent: say in a one-sentence docstring*"])


@pytest.mark.parametrize("mark", ["requirement('99.1')", "requirement()"])
def test_mark_of_unknown_requirement_is_refused(suite: pytest.Pytester, mark: str) -> None:
    """A mark that names no row of docs/requirements.toml stops the collection."""
    suite.makepyfile(f"import pytest\n@pytest.mark.{mark}\ndef test_it():\n    '''It holds.'''")

    result = suite.runpytest_inprocess()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*test_it: rows of docs/requirements.toml expected*"])


def test_passing_test_covers_its_row(suite: pytest.Pytester) -> None:
    """The proofs of a run name each marked test with its rows, and say that it passed."""
    suite.makepyfile(test_one=PROVEN, test_two="def test_without_a_row(): '''It holds.'''")

    _, proofs = proofs_of(suite)

    assert proofs == {"test_one.py::test_it": {"rows": ["1.1"], "outcome": "passed"}}


@pytest.mark.parametrize("ending", ["assert False", "pytest.xfail()"])
def test_failing_test_leaves_its_row_open(suite: pytest.Pytester, ending: str) -> None:
    """The proofs of a run say of a test that it failed, also when the failure was expected."""
    suite.makepyfile(test_one=PROVEN + f"\n        {ending}")

    _, proofs = proofs_of(suite)

    assert proofs["test_one.py::test_it"]["outcome"] == "failed"


def test_failing_teardown_leaves_the_row_open(suite: pytest.Pytester) -> None:
    """A test that passes but whose clean-up fails has proved nothing."""
    broken = "import pytest\n@pytest.fixture(autouse=True)\ndef broken():\n    yield\n    assert False\n"
    suite.makepyfile(test_one=broken + "@pytest.mark.requirement('1.1')\ndef test_it():\n    '''It holds.'''")

    _, proofs = proofs_of(suite)

    assert proofs["test_one.py::test_it"]["outcome"] == "failed"


def test_skipped_test_proves_nothing(suite: pytest.Pytester) -> None:
    """A test that was skipped has neither passed nor failed, so the document cannot be written from it."""
    suite.makepyfile(test_one=PROVEN + "\n        pytest.skip()")

    _, proofs = proofs_of(suite)

    assert proofs["test_one.py::test_it"]["outcome"] == "skipped"


def test_file_that_cannot_be_collected_writes_no_proofs(suite: pytest.Pytester) -> None:
    """A file that cannot be collected may hold tests of any row, so no proofs are written."""
    suite.makepyfile(test_one=PROVEN, test_two="import nothing_of_that_name")

    result, proofs = proofs_of(suite, "--continue-on-collection-errors")  # as xdist always does

    assert proofs == {}
    result.stdout.fnmatch_lines(["*stage.json was not written: not every test came to its end.*"])


@pytest.mark.parametrize("selection", [["test_one.py"], ["-k", "it"]])
def test_proofs_of_a_selection_are_refused(suite: pytest.Pytester, selection: list[str]) -> None:
    """Proofs of a selection by path or name are refused: rows outside it would read as open."""
    suite.makepyfile(test_one=PROVEN)

    result, _ = proofs_of(suite, *selection)

    assert result.ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize("workers", ["0", "1"])
def test_stage_lists_the_tests_of_other_stages(suite: pytest.Pytester, workers: str) -> None:
    """A test that a stage leaves to another is in its proofs without an outcome, so that none can be forgotten."""
    suite.makepyfile(test_one=PROVEN + OF_ANOTHER_STAGE)

    suite.runpytest_subprocess("-p", "xdist", "-n", workers, "-m", "not containers", "--proofs=stage.json")

    assert {test: proof["outcome"] for test, proof in written(suite).items()} == {
        "test_one.py::test_it": "passed",
        "test_one.py::test_other": None,
    }


def test_what_needs_docker_is_marked(suite: pytest.Pytester) -> None:
    """A test that asks for a container, by a fixture or by its group, belongs to the stage of the containers."""
    suite.makepyfile(ON_CONTAINERS)

    suite.runpytest_inprocess("-m", "containers").assert_outcomes(passed=3, deselected=1)


@pytest.mark.parametrize("ending", ["assert 1 == 2", "pytest.fail('no', pytrace=False)"])
def test_failing_test_shows_its_promise(suite: pytest.Pytester, ending: str) -> None:
    """What a failing test promised is printed with its failure, with a traceback or without."""
    suite.makepyfile(FAILING.replace("ENDING", ending))

    result = suite.runpytest_subprocess("-p", "xdist", "-n", "1", "-ra")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["Water is wet."])
    if ending.startswith("assert"):
        result.stdout.fnmatch_lines(["FAILED *::test_it - Water is wet.*"])


def test_on_ci_examples_are_fixed_and_comparisons_brief(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each worker of a run on CI plays the same examples every time, and explains no megabytes byte by byte."""
    monkeypatch.setenv("CI", "true")
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


def test_tests_of_a_group_run_on_one_worker(suite: pytest.Pytester) -> None:
    """Tests that share containers run in the same process of a parallel run, so that one may pause what others use."""
    suite.makepyfile(
        test_one="""
        import os
        import pytest

        @pytest.mark.xdist_group("containers")
        @pytest.mark.parametrize("number", range(6))
        def test_it(number):
            '''It notes which worker runs it.'''
            with open("workers.txt", "a") as noted:
                noted.write(os.environ["PYTEST_XDIST_WORKER"] + " ")
        """,
        test_two="""
        import pytest

        @pytest.mark.parametrize("number", range(6))
        def test_other(number): '''It keeps a worker busy.'''
        """,
    )

    suite.runpytest_subprocess("-p", "xdist", "-n", "2", "--dist", "loadgroup").assert_outcomes(passed=12)

    noted = (suite.path / "workers.txt").read_text(encoding="utf-8").split()
    assert (len(noted), len(set(noted))) == (6, 1)
