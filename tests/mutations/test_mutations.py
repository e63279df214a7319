"""Each guard of the table, broken in a copy of the tree: the tests that it names are seen to fail, for that reason."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mutations.table import MUTATIONS
from tests.mutations.tree import ROOT, Edit, Mutation, Run, Stale, Tree, complaint, copied
from tests.support.redis_server import redis_or_skip

costly = pytest.mark.mutation  # runs the tests of a guard; the others are a part of `make test`

SOME = MUTATIONS[0]
CORE = "service/core/jobs/progress.py"
QUICK = "tests/unit/core/jobs/test_progress.py::test_new_attempt_shows_the_old_progress_until_it_passes_it"


@pytest.fixture(scope="session")
def tree() -> Iterator[Tree]:
    """One copy for all mutations that this process tries."""
    with copied() as tree:
        yield tree


@costly
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_broken_guard_is_noticed(tree: Tree, mutation: Mutation) -> None:
    """With this guard broken, each test that should notice fails, and says why."""
    if "redis" in mutation.name:
        redis_or_skip()
    with tree.broken(mutation.edits):
        run = tree.run(mutation.red)

    assert complaint(mutation, run) == ""


@costly
@pytest.mark.timeout(900)
def test_tests_of_all_guards_pass_while_no_guard_is_broken(tree: Tree) -> None:
    """With every guard in its place, the same tests pass in the same copy: it is the mutation that turns them red."""
    redis_or_skip()
    run = tree.run(sorted({test for mutation in MUTATIONS for test in mutation.red}), timeout=800)

    assert run.trouble == {}
    assert {name: said for name, said in run.ended.items() if said is not None} == {}
    for mutation in MUTATIONS:
        assert all(run.matching(test) for test in mutation.red), f"{mutation.name}: {run.output[-2000:]}"


@costly
def test_mutation_that_no_test_notices_is_reported(tree: Tree) -> None:
    """A mutation is reported when its test passes, fails for another reason, or was not run."""
    harmless = Mutation("none", "nothing", (Edit(CORE, "MIN_LEAD = 1.0", "MIN_LEAD = 1.5"),), (QUICK,))
    with tree.broken(harmless.edits):
        passed = tree.run(harmless.red)

    assert "passed although this guard was broken: nothing" in complaint(harmless, passed)
    failed = Run({QUICK: "NameError: name 'x' is not defined"}, 0.0)
    assert "failed for another reason" in complaint(harmless, failed)
    assert "was not run" in complaint(harmless, Run({}, 0.0))
    assert "skipped: no reason" in complaint(harmless, Run({QUICK: None}, 0.0, {QUICK: "skipped: no reason"}))


@pytest.mark.parametrize("path", [CORE, "service/core/no_such_file.py"])
def test_a_mutation_that_no_longer_applies_is_an_error(tree: Tree, path: str) -> None:
    """When the source has changed, its mutation says so, with what it looks for, instead of mutating nothing."""
    stale = (Edit(CORE, "MIN_LEAD = 1.0", "MIN_LEAD = 1.5"), Edit(path, "what is not there", ""))
    before = (tree.path / CORE).read_text(encoding="utf-8")

    with pytest.raises(Stale, match="has 0 times, not once:\nwhat is not there"), tree.broken(stale):
        pass

    assert (tree.path / CORE).read_text(encoding="utf-8") == before, "and what was broken before it is mended"


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_mutation_fits_the_sources(mutation: Mutation) -> None:
    """Each mutation breaks the product or its stacks, in a place that is there exactly once; its test is there too."""
    for edit in mutation.edits:
        assert edit.path.startswith(("service/", "infra/"))
        assert (ROOT / edit.path).read_text(encoding="utf-8").count(edit.old) == 1, edit.path
        assert edit.new != edit.old
    for test in mutation.red:
        file, _, name = test.partition("::")
        assert Path(ROOT / file).is_file()
        assert name


def test_mutation_names_are_unique() -> None:
    """No two mutations have the same name."""
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)


def test_mutations_change_a_copy_only() -> None:
    """A mutation is tried in a copy, which is gone afterwards; the sources that we run from are only read."""
    before = (ROOT / CORE).stat()
    with copied() as tree:
        edit = Edit(CORE, "MIN_LEAD = 1.0", "MIN_LEAD = 1.5")
        with tree.broken((edit,)):
            assert "MIN_LEAD = 1.5" in (tree.path / CORE).read_text(encoding="utf-8")
        assert (tree.path / CORE).read_bytes() == (ROOT / CORE).read_bytes()

    assert not tree.path.exists()
    after = (ROOT / CORE).stat()
    assert (after.st_mtime_ns, after.st_size) == (before.st_mtime_ns, before.st_size)


def test_mutations_are_immutable() -> None:
    """A table of mutations cannot change while it is worked through."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        SOME.name = "another"  # type: ignore[misc]
