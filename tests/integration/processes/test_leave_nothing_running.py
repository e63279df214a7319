"""CI notices a process that a run forgets, whatever that process did to hide."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

IMPATIENT = (
    "import sys; from scripts import leave_nothing_running as it; it.ROUNDS = 20; sys.exit(it.main(sys.argv[1:]))"
)


def run(script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script under the watch, with little patience for what it leaves."""
    command = [sys.executable, "-c", IMPATIENT, "sh", "-c", script]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(("script", "status"), [("true", 0), ("exit 7", 7), ("kill -KILL $$", 137)])
def test_clean_command_keeps_its_exit_status(script: str, status: int) -> None:
    """A command that leaves nothing behind ends as if it had been run without the watch."""
    done = run(script)

    assert (done.returncode, done.stderr) == (status, "")


def test_forgotten_process_is_named_and_killed() -> None:
    """A process in its own session with an empty environment is found, named, killed and fails the run."""
    done = run("env -i setsid sleep 987.25 >/dev/null 2>&1 &")

    named = re.search(r"^still running: (\d+) sleep 987.25", done.stderr, flags=re.MULTILINE)
    assert done.returncode == 1
    assert named
    assert not Path("/proc", named[1]).exists()
