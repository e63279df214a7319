"""
Debian's `prometheus` and `promtool`: what the compose stack shows is checked, and the service really scraped.

The server listens on a free loopback port, keeps what it has in a folder of the test, and dies with the process that
started it.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from service.wiring import mortal
from tests.support.cluster import wait_for
from tests.support.docker import ROOT
from tests.support.redis_server import free_port

FOLDER = ROOT / "deploy" / "observe"
CONFIG, RULES = FOLDER / "prometheus" / "prometheus.yml", FOLDER / "prometheus" / "rules.yml"


def program_or_skip(name: str) -> str:
    """Return the path of `name`. Without it the test is skipped, or fails where REPRISE_REQUIRE_PROMETHEUS is 1."""
    if path := shutil.which(name):
        return path
    reason = f"{name} is not installed (Debian's package prometheus)"
    if os.environ.get("REPRISE_REQUIRE_PROMETHEUS") == "1":
        pytest.fail(f"{reason}, and REPRISE_REQUIRE_PROMETHEUS=1 demands it")
    pytest.skip(reason)


def promtool(*arguments: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run promtool in a folder."""
    command = [program_or_skip("promtool"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=100)


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running server."""

    address: str

    def ask(self, path: str, **parameters: str) -> Any:
        """Return the data of an answer of its API."""
        answer = httpx.get(f"{self.address}/api/v1/{path}", params=parameters, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def value(self, expression: str) -> float | None:
        """Return the first value of an expression, None without any."""
        found: Sequence[Mapping[str, Any]] = self.ask("query", query=expression)["result"]
        return float(found[0]["value"][1]) if found else None


@contextmanager
def scraping(targets: Sequence[str], folder: Path) -> Iterator[Prometheus]:
    """Run a server with our configuration and rules, and these addresses in place of what DNS would say."""
    program, port = program_or_skip("prometheus"), free_port()
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    config["global"] |= {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(RULES)]
    (job,) = config["scrape_configs"]
    job.pop("dns_sd_configs")
    job["static_configs"] = [{"targets": list(targets)}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [program, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
               f"--web.listen-address=127.0.0.1:{port}"]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(mortal(command), cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        server = Prometheus(f"http://127.0.0.1:{port}")
        wait_for(lambda: _ready(server, process, folder / "log"), "Prometheus is ready")
        yield server
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ready(server: Prometheus, process: "subprocess.Popen[bytes]", log: Path) -> bool:
    assert process.poll() is None, log.read_text(errors="replace")[-2000:]
    try:
        return httpx.get(f"{server.address}/-/ready", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
