"""The embedded stack: there for as long as the process that started it, and no longer."""

import subprocess
import sys
from pathlib import Path

import pytest

from service.wiring import environment
from tests.support.cluster import gone, wait_for

STARTER = """
import sys, threading
from service.wiring import embedded_stack, environment, mortal
import subprocess
with embedded_stack(environment()) as stack:
    child = subprocess.Popen(mortal([sys.executable, "-c", "import threading; threading.Event().wait()"]))
    print(child.pid, flush=True)
    threading.Event().wait()
"""


def descendants(pid: int) -> set[int]:
    """The processes below `pid`."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            child, parent = int(stat.parent.name), int(stat.read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        if parent == pid:
            found |= {child} | descendants(child)
    return found


@pytest.mark.requirement("8.5")
def test_nothing_outlives_a_killed_starter() -> None:
    """After SIGKILL of the process that started them, the stand-ins and the service processes are gone."""
    with subprocess.Popen(
        [sys.executable, "-c", STARTER], env=dict(environment()), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    ) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline().strip().isdigit()
        children = descendants(starter.pid)
        starter.kill()

    assert len(children) >= 3
    wait_for(lambda: all(gone(pid) for pid in children), "they end with it")
