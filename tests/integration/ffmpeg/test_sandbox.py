"""
A program that tries everything, in the place of ffmpeg.

Which layer refuses what: seccomp all but files; Landlock (ABI 1, Linux 5.13) files, /proc of other processes among
them. Its later ABIs (4: TCP, 6: signals and abstract sockets) are behind seccomp, and hold if that had a hole.
"""

import ctypes
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from service.adapters.ffmpeg.sandbox import enter
from tests.support import probe, probed

ROOT = Path(__file__).parent.parent.parent.parent
REFUSALS = {"EPERM", "EACCES", "ENOSYS"}
LANDLOCK = ctypes.CDLL(None).syscall(enter.CREATE_RULESET, None, 0, enter.VERSION)
BY_SECCOMP_ALONE = ("socket ", "kill", "tgkill", "prlimit", "fork", "clone", "execve", "io_uring", "ptrace", "pidfd_")


@dataclass(frozen=True)
class Planted:
    """Files that a probe must not get at."""

    secret: Path
    folder: Path

    def facts(self, **more: Any) -> str:
        """What a probe is told."""
        facts = {"files": [str(self.secret)], "folders": [str(self.folder)], "control": False, **more}
        if not facts["control"]:
            facts["folders"] += ["/tmp", "/dev/shm", "/var/tmp"]
        return json.dumps(facts)


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    """Credentials, as in a home folder."""
    secret = tmp_path / ".aws" / "credentials"
    secret.parent.mkdir()
    secret.write_text("aws_secret_access_key = a secret")
    return Planted(secret, tmp_path)


def start(planted: Planted, *how: str) -> tuple[list[str], dict[str, Any]]:
    """Start the stand-in of the service; return what the sandbox said, and what the probe met."""
    environment = {"PYTHONPATH": str(ROOT), "AWS_SECRET_ACCESS_KEY": "a secret"}
    done = subprocess.run(
        [sys.executable, probed.__file__, planted.facts(control="optional" in how), *how],
        capture_output=True, text=True, check=True, timeout=120, env=environment, cwd=ROOT,
    )  # fmt: skip
    for folder in ("/tmp", "/dev/shm", "/var/tmp"):  # of a sandbox that is broken
        for left in Path(folder).glob("reprise-probe-*"):
            left.unlink()
    *said, ended = done.stdout.splitlines()
    found = [line for line in said if line.startswith("{")]
    return [line for line in said if line not in found] + [ended], json.loads(found[0]) if found else {}


def got_through(met: dict[str, str]) -> dict[str, str]:
    """What was not refused; a file that does not exist is no success."""
    return {name: how for name, how in met.items() if how not in REFUSALS}


@pytest.mark.skipif(LANDLOCK < 1, reason="this kernel has no Landlock: files are not hidden")
@pytest.mark.parametrize("how", [(), ("nouserns",)], ids=["namespaces", "no-namespaces"])
def test_nothing_that_a_taken_over_ffmpeg_tries_succeeds(planted: Planted, how: tuple[str, ...]) -> None:
    """With user namespaces or without: no file, no process, no socket, no program, no child, nothing of the kernel."""
    said, probed = start(planted, *how)

    assert said[0].startswith(enter.REPORT)
    assert f"landlock={LANDLOCK} seccomp=1" in said[0]
    assert got_through(probed["met"]) == {}
    assert len(probed["met"]) > 100
    assert probed["environment"] == []
    assert probed["descriptors"] == [0, 1, 2]
    assert planted.secret.read_text() == "aws_secret_access_key = a secret"


def test_system_calls_are_refused_without_landlock_too(planted: Planted) -> None:
    """Sockets, signals, children and programs are refused by seccomp, which needs neither Landlock nor namespaces."""
    _, probed = start(planted, "nouserns")
    concerned = {name: how for name, how in probed["met"].items() if name.startswith(BY_SECCOMP_ALONE)}

    assert len(concerned) > 25
    assert got_through(concerned) == {}


def test_probe_succeeds_outside_of_the_sandbox(planted: Planted) -> None:
    """The probe would have got through: without a sandbox it reads, writes, connects, forks and signals."""
    facts = planted.facts(control=True, service=os.getpid())
    done = subprocess.run(
        [sys.executable, "-I", "-S", probe.__file__, facts], capture_output=True, text=True, check=True, timeout=120
    )
    met = json.loads(done.stderr)["met"]
    for name in (
        f"read {planted.secret}", f"write to {planted.secret}", f"make a file in {planted.folder}", "socket inet",
        "read /proc/service/status", "list the processes", "kill 0", "prlimit", "fork", "msgget", "shared memory",
    ):  # fmt: skip
        assert met[name] == "done", name
    assert len(got_through(met)) > 60


@pytest.mark.parametrize("optional", [False, True])
def test_ffmpeg_does_not_start_without_seccomp_unless_told_to(planted: Planted, *, optional: bool) -> None:
    """Where the kernel refuses the filter, the sandbox fails closed and says why; best-effort goes on and says so."""
    said, probed = start(planted, "noseccomp", *(["optional"] if optional else []))
    if optional:
        assert "seccomp=0" in said[0]
        assert probed["met"]["socket inet datagram"] == "done"
    else:
        assert said == [f"{enter.MARK}cannot start: [Errno 1] seccomp: Operation not permitted", "exit code 125"]
