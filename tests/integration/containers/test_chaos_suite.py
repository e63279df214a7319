"""The chaos suite itself: one small scenario of it, and that it leaves nothing behind however it ends."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chaos.stack.watcher import LABEL
from tests.support.cluster import wait_for
from tests.support.docker import ROOT, stack_worker
from tests.support.image import docker
from tests.support.story_check import differences

pytestmark = [pytest.mark.timeout(900), stack_worker]


@contextmanager
def chaos(image: str, folder: Path) -> Iterator["Command"]:
    """`python -m chaos` with its smallest scenario."""
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "chaos", "--image", image, "--scenario", "smoke", "--seed", "4",
             "--out", str(folder)],
            cwd=ROOT, stdout=output, stderr=output, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield Command(process, folder / "output")
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(120)


class Command:
    """A run of the suite."""

    def __init__(self, process: "subprocess.Popen[bytes]", output: Path) -> None:
        self.process, self._output = process, output

    def said(self) -> str:
        """What it has printed."""
        return self._output.read_text(errors="replace")

    def name(self) -> str:
        """The name of the run, which everything that it starts bears; it is printed first."""
        wait_for(lambda: "run " in self.said(), "the run has a name")
        return self.said().split("run ", 1)[1].split(":", 1)[0]

    def containers(self) -> list[str]:
        """Names of its containers, in whatever state."""
        return docker("ps", "--all", "--filter", f"label={LABEL}={self.name()}", "--format", "{{.Names}}").split()

    def left(self) -> list[str]:
        """Everything of it that is still there: containers, networks, volumes and processes."""
        mine = f"label={LABEL}={self.name()}"
        asked = (["ps", "--all"], ["network", "ls"], ["volume", "ls"])
        found = [line for ask in asked for line in docker(*ask, "--quiet", "--filter", mine).split()]
        return found + [one.name for one in Path("/proc").glob("[0-9]*") if _mentions(one, self.name())]


def _mentions(process: Path, name: str) -> bool:
    try:
        return name.encode() in (process / "cmdline").read_bytes()
    except OSError:
        return False


@pytest.mark.requirement("8.4")
def test_small_scenario_kills_containers_and_every_promise_holds(image: str, tmp_path: Path) -> None:
    """Containers are killed in the middle of conversions, all promises hold, and nothing of the run is left."""
    with chaos(image, tmp_path) as run:
        run.process.wait(600)
        judged = json.loads((tmp_path / "smoke-4" / "run.json").read_text())

        assert run.process.returncode == 0, run.said()
        assert judged["verdict"] == "passed"
        assert judged["figures"]["kills"] >= 2
        assert judged["figures"]["jobs"] >= 4
        assert (tmp_path / "smoke-4" / "report.html").exists()
        assert differences(tmp_path / "smoke-4") == [], "`service story` tells each job as the history has it"
        assert run.left() == []


def test_interrupted_run_leaves_nothing_behind(image: str, tmp_path: Path) -> None:
    """SIGTERM at once, SIGKILL while containers start, Ctrl-C while jobs run: nothing of it is left."""
    moments = ("at once", "while containers start", "while jobs run")
    folders = [tmp_path / moment.replace(" ", "-") for moment in moments]
    for folder in folders:
        folder.mkdir()
    with chaos(image, folders[0]) as early, chaos(image, folders[1]) as starting, chaos(image, folders[2]) as busy:
        early.name()
        early.process.send_signal(signal.SIGTERM)
        wait_for(starting.containers, "a container is being started")
        starting.process.send_signal(signal.SIGKILL)
        wait_for(lambda: any("service-1" in name for name in busy.containers()), "the service is being started")
        busy.process.send_signal(signal.SIGINT)

        for run, code in ((early, 130), (starting, -signal.SIGKILL), (busy, 130)):
            assert run.process.wait(120) == code, run.said()
            wait_for(lambda: not run.left(), "nothing is left")  # noqa: B023  # called at once
