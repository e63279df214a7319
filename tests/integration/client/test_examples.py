"""docs/examples.md: its blocks run, in their order, and no route is left out."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.cluster import Cluster

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(sh|python)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
SHELL = "\n".join(text for language, text in BLOCKS if language == "sh")
PYTHON = "\n".join(text for language, text in BLOCKS if language == "python")

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("client")]


def requests() -> Iterator[tuple[str, str]]:
    """Method and path of each call of curl on the page; what the shell fills in is one segment of the path."""
    for call in re.split(r"\bcurl ", SHELL.replace("\\\n", " "))[1:]:
        if (found := re.search(r'"\$A(/[^"?]*(?:\$\(jq[^"]*<<<"\$BEGUN"\))?[^"?]*)', call)) is None:
            continue
        path = re.sub(r"\$\(jq.*?\)|\$\{?\w+\}?", "{}", found[1])
        method = re.search(r"-X (\w+)", call)
        if method:
            yield method[1], path
        elif " --json" in call or "--data-binary" in call:
            yield "POST", path
        elif re.search(r"(^|\s)-T ", call):
            yield "PUT", path
        else:
            yield "HEAD" if re.search(r"(^|\s)-I ", call) else "GET", path


def matches(path: str, template: str) -> bool:
    """Tell whether a path is one of a route; `{}` in it stands for any value."""
    pattern = re.sub(r"\\{[^/]*?\\}", "[^/]+", re.escape(template))
    return re.fullmatch(pattern, path) is not None


def run(*command: str, folder: Path, said: str) -> str:
    """Run a program that reads its commands from its standard input; returns what it printed."""
    done = subprocess.run(
        command, cwd=folder, input=said, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False, timeout=250,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.requirement("8.3")
def test_every_route_has_an_example_that_works(cluster: Cluster, piece: Path, tmp_path: Path) -> None:
    """The blocks for the shell run as they stand, and together they call every operation of the OpenAPI document."""
    if shutil.which("curl") is None or shutil.which("jq") is None:
        pytest.skip("there is no curl or no jq (apt-get install curl jq)")
    address = cluster.services[0].address
    shutil.copy(piece, tmp_path / "song.wav")

    told = run("bash", "-euo", "pipefail", folder=tmp_path, said=f"A={address}\n{SHELL}")

    assert told.splitlines()[-1] == "not_found"
    assert "succeeded" in told
    paths = httpx.get(f"{address}/schema/openapi.json").json()["paths"]
    called = set(requests())
    missing = [
        f"{method.upper()} {template}"
        for template, operations in paths.items()
        for method in operations
        if not any(verb == method.upper() and matches(path, template) for verb, path in called)
    ]
    assert missing == []


@pytest.mark.requirement("8.3")
def test_examples_of_the_python_client_work(cluster: Cluster, piece: Path, tmp_path: Path) -> None:
    """The blocks for Python run one after the other, as a program would have them."""
    shutil.copy(piece, tmp_path / "song.wav")
    start = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nA = {cluster.services[0].address!r}\n"

    told = run(sys.executable, "-", folder=tmp_path, said=start + PYTHON)

    assert told.splitlines()[-1] == "not_found"
    files = {path.name for path in tmp_path.iterdir()}
    assert {"by-client.mp3", "several.flac", "several.opus"} <= files
