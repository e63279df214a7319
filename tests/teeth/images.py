"""Images of the service in which a guard is broken: built on the real one, with some sources replaced."""

import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.mutations.tree import ROOT, Edit

BUILD_TIMEOUT = 900.0  # seconds
BASE = "reprise-teeth:base"
# Its modules were compiled for good, with no look at their sources: what is replaced is compiled again.
DOCKERFILE = """\
FROM {base}
USER 0
COPY service service
RUN python -m compileall -q -f --invalidation-mode unchecked-hash {files}
USER 10001:10001
"""


def build_base() -> str:
    """Build the image of this tree, and return its name. Raises `RuntimeError` with what docker said."""
    docker("build", "--quiet", "--tag", BASE, str(ROOT))
    return BASE


@contextmanager
def broken_image(base: str, name: str, edits: Iterable[Edit]) -> Iterator[str]:
    """Build an image with these edits for as long as the block lasts; gives its name."""
    tag = f"reprise-teeth:{name}"
    sources = broken_sources(edits)
    with tempfile.TemporaryDirectory(prefix="teeth-") as folder:
        for path, text in sources.items():
            target = Path(folder) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        recipe = DOCKERFILE.format(base=base, files=" ".join(sorted(sources)))
        (Path(folder) / "Dockerfile").write_text(recipe, encoding="utf-8")
        docker("build", "--quiet", "--tag", tag, folder)
    try:
        yield tag
    finally:
        remove(tag)


def broken_sources(edits: Iterable[Edit]) -> dict[str, str]:
    """Return the changed sources by their paths. Raises `ValueError` when a text is not there exactly once."""
    sources: dict[str, str] = {}
    for edit in edits:
        text = sources.get(edit.path) or (ROOT / edit.path).read_text(encoding="utf-8")
        if text.count(edit.old) != 1:
            raise ValueError(f"{edit.path} holds {text.count(edit.old)} times, not once: {edit.old}")
        sources[edit.path] = text.replace(edit.old, edit.new)
    return sources


def remove(tag: str) -> None:
    """Remove an image; one that is not there is none to remove."""
    subprocess.run(["docker", "image", "rm", "--force", tag], capture_output=True, check=False, timeout=BUILD_TIMEOUT)


def docker(*arguments: str) -> str:
    """Run docker. Raises `RuntimeError` with what it said."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, timeout=BUILD_TIMEOUT)
    if done.returncode:
        raise RuntimeError(f"docker {arguments[0]} failed:\n{done.stderr[-2000:]}")
    return done.stdout
