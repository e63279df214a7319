"""Images of a run: built by `docker compose`, labelled, and gone with it; the builder's cache keeps their layers."""

import json
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from chaos.stack.backing import ROOT
from chaos.stack.watcher import LABEL, dying_with_us

BUILD_SECONDS = 900.0


class NoSuchVersion(Exception):
    """The repository has no such commit; the message says what to do."""


class BuildFailed(Exception):
    """The builder's last lines."""


def build(run: str, name: str, context: Path, arguments: Mapping[str, str] | None = None) -> str:
    """Build the Dockerfile of `context`; returns the tag. Raises `BuildFailed`."""
    tag = f"reprise-chaos:{run}-{name}"
    made = {
        "context": str(context),
        "args": dict(arguments or {}),
        "labels": {LABEL: run},
    }
    with tempfile.TemporaryDirectory(prefix="reprise-chaos-build-") as folder:
        file = Path(folder) / "compose.json"
        file.write_text(json.dumps({"services": {"image": {"image": tag, "build": made}}}))
        command = ["docker", "compose", "--project-name", f"reprise-chaos-{run}-{name}", "--file", str(file)]
        done = subprocess.run(
            dying_with_us([*command, "build", "--quiet", "image"]),
            capture_output=True, text=True, check=False, timeout=BUILD_SECONDS, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    if done.returncode:
        raise BuildFailed(f"{name}: {done.stderr[-2000:]}")
    return tag


def from_tree(run: str) -> str:
    """Build the image of this tree."""
    return build(run, "tree", ROOT)


def from_commit(run: str, commit: str) -> str:
    """Build the image of an earlier commit. Raises `NoSuchVersion` where the clone does not have it."""
    with tempfile.TemporaryDirectory(prefix="reprise-chaos-commit-") as folder:
        packed = Path(folder) / "tree.tar"
        done = subprocess.run(
            ["git", "archive", f"--output={packed}", commit], cwd=ROOT, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise NoSuchVersion(
                f"this clone has no commit {commit} (git fetch --unshallow gets the whole history): "
                f"{done.stderr.strip()[:200]}"
            )
        tree = Path(folder) / "tree"
        with tarfile.open(packed) as archive:
            archive.extractall(tree, filter="data")
        return build(run, "older", tree)
