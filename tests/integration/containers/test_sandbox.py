"""The probe in the place of ffmpeg, inside of the image as compose starts it: Docker's default profile, user 10001."""

import json
import shutil
from pathlib import Path

import pytest

from service.adapters.ffmpeg.sandbox import enter
from tests.support import probe, probed
from tests.support.docker import LABEL
from tests.support.image import RUN, docker

REFUSALS = {"EPERM", "EACCES", "ENOSYS"}
AS_IN_COMPOSE = ("--read-only", "--tmpfs=/tmp:size=64m", "--cap-drop=ALL", "--security-opt=no-new-privileges:true")


def test_nothing_that_a_taken_over_ffmpeg_tries_succeeds_in_the_image(image: str, tmp_path: Path) -> None:
    """Where no user namespace can be made, the layers that are left refuse everything all the same."""
    folder = tmp_path / "probe"
    folder.mkdir()
    for module in (probe, probed):
        shutil.copy(str(module.__file__), folder)
    tmp_path.chmod(0o755)
    folder.chmod(0o755)
    facts = json.dumps({"files": ["/etc/hostname"], "folders": ["/tmp", "/dev/shm"], "control": False})
    out = docker(
        "run", "--rm", f"--label={LABEL}={RUN}", *AS_IN_COMPOSE, "--network=none", f"--volume={folder}:/probe:ro",
        "--env=AWS_SECRET_ACCESS_KEY=a secret", "--env=PYTHONPATH=/srv/reprise", "--entrypoint=python",
        image, "/probe/probed.py", facts, seconds=120,
    )  # fmt: skip
    report, *others = out.splitlines()
    met = json.loads(next(line for line in others if line.startswith("{")))["met"]
    if "landlock=0" in report:
        pytest.skip("this kernel, or this engine, has no Landlock: files are not hidden")

    assert report.startswith(enter.REPORT)
    assert "seccomp=1" in report
    assert {name: how for name, how in met.items() if how not in REFUSALS} == {}
    assert len(met) > 100
