"""The OpenAPI document through the generators that people use: what they make converts a file, and is typed."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import imageio_ffmpeg
import pytest

from service.cli.sample import write_sample
from service.core.media.arguments import output_arguments
from service.core.media.options import parse_target
from tests.support.browser import installed, npm_or_skip
from tests.support.cluster import a_cluster

pytestmark = pytest.mark.long
HERE = Path(__file__).parent
OPTIONS = {"bitrate_kbps": 96}
# The one answer that openapi-python-client leaves out: it knows no type with a wildcard, which a part of a file has.
LEFT_OUT = "Unsupported content_type audio/*"


@pytest.fixture(scope="module")
def address(embedded_stack: Mapping[str, str]) -> Iterator[str]:
    """A service."""
    with a_cluster(embedded_stack) as cluster:
        yield cluster.start().address


@pytest.fixture(scope="module")
def document(address: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The OpenAPI document, as it serves it."""
    path = tmp_path_factory.mktemp("openapi") / "openapi.json"
    path.write_bytes(httpx.get(f"{address}/schema/openapi.json").raise_for_status().content)
    return path


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """Some music."""
    write_sample(tmp_path / "song.wav", 3)
    return tmp_path / "song.wav"


def run(*command: str | Path, folder: Path) -> str:
    """Run a program; returns what it printed, to both of its outputs."""
    done = subprocess.run(
        list(map(str, command)), cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def plain(song: Path) -> bytes:
    """What ffmpeg by itself makes of it."""
    output = song.with_name("plain.mp3")
    arguments = output_arguments(parse_target("mp3", OPTIONS))
    program = imageio_ffmpeg.get_ffmpeg_exe()
    run(program, "-nostdin", "-v", "error", "-i", song, *arguments, output, folder=song.parent)
    return output.read_bytes()


def check(answer: str, song: Path, output: Path) -> None:
    """Whether the conversion went well, and the refusal was understood."""
    told = json.loads(answer)
    assert (told["job"]["state"], told["refused"]) == ("succeeded", "not_found")
    assert output.read_bytes() == plain(song)


@pytest.mark.requirement("6.13")
def test_python_client_that_is_generated_converts_a_file(address: str, document: Path, song: Path) -> None:
    """`openapi-python-client` makes a client of the whole document, and it takes a file through a conversion."""
    folder = song.parent
    generator = Path(sys.executable).with_name("openapi-python-client")
    said = run(generator, "generate", f"--path={document}", f"--output-path={folder / 'generated'}", "--meta=none",
               folder=folder)  # fmt: skip
    warnings = [line for line in said.splitlines() if line.startswith("WARNING")]
    assert said.count(LEFT_OUT) == len(warnings) == 1, said
    program = folder / "convert.py"  # in the folder of the package, which is how it finds it
    shutil.copy(HERE / "convert.py", program)

    answer = run(sys.executable, program, address, song, folder / "out.mp3", "mp3", folder=folder)

    check(answer, song, folder / "out.mp3")


@pytest.mark.requirement("6.13")
def test_typescript_client_that_is_generated_converts_a_file(address: str, document: Path, song: Path) -> None:
    """`openapi-typescript` makes types against which a program compiles strictly; with `openapi-fetch` it converts."""
    npm_or_skip()
    home, folder = installed(HERE / "typescript"), song.parent
    (folder / "node_modules").symlink_to(home / "node_modules")
    (folder / "package.json").write_text('{"type": "module"}')
    shutil.copy(HERE / "typescript" / "convert.ts", folder)
    run("node_modules/.bin/openapi-typescript", document, "-o", "api.d.ts", folder=folder)
    run("node_modules/.bin/tsc", "--strict", "--target", "es2022", "--module", "nodenext", "--types", "node",
        "--noEmitOnError", "convert.ts", folder=folder)  # fmt: skip

    answer = run("node", "convert.js", address, song, folder / "out.mp3", "mp3", folder=folder)

    check(answer, song, folder / "out.mp3")
