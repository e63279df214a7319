"""No test is left out: what `make test` does not run is a stage of CI, here and on GitHub."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
WORKFLOW = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")


def stages() -> set[str]:
    """Return the targets that `.ci/run` runs."""
    [found] = re.findall(r"^stages=\((.*)\)$", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), flags=re.MULTILINE)
    return set(str(found).split())


def recipe(target: str) -> str:
    """Return what the Makefile does for a target."""
    [found] = re.findall(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, flags=re.MULTILINE)
    return str(found)


def test_what_make_test_leaves_out_is_a_stage() -> None:
    """Each mark that `make test` excludes has a target that runs exactly that mark, and CI runs that target."""
    [costly] = re.findall(r"^COSTLY := (.*)$", MAKEFILE, flags=re.MULTILINE)
    runs = {mark: [stage for stage in stages() if f" -m {mark} " in recipe(stage)] for mark in costly.split(" or ")}

    assert '-m "not ($(COSTLY))"' in recipe("test")
    assert "test" in stages()
    assert {mark: len(found) for mark, found in runs.items()} == dict.fromkeys(runs, 1)


def test_every_stage_leaves_its_proofs() -> None:
    """Each stage that runs pytest writes a file of its own for `make requirements`."""
    ours = [stage for stage in stages() if "$(PYTEST)" in recipe(stage)]
    written = [path for stage in ours for path in re.findall(r"--proofs=\$\(PROOFS\)/(\S+)", recipe(stage))]

    assert ours
    assert len(set(written)) == len(written) == len(ours)


def test_github_runs_the_same_stages() -> None:
    """The workflow has the stages of `.ci/run`, and every action in it has a version."""
    [matrix] = re.findall(r"^ +stage: \[(.*)\]$", WORKFLOW, flags=re.MULTILINE)
    actions = re.findall(r"uses: (\S+)", WORKFLOW)

    assert set(matrix.split(", ")) == stages()
    assert actions
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+\.\d+\.\d+", action) for action in actions)
