"""Service processes as the command line and the benchmarks start them: own session, own log, own port."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service import wiring

ROOT = Path(__file__).resolve().parents[2]


class DidNotStart(Exception):
    """A service process ended before it listened; the message has the end of its log."""


@dataclass(frozen=True, slots=True)
class ServiceProcess:
    """One running ``python -m service serve``."""

    name: str
    process: "subprocess.Popen[str]"
    address: str
    log: Path

    def events(self) -> Iterator[dict[str, Any]]:
        """What it has logged so far."""
        for line in self.log.read_text(errors="replace").splitlines():
            if line.startswith("{"):
                yield json.loads(line)

    def kill(self) -> None:
        """SIGKILL: no warning, no clean-up."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL if that is not enough."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def start(
    name: str, environment: Mapping[str, str], folder: Path, under: Sequence[str] = (), **settings: str
) -> ServiceProcess:
    """Start one on any free port and wait until it listens; `under` is a command that runs the rest of its line."""
    log = folder / f"{name}.log"
    variables = {
        **environment,
        "REPRISE_PORT": "0",
        "REPRISE_WORKER_PORT": "0",
        "REPRISE_LOG_FORMAT": "json",
        **settings,
    }
    path = os.pathsep.join(filter(None, (str(ROOT), environment.get("PYTHONPATH", ""))))
    with log.open("w") as file:
        process = subprocess.Popen(  # ourselves
            wiring.mortal([*under, sys.executable, "-m", "service", "serve"]),  # none outlives whoever started it
            env={**variables, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            start_new_session=True,
        )
    line = process.stdout.readline() if process.stdout else ""
    if not line.startswith("listening on "):
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
        raise DidNotStart(f"{name} did not start: {log.read_text(errors='replace')[-800:].strip()}")
    return ServiceProcess(name, process, line.removeprefix("listening on ").strip(), log)
