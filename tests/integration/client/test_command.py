"""The command `reprise`, as a person or a script runs it."""

import json
import os
import shlex
import signal
import subprocess
import sys
import venv
import wave
from pathlib import Path
from typing import Any

import pytest

from reprise import ambient
from reprise.command.main import main
from reprise.command.words import FAILED, INTERRUPTED, LATER, USAGE
from service.wiring import environment
from tests.support.cluster import Cluster, wait_for

pytestmark = pytest.mark.xdist_group("client")  # one cluster for all of them
ROOT = Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, "-m", "reprise.command"]


class Shell:
    """Runs the command with a state folder of its own."""

    def __init__(self, address: str, folder: Path) -> None:
        self.environment = {
            "PATH": environment()["PATH"],
            "PYTHONPATH": str(ROOT),
            "HOME": str(folder),
            "XDG_STATE_HOME": str(folder / "state"),
            "REPRISE_URL": address,
        }
        self.state = folder / "state" / "reprise"

    def kept(self) -> list[dict[str, Any]]:
        """What the command keeps for its next run."""
        return [json.loads(path.read_text()) for path in self.state.glob("*.json")]

    def __call__(self, *arguments: str, **more: Any) -> "subprocess.CompletedProcess[bytes]":
        """Run it to its end."""
        return subprocess.run(
            [*COMMAND, *arguments], env=self.environment, capture_output=True, timeout=200, check=False, **more
        )

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start it, to be interrupted: the tests may run in the background of a shell, where Ctrl-C is ignored."""
        return subprocess.Popen(
            ["/usr/bin/env", "--default-signal=INT", *COMMAND, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )


@pytest.fixture
def shell(cluster: Cluster, tmp_path: Path) -> Shell:
    """A shell in which REPRISE_URL is set."""
    return Shell(cluster.services[0].address, tmp_path)


@pytest.mark.requirement("8.3")
def test_command_converts_files_and_says_what_came_of_each(shell: Shell, piece: Path, tmp_path: Path) -> None:
    """Several files are converted with one command; one that fails does not keep the others from it."""
    broken = tmp_path / "broken.wav"
    broken.write_text("no music at all " * 50)
    done = shell("convert", str(piece), str(broken), "--to", "mp3", "--out", f"{tmp_path}/out", "--end", "2", "--json")
    results = json.loads(done.stdout)

    assert done.returncode == FAILED
    assert [result.get("code") for result in results] == [None, "unsupported_media"]
    assert Path(results[0]["output"]) == tmp_path / "out" / "Übung 1.mp3"
    assert Path(results[0]["output"]).stat().st_size == results[0]["size"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["Übung 1.mp3"]


def test_command_never_overwrites_without_being_told(shell: Shell, piece: Path, tmp_path: Path) -> None:
    """A file that is there stays as it is, unless --overwrite says otherwise."""
    output = tmp_path / "mine.mp3"
    output.write_text("mine")
    command = ("convert", str(piece), "--to", "mp3", "--end", "2", "--out", str(output))
    refused = shell(*command)

    assert refused.returncode == FAILED
    assert b"--overwrite" in refused.stderr
    assert output.read_text() == "mine"
    assert shell(*command, "--overwrite").returncode == 0
    assert output.stat().st_size > 1000


def test_command_works_as_a_filter(shell: Shell, piece: Path) -> None:
    """Standard input is converted to standard output, and nothing else is written there."""
    done = shell("convert", "-", "--to", "flac", "--end", "2", "--out", "-", input=piece.read_bytes())

    assert done.returncode == 0, done.stderr
    assert done.stdout[:4] == b"fLaC"


@pytest.mark.requirement("6.13")
def test_interrupted_command_goes_on_when_it_is_run_again(shell: Shell, piece: Path, tmp_path: Path) -> None:
    """After Ctrl-C the same command takes up the same job, and forgets what it kept once the output is there."""
    command = ("convert", str(piece), "--to", "mp3", "--out", f"{tmp_path}/out/")
    process = shell.start(*command)
    wait_for(lambda: any("job_id" in one for one in shell.kept()), "the command keeps the id of its job")
    job_id = shell.kept()[0]["job_id"]
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)

    assert process.returncode == INTERRUPTED
    assert b"goes on" in said
    assert not list((tmp_path / "out").glob("*.mp3"))
    done = shell(*command, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["job_id"] == job_id
    assert shell.kept() == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("convert", "/nowhere.wav", "--to", "mp3"), USAGE, "no file"),
        (("convert", "-", "--to", "mp3"), USAGE, "--out"),
        (("convert", "a", "-", "--to", "mp3"), USAGE, "standard input"),
        (("formats", "--url", "localhost:8000"), USAGE, "http://"),
        (("--url", "localhost:8000", "formats"), USAGE, "http://"),
        (("formats", "--url", "http://127.0.0.1:9", "--patience", "0"), LATER, "does not answer (Connect"),
        (("convert", __file__, "--to", "mp3", "--jobs", "0"), USAGE, "--jobs: '0' is no number from 1 to 64"),
        (("convert", __file__, "--to", "mp3", "--option", "x"), USAGE, "'x' is not NAME=VALUE"),
        (("convert", __file__, "--to", "mp3", "--key", "kéy"), USAGE, "the API key has characters"),
        (("convert", __file__, "--to", "mp33"), USAGE, "Did you mean mp3?"),
        (("convert", __file__, __file__, "--to", "mp3"), USAGE, "is given twice"),
        (("convert", __file__, "--to", "mp3", "--out", "/proc/"), FAILED, "nothing can be written into /proc"),
        (("convert", "/dev/null", "--to", "mp3", "--out", "x.mp3"), USAGE, "/dev/null is no file"),
        (("convert",), USAGE, "--help"),
        ((), USAGE, "convert | formats"),
    ],
)
def test_mistakes_get_one_line_and_their_exit_code(
    cluster: Cluster,
    arguments: tuple[str, ...],
    code: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A mistake on the command line is one line that says what to do, and nothing is left behind."""
    monkeypatch.setenv("REPRISE_URL", cluster.services[0].address)

    assert _exit_code(arguments) == code
    told = capfd.readouterr()
    assert words in told.err
    assert (told.err.count("\n"), told.out) == (1, "")


def test_address_of_something_else_is_told_at_once(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """With the address of another server nothing is sent, and what has to be mended is the address."""
    other = cluster.pointed["AWS_ENDPOINT_URL_S3"]

    assert _exit_code(("formats", "--url", other)) == LATER
    assert f"{other}: what answers there is no Reprise service" in capfd.readouterr().err


def test_waiting_for_a_service_is_told_at_once(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that is away is waited for, which is said when the wait begins."""
    told = []
    monkeypatch.setattr(ambient, "sleep", lambda _: told.append(capfd.readouterr().err))

    assert _exit_code(("formats", "--url", "http://127.0.0.1:9", "--patience", "1")) == LATER
    assert "trying for 1 s" in told[0]


def _exit_code(arguments: tuple[str, ...]) -> int:
    try:
        return main(arguments)
    except SystemExit as end:
        return int(end.code or 0)


def test_command_takes_odd_files(shell: Shell, piece: Path, tmp_path: Path) -> None:
    """An empty file is refused in words, also with --quiet; a name may be any bytes; a reader may have seen enough."""
    odd = tmp_path / os.fsdecode(b"od\xff.wav")
    with wave.open(str(odd), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(200_000))
    (tmp_path / "empty.wav").touch()
    done = shell("convert", "empty.wav", odd.name, "--to", "wav", "--out", "out", "--quiet", cwd=tmp_path)

    assert done.returncode == FAILED
    assert done.stderr.decode() == "empty.wav: failed: The upload has no bytes. (empty_upload)\n"
    assert [path.name for path in (tmp_path / "out").iterdir()] == [odd.name]
    line = f"{shlex.join(COMMAND)} convert - --to wav --out - < {shlex.quote(os.fsdecode(odd))} | head -c 4"
    piped = subprocess.run(
        ["/bin/bash", "-o", "pipefail", "-c", line],
        env=shell.environment,
        capture_output=True,
        timeout=200,
        check=False,
    )
    assert (piped.returncode, piped.stdout) == (0, b"RIFF"), piped.stderr
    assert b"Traceback" not in piped.stderr
    assert shell.kept() == []


@pytest.mark.long
@pytest.mark.requirement("8.3")
def test_pip_install_gives_a_command_without_the_service(shell: Shell, piece: Path, tmp_path: Path) -> None:
    """`pip install .` in a clean environment gives a `reprise` that converts, and brings nothing of the service."""
    home = tmp_path / "venv"
    venv.create(home, with_pip=True)
    quiet = {**environment(), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run([home / "bin/pip", "install", "--quiet", str(ROOT)], check=True, env=quiet, timeout=250)
    out = tmp_path / "song.mp3"
    done = subprocess.run(
        [home / "bin/reprise", "convert", str(piece), "--to", "mp3", "--end", "2", "--out", str(out)],
        env={name: value for name, value in shell.environment.items() if name != "PYTHONPATH"},
        capture_output=True, timeout=200, check=False, cwd=tmp_path,
    )  # fmt: skip
    listed = subprocess.run([home / "bin/pip", "list", "--format=freeze"], check=True, capture_output=True, env=quiet)

    assert done.returncode == 0, done.stderr
    assert out.stat().st_size > 1000
    installed = {line.split("==")[0].lower() for line in listed.stdout.decode().split()}
    assert not installed & {"boto3", "litestar", "uvicorn", "redis"}
    assert not list(home.glob("lib/*/site-packages/service"))
