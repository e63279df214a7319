"""
Removes what a run has started, however the run ends: a process of its own, at the other end of a pipe.

The kernel closes the pipe when the run is gone, also after SIGKILL. Everything that a run starts in Docker carries
the label `LABEL` with the name of the run, and is found by it. The engine may still be creating something at that
moment, so the watcher looks until nothing new has come for a while.

    python -m chaos.stack.watcher RUN < PIPE
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from chaos.ambient import pause

LABEL = "dev.reprise.chaos"
QUIET_LOOKS, BETWEEN_LOOKS = 4, 0.5  # so often nothing, at such a distance (seconds), is the end
COMMAND_SECONDS = 120.0


def watched(run: str) -> "subprocess.Popen[bytes]":
    """Start the watcher of a run, in a session of its own, so that Ctrl-C does not end it; `dismiss` ends it."""
    return subprocess.Popen(
        [sys.executable, "-m", "chaos.stack.watcher", run],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd=Path(__file__).resolve().parents[2],
    )


def dismiss(watcher: "subprocess.Popen[bytes]") -> None:
    """Let the watcher do its work now, and wait for its end."""
    if watcher.stdin is not None:
        watcher.stdin.close()
    watcher.wait(COMMAND_SECONDS)


def dying_with_us(command: Sequence[str]) -> list[str]:
    """Return a command that the kernel kills when the thread that started it is gone."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--", *command] if setpriv else list(command)


def remove_all(run: str) -> int:
    """Remove every container (with its volumes), network, volume and image of a run; return how many there were."""
    ours = ("--filter", f"label={LABEL}={run}")
    count = 0
    for find, remove in (
        (("ps", "--all", "--quiet", *ours), ("rm", "--force", "--volumes")),
        (("network", "ls", "--quiet", *ours), ("network", "rm")),
        (("volume", "ls", "--quiet", *ours), ("volume", "rm", "--force")),
        (("image", "ls", "--quiet", *ours), ("image", "rm", "--force")),
    ):
        found = sorted(set(_docker(*find).split()))
        if found:
            _docker(*remove, *found)
            count += len(found)
    return count


def watch(run: str, pipe: IO[bytes]) -> None:
    """Wait for the end of the pipe, then remove what is left."""
    while pipe.read(4096):
        pass
    quiet = 0
    while quiet < QUIET_LOOKS:
        quiet = 0 if remove_all(run) else quiet + 1
        pause(BETWEEN_LOOKS)


def _docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS)
    return done.stdout


if __name__ == "__main__":
    watch(sys.argv[1], sys.stdin.buffer)
