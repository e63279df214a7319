"""Many jobs on few processes, with SIGKILL every few seconds."""

import hashlib
import itertools
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import httpx
import imageio_ffmpeg
import pytest

from service.adapters.system.ambient import SystemIds
from service.cli.processes import ServiceProcess
from service.cli.sample import write_sample
from service.core.media.arguments import output_arguments
from service.core.media.options import parse_target
from service.testing.clock import SeededIds
from tests.support.cluster import Cluster, a_cluster, pause
from tests.support.redis_server import redis_or_skip

JOBS = 200
PROCESSES = 2
TARGETS = ("mp3", "flac", "ogg", "m4a")
LENGTHS = (1.0, 2.5, 6.0)  # seconds of music
BETWEEN_KILLS = 3.0  # seconds, at least; up to twice that
LATEST = 700.0  # seconds for all of it
ENDED = {"succeeded", "failed", "cancelled"}


@dataclass(slots=True)
class Story:
    """What one client saw of one job."""

    job_id: str
    source: Path
    target: str
    readings: list[float] = field(default_factory=list)
    state: str = "queued"


@dataclass(slots=True)
class Crowd:
    """A cluster whose processes come and go, and a client that asks whoever is there."""

    cluster: Cluster
    chance: SeededIds
    kills: int = 0
    done: threading.Event = field(default_factory=threading.Event)
    turn: "itertools.count[int]" = field(default_factory=itertools.count)
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=20))

    def ask(self, method: str, path: str, **request: object) -> httpx.Response:
        """Go round the processes until one answers; not for requests that may not be repeated."""
        for _ in range(400):
            alive = self.tend()
            address = alive[next(self.turn) % len(alive)].address
            try:
                return self.http.request(method, address + path, **request)  # type: ignore[arg-type]
            except httpx.TransportError:
                pause(0.05)
        raise AssertionError("nobody answers")

    def tend(self) -> list[ServiceProcess]:
        """Start as many as were killed (here, because a process ends with the thread that started it)."""
        alive = [service for service in self.cluster.services if service.process.poll() is None]
        while len(alive) < PROCESSES:
            alive.append(self.cluster.start())
        return alive

    def rage(self) -> None:
        """SIGKILL one of the processes, again and again."""
        while not self.done.wait(BETWEEN_KILLS * (1 + self.chance.draw())):
            alive = [service for service in self.cluster.services if service.process.poll() is None]
            if len(alive) == PROCESSES:
                alive[int(self.chance.draw() * len(alive))].kill()
                self.kills += 1


def oracle(source: Path, target: str) -> str:
    """The sha256 of what plain ffmpeg makes."""
    output = source.with_name(f"{source.stem}-plain.{target}")
    arguments = output_arguments(parse_target(target, {}))
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-i", str(source), *arguments, str(output)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return hashlib.sha256(output.read_bytes()).hexdigest()


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.requirement("1.6", "2.8", "4.5", "6.7")
def test_two_hundred_jobs_through_a_rain_of_kills(
    embedded_stack: Mapping[str, str], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Every job ends as it should with ffmpeg's bytes, no progress ever falls, and nothing is left over."""
    redis_or_skip()
    seed = int(SystemIds().draw() * 1_000_000)
    record_property("seed", seed)
    sources = []
    for length in LENGTHS:
        sources.append(tmp_path / f"{length:g}.wav")
        write_sample(sources[-1], length)
    with a_cluster(embedded_stack) as cluster:
        crowd = Crowd(cluster, SeededIds(seed))
        cluster.stack.callback(crowd.http.close)
        uploads = {}
        for source in sources:
            answer = crowd.ask("POST", f"/v1/uploads?filename={source.name}", content=source.read_bytes())
            uploads[source] = answer.json()["upload_id"]
        raging = threading.Thread(target=crowd.rage)
        raging.start()
        try:
            stories = submit_all(crowd, sources, uploads)
            follow_all(crowd, stories)
        finally:
            crowd.done.set()
            raging.join()

        assert crowd.kills >= 3
        assert {story.state for story in stories} == {"succeeded"}, f"seed {seed}"
        assert all(before <= after for story in stories for before, after in pairwise(story.readings))
        wanted = {(source, target): oracle(source, target) for source in sources for target in TARGETS}
        for story in stories:
            file = crowd.ask("GET", f"/v1/jobs/{story.job_id}/download?via=proxy").content
            assert hashlib.sha256(file).hexdigest() == wanted[story.source, story.target], story.job_id
        objects, unfinished = cluster.left_in_s3()
        assert len(objects) == JOBS + len(sources)
        assert unfinished == []


def submit_all(crowd: Crowd, sources: list[Path], uploads: Mapping[Path, str]) -> list[Story]:
    """Submit `JOBS` jobs; each with a key of its own, so that it may be repeated when no answer comes."""
    stories = []
    for number in range(JOBS):
        source, target = sources[number % len(sources)], TARGETS[number % len(TARGETS)]
        body = {"upload_id": uploads[source], "format": target}
        answer = crowd.ask("POST", "/v1/jobs", json=body, headers={"Idempotency-Key": f"load-{number}"})
        assert answer.status_code == 202, answer.text
        stories.append(Story(answer.json()["job_id"], source, target))
    assert len({story.job_id for story in stories}) == JOBS
    return stories


def follow_all(crowd: Crowd, stories: list[Story]) -> None:
    """Read the progress of all jobs, round after round, until all have ended."""
    for _ in range(int(LATEST / 0.2)):
        going = [story for story in stories if story.state not in ENDED]
        if not going:
            return
        for story in going[:20]:
            now = crowd.ask("GET", f"/v1/jobs/{story.job_id}/progress").json()
            story.readings.append(now["percent"])
            story.state = now["state"]
        pause(0.1)
    raise AssertionError(f"not ended: {[story.job_id for story in stories if story.state not in ENDED]}")
