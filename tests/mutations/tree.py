"""
A copy of this repository in which a guard can be broken, and the tests that must notice run.

The real tree is only read. A mutation rewrites sources of the copy, the named tests run there in a process of their
own, and the sources are put back. What a test writes goes into the copy as well, and all of it is removed in the end.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
# What exists of these; the tests of the copy read them.
COPIED = ("service", "chaos", "infra", "reprise", "tests", "scripts", "benchmarks", "docs/requirements.toml",
          "docs/costs.md", "docs/deploy.md", "pyproject.toml", "requirements", "images.env", "Dockerfile",
          "Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml")  # fmt: skip
ASSERTED = r"(?m)^E +(assert|AssertionError)\b"
REFUSED = r"(?m)^E +Failed: DID NOT RAISE"
TIMEOUT = 240.0  # seconds for the tests of one guard, on a busy machine


@dataclass(frozen=True, slots=True)
class Edit:
    """In the file at `path`, `old` (which is there exactly once) becomes `new`."""

    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutation:
    """
    A guard, and how it is broken.

    `promise` says what holds because of it. Each test that `red` names (with all its parameters, where it names none)
    has to fail, and what it says has to match `because`, so that it is red for that reason and no mistake of ours.
    """

    name: str
    promise: str
    edits: tuple[Edit, ...]
    red: tuple[str, ...]
    because: str = ASSERTED


@dataclass(frozen=True, slots=True)
class Run:
    """How tests ended, by node id: what they said as they failed, `None` for a pass."""

    ended: dict[str, str | None]
    seconds: float
    trouble: dict[str, str] = field(default_factory=dict)  # did not fail, but could not be run, or was skipped
    output: str = ""

    def matching(self, test: str) -> dict[str, str | None]:
        """The tests that a node id stands for."""
        return {name: said for name, said in self.ended.items() if name == test or name.startswith(f"{test}[")}


class Stale(Exception):
    """A mutation does not fit the sources any more: they have changed, and it has to follow them."""


class Tree:
    """The copy at `path`; made by `copied`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._edited = 0

    @contextmanager
    def broken(self, edits: Iterable[Edit]) -> Iterator[None]:
        """While this is open, the copy holds the edits. Raises `Stale` if one of them does not apply."""
        before: dict[Path, str] = {}
        try:
            for edit in edits:
                file = self.path / edit.path
                text = file.read_text(encoding="utf-8") if file.is_file() else ""
                if (times := text.count(edit.old)) != 1:
                    raise Stale(f"{edit.path} has {times} times, not once:\n{edit.old}")
                before.setdefault(file, text)
                self._write(file, text.replace(edit.old, edit.new))
            yield
        finally:
            for file, text in before.items():
                self._write(file, text)

    def run(self, tests: Sequence[str], *options: str, timeout: float = TIMEOUT) -> Run:
        """Run tests of the copy. Raises `subprocess.TimeoutExpired`, after all of its processes are gone."""
        report, temporary = self.path / "report.xml", self.path / "tmp"
        report.unlink(missing_ok=True)
        temporary.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", f"--junitxml={report}"]
        command += ["-o", f"faulthandler_timeout={timeout - 10:g}"]  # a test that hangs says where
        # One stand-in is enough to see a test go red: none that a container would have to be started for.
        command += ["-m", "not containers"]
        command += [f"--basetemp={self.path / 'basetemp'}", *options, *tests]
        started = time.monotonic()  # noqa: TID251  # how long real processes take is real time
        child = subprocess.Popen(
            command,
            cwd=self.path,
            env=_environment() | {"TMPDIR": str(temporary)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = child.communicate(timeout=timeout)
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.communicate()
        seconds = time.monotonic() - started  # noqa: TID251
        ended: dict[str, str | None] = {}
        trouble: dict[str, str] = {}
        for case in ET.parse(report).iter("testcase") if report.is_file() else ():
            test = self._node_id(case)
            if (failure := case.find("failure")) is not None:
                ended[test] = f"{failure.get('message', '')}\n{failure.text or ''}"
            ended.setdefault(test, None)
            for kind in ("error", "skipped"):
                if (found := case.find(kind)) is not None:
                    trouble[test] = f"{kind}: {found.get('message', '')}"
        return Run(ended, seconds, trouble, output)

    def _write(self, file: Path, text: str) -> None:
        """Each version gets a time of its own, so that no byte code of another one passes for it."""
        file.write_text(text, encoding="utf-8")
        self._edited += 2
        moment = file.stat().st_mtime + self._edited
        os.utime(file, (moment, moment))

    def _node_id(self, case: ET.Element) -> str:
        """``tests/unit/test_x.py::TestX::test_y[z]`` of what JUnit calls class ``tests.unit.test_x.TestX``."""
        classes: list[str] = []
        parts = (case.get("classname") or "").split(".")
        while parts and not self.path.joinpath(*parts).with_suffix(".py").is_file():
            classes.insert(0, parts.pop())
        return "::".join([f"{'/'.join(parts)}.py", *classes, case.get("name") or ""])


@contextmanager
def copied() -> Iterator[Tree]:
    """A fresh copy, removed in the end."""
    with tempfile.TemporaryDirectory(prefix="reprise-mutation-", ignore_cleanup_errors=True) as directory:
        path = Path(directory)
        for name in COPIED:
            source, target = ROOT / name, path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
            elif source.is_file():
                shutil.copy2(source, target)
        yield Tree(path)


def complaint(mutation: Mutation, run: Run) -> str:
    """Why the tests of a mutation did not go red as they must; empty if they did."""
    for test in mutation.red:
        found = run.matching(test)
        if not found:
            return f"{test} was not run:\n{run.output[-3000:]}"
        for name, said in found.items():
            if said is None and name in run.trouble:
                return f"{name} {run.trouble[name]}"
            if said is None:
                return f"{name} passed although this guard was broken: {mutation.promise}"
            if re.search(mutation.because, said) is None:
                return f"{name} failed for another reason than {mutation.because}\n{said[-3000:]}"
    return ""


def _environment() -> dict[str, str]:
    """What a fresh `pytest` needs, and nothing of the one that may be running us; the same examples every time."""
    ours = os.environ  # noqa: TID251  # what the child needs to start
    kept = {name: value for name, value in ours.items() if not name.startswith(("PYTEST", "PYTHONPATH", "COV_"))}
    return kept | {"CI": "true"}
