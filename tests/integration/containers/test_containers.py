"""What the tests themselves rely on: containers tell why they do not start, and none outlives its run."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.wiring import environment
from tests.support.cluster import wait_for
from tests.support.containers import FOLDER
from tests.support.docker import LABEL, ROOT, docker_or_skip, one_worker
from tests.support.valkey import MortalValkey

pytestmark = [pytest.mark.timeout(300), one_worker]

HANGING = """
import threading

def test_hanging(shared_valkey):
    print("up", flush=True)
    threading.Event().wait(100)
"""


def containers_of(run: str) -> list[str]:
    """Their ids, of whatever state."""
    command = ["docker", "ps", "--all", "--quiet", "--filter", f"label={LABEL}={run}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


@pytest.fixture
def hanging_run(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A run of its own, with a container, in the middle of a test; it has told so."""
    docker_or_skip()
    (tmp_path / "test_hanging.py").write_text(HANGING)
    plugins = ["-p", "tests.support.containers", "-p", "tests.support.redis_fixtures", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-s", "-q", *plugins, "--rootdir", str(tmp_path), str(tmp_path)]
    inherited = {name: value for name, value in environment().items() if name != FOLDER}
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env={**inherited, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as run:
        try:
            yield run
        finally:
            run.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_container_outlives_its_run(
    hanging_run: "subprocess.Popen[str]", tmp_path: Path, number: signal.Signals
) -> None:
    """However a run ends, by Ctrl-C or by SIGKILL, its containers are gone soon after."""
    assert hanging_run.stdout is not None
    assert any("up" in line for line in iter(hanging_run.stdout.readline, "")), "it never came to its test"
    [folder] = tmp_path.glob("reprise-run-*")
    assert len(containers_of(folder.name)) == 1

    os.killpg(hanging_run.pid, number)

    wait_for(lambda: not containers_of(folder.name), "its containers are gone", within=120)
    wait_for(lambda: not folder.exists(), "so is its folder", within=60)


def test_failed_wait_shows_the_log_of_the_container() -> None:
    """The error about a container that does not come up shows what it has logged."""
    server = MortalValkey()
    server.start()
    assert server._container is not None
    with pytest.raises(RuntimeError, match="Ready to accept connections"):
        server._container.wait(lambda: False, "the impossible", within=0.1)
    server.close()
