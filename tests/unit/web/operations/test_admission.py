"""Who is let in, and what the status says."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from service.application.config import ServiceConfig
from service.core.errors import Unavailable
from service.core.limits.capacity import Load, WorkerStatus
from service.testing.memory_jobs import MemoryJobs
from tests.unit.web.conftest import UPLOAD, World, client_of, wav

REQUEST = {"upload_id": UPLOAD, "format": "mp3"}


class Tank:
    """A `ports.Capacity` that is as full as a test says."""

    def __init__(self, now: Load) -> None:
        self.now = now

    def load(self) -> Load:
        return self.now


def a_world(
    *, worker_status: WorkerStatus | None = None, load: Load | None = None, queued: int = 3, uploads: int = 2
) -> World:
    """A container with small limits."""
    config = ServiceConfig(version="1.2.3", instance="one", max_queued=queued, max_uploads=uploads)
    return World(config=config, capacity=Tank(load or Load()), worker=worker_status)


@pytest.mark.requirement("6.14")
async def test_a_job_beyond_the_queue_limit_is_429() -> None:
    """Beyond the limit a job is refused with 429 and the time to come back; when the queue is shorter it is let in."""
    world = a_world()
    world.upload()
    async with client_of(world.app) as api:
        accepted = [await api.post("/v1/jobs", json=REQUEST) for _ in range(3)]
        assert [answer.status_code for answer in accepted] == [202] * 3
        refused = await api.post("/v1/jobs", json=REQUEST)
        assert (refused.status_code, refused.json()["code"], refused.json()["limit"]) == (429, "queue_full", 3)
        assert int(refused.headers["Retry-After"]) == refused.json()["retry_after"]
        assert len(world.jobs.jobs) == 3

        await world.jobs.claim(accepted[0].json()["job_id"], "worker", world.clock.wall())
        await world.clock.advance(1.0)
        assert (await api.post("/v1/jobs", json=REQUEST)).status_code == 202


@pytest.mark.requirement("6.14")
async def test_the_queue_is_not_counted_for_every_job() -> None:
    """Within a second one count does, with what was accepted since added to it."""

    class Counting(MemoryJobs):
        counted = 0

        async def queued(self, limit: int) -> int:
            self.counted += 1
            return await super().queued(limit)

    jobs = Counting()
    world = World(config=ServiceConfig(max_queued=50), jobs=jobs)
    world.upload()
    async with client_of(world.app) as api:
        answers = [(await api.post("/v1/jobs", json=REQUEST)).status_code for _ in range(52)]
    assert answers == [202] * 50 + [429] * 2
    assert jobs.counted == 1


@pytest.mark.requirement("6.15")
async def test_an_upload_beyond_the_slots_is_503() -> None:
    """An upload beyond the number that is taken at once is refused with 503, until a place is free again."""
    world = a_world(uploads=1)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        begun.set()
        await go_on.wait()
        yield wav()

    async with client_of(world.app) as api:
        first = asyncio.create_task(api.post("/v1/uploads", content=slowly()))
        await begun.wait()
        assert (await api.get("/v1/status")).json()["uploads"] == {"active": 1, "limit": 1}
        refused = await api.post("/v1/uploads", content=wav())
        assert (refused.status_code, refused.json()["code"]) == (503, "busy")
        assert "Retry-After" in refused.headers
        go_on.set()
        assert (await first).status_code == 201
        assert (await api.post("/v1/uploads", content=wav())).status_code == 201
        assert (await api.post("/v1/uploads", content=b"no audio at all")).status_code == 415
        assert (await api.get("/v1/status")).json()["uploads"]["active"] == 0


@pytest.mark.requirement("6.15")
async def test_an_upload_without_free_memory_is_503() -> None:
    """A container that is out of memory begins no upload."""
    world = a_world(load=Load(memory=0.95))
    async with client_of(world.app) as api:
        assert (await api.post("/v1/uploads", content=wav())).json()["code"] == "busy"
    assert not world.objects.objects


@pytest.mark.requirement("6.15")
@pytest.mark.parametrize(
    ("worker_status", "elsewhere", "status"),
    [
        (WorkerStatus(slots=1, active=0, short_of=("memory",)), False, 503),
        (WorkerStatus(slots=1, active=0, short_of=("disk",)), False, 503),
        (WorkerStatus(slots=1, active=0, short_of=("memory",)), True, 202),  # somebody else is at work
        (WorkerStatus(slots=2, active=1, short_of=("cpu",)), False, 202),  # the CPU only makes it slow
        (WorkerStatus(slots=1, active=1), False, 202),  # a full slot refuses nobody: jobs wait in the queue
        (None, False, 202),  # no worker here: the work is for others
    ],
)
async def test_a_job_is_503_if_the_only_known_worker_is_out_of_memory_or_disk(
    worker_status: WorkerStatus | None, elsewhere: bool, status: int
) -> None:
    """A job is refused for want of a worker only where the one known worker is out of memory or disk."""
    world = a_world(worker_status=worker_status)
    world.upload()
    if elsewhere:
        world.running(owner="another")
    async with client_of(world.app) as api:
        answer = await api.post("/v1/jobs", json=REQUEST)
    assert answer.status_code == status
    if status == 503:
        assert answer.json()["code"] == "no_capacity"
        assert "Retry-After" in answer.headers


@pytest.mark.requirement("6.15", "6.11")
async def test_status_tells_queue_load_and_circuits() -> None:
    """The status tells queue, conversions, uploads, readings, circuits and what is degraded."""
    worker_status, load = WorkerStatus(slots=2, active=1, short_of=("disk",)), Load(memory=0.5, disk_free=10, cpu=0.25)
    world = a_world(worker_status=worker_status, load=load)
    world.running()
    world.job(job_id="queuedqueuedqueued")
    world.states = {"dynamodb": "closed", "s3": "open"}
    world.board.away = True
    async with client_of(world.app) as api:
        answer = await api.get("/v1/status")
    assert answer.status_code == 200
    assert answer.json() == {
        "instance": "one",
        "queue": {"queued": 1, "running": 1, "limit": 3},
        "conversions": {"slots": 2, "active": 1, "short_of": ["disk"]},
        "uploads": {"active": 0, "limit": 2},
        "load": {"memory": 0.5, "disk_free": 10, "cpu": 0.25},
        "circuits": {"dynamodb": "closed", "s3": "open"},
        "degraded": ["s3", "redis"],
    }


@pytest.mark.requirement("6.15")
async def test_status_without_the_store() -> None:
    """The status is answered while the store is away, with nulls for what only the store knows."""

    class Away(MemoryJobs):
        async def queued(self, limit: int) -> int:
            raise Unavailable

    world = World(jobs=Away())
    async with client_of(world.app) as api:
        answer = await api.get("/v1/status")
    assert answer.status_code == 200
    assert answer.json()["queue"] == {"queued": None, "running": None, "limit": 1000}


@pytest.mark.requirement("6.14", "6.15")
async def test_parts_through_the_service_count_as_uploads() -> None:
    """A part takes memory like an upload: beyond the limit it is refused with 503, and goes through later."""
    world = a_world(uploads=1)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        begun.set()
        await go_on.wait()
        yield b"x"

    async with client_of(world.app) as api:
        parts = (await api.post("/v1/s3/multipart", json={"filename": "a.wav"})).json()["links"]["parts"]
        first = asyncio.create_task(api.put(f"{parts}1", content=slowly()))
        await begun.wait()
        assert (await api.get("/v1/status")).json()["uploads"] == {"active": 1, "limit": 1}
        refused = await api.put(f"{parts}2", content=b"x")
        assert (refused.status_code, refused.json()["code"], "Retry-After" in refused.headers) == (503, "busy", True)
        assert (await api.post("/v1/uploads", content=wav())).status_code == 503
        go_on.set()
        assert (await first).status_code == 200
        assert (await api.put(f"{parts}2", content=b"x")).status_code == 200
        assert (await api.get("/v1/status")).json()["uploads"]["active"] == 0


async def test_a_relayed_part_without_free_memory_is_503() -> None:
    """A container that is short of memory takes no part either."""
    world = a_world()
    async with client_of(world.app) as api:
        parts = (await api.post("/v1/s3/multipart", json={"filename": "a.wav"})).json()["links"]["parts"]
        assert isinstance(world.capacity, Tank)
        world.capacity.now = Load(memory=0.95)
        assert (await api.put(f"{parts}1", content=b"x")).json()["code"] == "busy"
