"""
The embedded default: S3, DynamoDB and, if it is installed, Redis, as children of this process.

Enough to try everything without an account and without Docker. What they hold lives in memory and ends with this
process.
"""

import functools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from service.adapters.system import child

START_TIMEOUT = 30.0  # seconds until a child has to answer
ROOT = Path(__file__).resolve().parents[3]  # of the package, for the child
BUCKET, TABLE = "reprise-embedded", "reprise-embedded"


class EmbeddedError(Exception):
    """The embedded stack could not be started; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class EmbeddedStack:
    """What is running, and the variables that point a service at it."""

    environment: Mapping[str, str]
    redis: bool


@contextmanager
def embedded_stack(environment: Mapping[str, str]) -> Iterator[EmbeddedStack]:
    """Start the children; they end with this block, or with this process, however it ends."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reprise-")))
        variables = {
            **_start_aws(stack, folder, environment),
            "AWS_ACCESS_KEY_ID": "embedded",
            "AWS_SECRET_ACCESS_KEY": "embedded",
            "AWS_REGION": "us-east-1",
            "REPRISE_BUCKET": BUCKET,
            "REPRISE_TABLE": TABLE,
            "REPRISE_API_KEYS": environment.get("REPRISE_API_KEYS", "").strip() or "none",
        }
        redis = _start_redis(stack, folder, environment)
        if redis is not None:
            variables["REDIS_URL"] = redis
        yield EmbeddedStack(variables, redis=redis is not None)


def _start_aws(stack: ExitStack, folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """One child for each service: S3's is busy for seconds with a large file, and a heartbeat cannot wait for it."""
    # PATH and the like only: no credential of the user may reach a stand-in.
    kept = {name: value for name, value in environment.items() if not name.startswith(("AWS_", "REPRISE_", "MOTO_"))}
    kept["MOTO_DISABLE_GLOBAL_CORS"] = "1"  # a blanket permission that would hide the bucket's own rules
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), environment.get("PYTHONPATH", ""))))
    started = []
    for service in ("S3", "DYNAMODB"):
        port, log = free_port(), folder / f"{service}.log"
        command = [sys.executable, "-m", "service.adapters.embedded.moto_server", "-H", "127.0.0.1", "-p", str(port)]
        started.append((service, f"http://127.0.0.1:{port}", log, _run(stack, command, kept, log)))
    for service, endpoint, log, process in started:
        url = f"{endpoint}/moto-api/data.json"
        what = f"{service} (is moto installed? pip install 'reprise[embedded]')"
        _wait(process, functools.partial(_http_answers, url), what, log)
    return {f"AWS_ENDPOINT_URL_{service}": endpoint for service, endpoint, _, _ in started}


def _start_redis(stack: ExitStack, folder: Path, environment: Mapping[str, str]) -> str | None:
    program = shutil.which("redis-server")
    if program is None:
        return None
    path = folder / "redis.sock"
    command = [
        program,
        "--port",
        "0",
        "--unixsocket",
        str(path),
        "--save",
        "",
        "--appendonly",
        "no",
        "--dir",
        str(folder),
    ]
    process = _run(stack, command, {"PATH": environment.get("PATH", "")}, folder / "redis.log")
    _wait(process, lambda: _redis_answers(path), "Redis", folder / "redis.log")
    return f"unix://{path}"


def _run(stack: ExitStack, command: list[str], environment: Mapping[str, str], log: Path) -> "subprocess.Popen[bytes]":
    process = child.start(command, environment=environment, log=stack.enter_context(log.open("wb")))
    stack.callback(_end, process)
    return process


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(3)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait(process: "subprocess.Popen[bytes]", answers: Callable[[], bool], what: str, log: Path) -> None:
    pause = threading.Event()
    for _ in range(int(START_TIMEOUT / 0.05)):
        if answers():
            return
        if process.poll() is not None:
            break
        pause.wait(0.05)
    with suppress(OSError):
        tail = log.read_text(errors="replace")[-500:].strip()
        raise EmbeddedError(f"the embedded {what} did not start: {tail}")


def _http_answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310  # our own child on loopback
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _redis_answers(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
