"""The compose stack as the README has it, and what a platform does to its containers."""

import hashlib
import json
import re
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, pairwise
from pathlib import Path

import httpx
import pytest

from reprise import Client
from service.adapters.system.ambient import environment
from service.cli.sample import write_sample
from tests.support.cluster import Watcher, wait_for
from tests.support.compose import Stack
from tests.support.delivery import converted, delivered, digest_of_plain, submitted
from tests.support.docker import ROOT, images, stack_worker
from tests.support.image import docker, holder

pytestmark = [pytest.mark.timeout(1200), stack_worker]

CLIENTS = 4  # more than there are containers most of the time, so that all of these have something to lose
MINUTES = 0.5
SEED, ROUNDS = 187, 4  # the first is a plan that has everything in it


@pytest.fixture(scope="module")
def running(stack: Stack) -> Stack:
    """The stack, up; the test that comes first has brought it up as the README says."""
    stack.compose("up", "--wait")
    return stack


@pytest.fixture(scope="module")
def piece(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some music."""
    path = tmp_path_factory.mktemp("piece") / "song.wav"
    write_sample(path, 24.0)
    return path


def readme_lines() -> str:
    """The block of the README that brings the stack up and converts a file."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(docker compose up.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1
    return str(blocks[0])


@pytest.mark.requirement("5.2", "4.5", "1.6")
def test_readme_lines_for_compose_work(stack: Stack, piece: Path, tmp_path: Path) -> None:
    """
    The lines of the README, typed as they stand, bring the stack up and convert a file, a killed container or not.

    Only the port and the name of the project are our own, and curl finds its file where we are.
    """
    lines = readme_lines().replace("localhost:8080", f"localhost:{stack.port}")
    lines = lines.replace("reprise-service-1", f"{stack.project}-service-1")
    up, rest = lines.split("\n", 1)
    stack.compose(*up.removeprefix("docker compose ").split(), seconds=500)
    (tmp_path / "song.wav").write_bytes(piece.read_bytes())
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", rest], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300
    )

    assert done.returncode == 0, done.stderr
    assert '"state":"succeeded"' in done.stdout
    assert hashlib.sha256((tmp_path / "song.mp3").read_bytes()).hexdigest() == digest_of_plain(piece, "mp3", tmp_path)
    killed = stack.services()[0]
    assert killed.state()["Status"] == "exited"
    killed.start_again()


@pytest.mark.requirement("5.2", "1.6", "2.5", "6.7")
def test_killed_while_it_converts(running: Stack, piece: Path, tmp_path: Path) -> None:
    """When the converting container is killed the other one finishes, and clients of the one address see no error."""
    client = running.client()
    job_id = submitted(client, piece, "flac")
    watcher = Watcher([running.address], job_id).start()
    wait_for(lambda: watcher.readings and watcher.readings[-1] > 10, "progress")
    victim = holder(running.services(), job_id)
    docker("kill", victim.name)
    job, digest = delivered(client, job_id, tmp_path)
    victim.start_again()

    assert job.attempt >= 2
    assert digest == digest_of_plain(piece, "flac", tmp_path)
    readings = watcher.stop()
    assert all(before <= after for before, after in pairwise(readings))
    assert watcher.problems == []


@pytest.mark.requirement("3.2", "5.4")
def test_compose_presigns_addresses_reachable_from_outside(running: Stack, piece: Path, tmp_path: Path) -> None:
    """A download is redirected to an address that can be reached from outside, and a page of ours may read it."""
    job, _ = converted(running.client(), piece, "ogg", tmp_path)
    there = httpx.get(f"{running.address}/v1/jobs/{job.job_id}/download").headers["Location"]
    found = httpx.get(there, headers={"Origin": running.address, "Range": "bytes=0-3"})

    assert there.startswith(f"http://localhost:{running.environment['REPRISE_COMPOSE_S3_PORT']}/")
    assert (found.status_code, found.content) == (206, b"OggS")
    assert found.headers["Access-Control-Allow-Origin"] == running.address


def test_profile_observe_is_complete_and_off_by_default(stack: Stack) -> None:
    """`--profile observe` adds Prometheus, Grafana and Jaeger, pinned, for this machine; else they are not there."""
    described = json.loads(stack.compose("--profile", "observe", "config", "--format", "json"))["services"]
    usual = json.loads(stack.compose("config", "--format", "json"))["services"]

    added = {name: described[name]["image"] for name in described.keys() - usual.keys()}
    assert added == {name: images()[f"{name.upper()}_IMAGE"] for name in ("prometheus", "grafana", "jaeger")}
    assert all(port["host_ip"] == "127.0.0.1" for name in added for port in described[name]["ports"])
    mounted = [Path(it["source"]) for name in added for it in described[name].get("volumes", [])]
    assert mounted
    assert all(path.is_dir() for path in mounted)


def test_compose_proxy_does_not_buffer_uploads(running: Stack) -> None:
    """The proxy does not buffer bodies: an upload is refused after its first bytes."""
    head = "POST /v1/uploads?filename=x.wav HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", running.port), timeout=30) as connection:
        connection.sendall(head.encode() + bytes(1 << 20))
        answer = connection.recv(100)

    assert answer.startswith(b"HTTP/1.1 415 ")


@pytest.mark.requirement("2.3")
def test_compose_proxy_does_not_buffer_events(running: Stack, piece: Path, tmp_path: Path) -> None:
    """The proxy does not buffer events: progress arrives before the job has ended."""
    client = running.client()
    job_id = submitted(client, piece, "mp3")
    with httpx.stream("GET", f"{running.address}/v1/jobs/{job_id}/events", timeout=100) as events:
        first = next(line for line in events.iter_lines() if line.startswith("data:"))
        state = client.job(job_id).state
    delivered(client, job_id, tmp_path)

    assert json.loads(first.removeprefix("data:"))["percent"] < 100
    assert state in {"queued", "running"}


def test_compose_proxy_avoids_frozen_containers(running: Stack) -> None:
    """The proxy gives a request to another container when a frozen one does not answer."""
    frozen = running.services()[0].name
    docker("pause", frozen)
    try:
        answers = [httpx.get(f"{running.address}/v1/formats", timeout=30).status_code for _ in range(6)]
    finally:
        docker("unpause", frozen)

    assert answers == [200] * 6


@pytest.mark.requirement("5.7", "1.6", "4.5", "6.7")
def test_restarted_at_random(running: Stack, piece: Path, tmp_path: Path) -> None:
    """Whatever is restarted, killed, frozen and scaled, all conversions succeed, and in the end all are healthy."""
    before, plain = [each.name for each in running.services()], digest_of_plain(piece, "mp3", tmp_path)
    hit = False
    for seed in range(SEED, SEED + ROUNDS):  # one will do, unless the machine is so busy that no conversion was hit
        if hit:
            break
        told, results = shaken(running, seed, piece, tmp_path / str(seed))
        assert f"--seed {seed}" in told
        assert {digest for _, digest in results} == {plain}, told
        assert [each.name for each in running.services()] == before, told
        assert {each.health() for each in running.services()} == {"healthy"}, told
        hit = any(attempt > 1 for attempt, _ in results)

    assert hit


def shaken(running: Stack, seed: int, piece: Path, folder: Path) -> tuple[str, list[tuple[int, str]]]:
    """Let the platform do its worst while clients convert; what it told, and the attempt and sha256 of each job."""
    with subprocess.Popen(
        [sys.executable, "scripts/restart_at_random.py", f"--minutes={MINUTES}", f"--seed={seed}"],
        cwd=ROOT,
        env={**environment(), **running.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as platform:

        def convert_meanwhile(number: int) -> list[tuple[int, str]]:
            (mine := folder / str(number)).mkdir(parents=True)
            client, results = Client(running.address), []
            while platform.poll() is None:
                job, digest = converted(client, piece, "mp3", mine)
                results.append((job.attempt, digest))
            client.close()
            return results

        with ThreadPoolExecutor(CLIENTS) as threads:
            results = list(chain.from_iterable(threads.map(convert_meanwhile, range(CLIENTS))))
        told, _ = platform.communicate(timeout=300)
    assert platform.returncode == 0, told
    return told, results


def test_compose_down_leaves_nothing(running: Stack) -> None:
    """`docker compose down --volumes` takes all of it away: containers, network, volume."""
    assert running.left()

    running.compose("down", "--volumes", "--timeout", "1")

    assert running.left() == []
