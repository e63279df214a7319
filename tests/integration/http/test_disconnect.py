"""The API on a real server and real sockets: clients that go away, send too much, or listen for long."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import uvicorn

from service.adapters.system.ambient import SystemClock, SystemIds
from service.application.config import ServiceConfig
from service.application.context import ServiceContext
from service.core.errors import UploadIncomplete
from service.core.jobs.job import Output, State
from service.core.jobs.progress import Hint
from service.ports.objects import Stored
from service.testing.factories import a_job
from service.testing.memory_hints import MemoryBoard, MemoryWakeups
from service.testing.memory_jobs import MemoryJobs
from service.testing.memory_objects import MemoryObjects
from service.testing.sniffer import DirectSniffer
from service.web.app import create_app

JOB = "jobjobjobjobjobj"
LIMIT = 1024 * 1024
PATIENCE = 20.0  # seconds until a test that waits for a fact gives up


class WatchedObjects(MemoryObjects):
    """Says how each upload ended."""

    def __init__(self) -> None:
        super().__init__()
        self.began = asyncio.Event()
        self.ended: asyncio.Queue[BaseException | None] = asyncio.Queue()

    async def receive(self, key: str, chunks: AsyncIterator[bytes], *, content_type: str, limit: int) -> Stored:
        try:
            stored = await super().receive(key, self.noticed(chunks), content_type=content_type, limit=limit)
        except BaseException as error:
            self.ended.put_nowait(error)
            raise
        self.ended.put_nowait(None)
        return stored

    async def noticed(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Say that the first bytes are here."""
        async for chunk in chunks:
            self.began.set()
            yield chunk


@dataclass
class Served:
    """A running server and what is behind it."""

    port: int
    jobs: MemoryJobs
    objects: WatchedObjects
    board: MemoryBoard


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """The application on a port of its own."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    behind = Served(listener.getsockname()[1], MemoryJobs(), WatchedObjects(), MemoryBoard())
    clock = SystemClock()

    async def checks() -> dict[str, str]:
        return {}

    context = ServiceContext(
        config=ServiceConfig(max_upload_bytes=LIMIT),
        jobs=behind.jobs,
        uploads=behind.jobs,
        objects=behind.objects,
        sniffer=DirectSniffer(),
        board=behind.board,
        wakeups=MemoryWakeups(clock),
        clock=clock,
        ids=SystemIds(),
        checks=checks,
    )
    app = create_app(context)
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    yield behind
    server.should_exit = True
    await asyncio.wait_for(task, PATIENCE)
    listener.close()


def post(length: int, *headers: str, content_type: str = "audio/wav") -> bytes:
    """The head of an upload."""
    lines = [
        "POST /v1/uploads HTTP/1.1",
        "Host: localhost",
        f"Content-Type: {content_type}",
        f"Content-Length: {length}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.mark.requirement("1.9")
@pytest.mark.parametrize("form", [False, True])
async def test_a_connection_cut_during_an_upload_leaves_nothing(served: Served, form: bool) -> None:
    """A connection that is cut in the middle of an upload ends it as incomplete, and nothing is left."""
    part = b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.wav"\r\n\r\n' if form else b""
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(post(LIMIT, content_type="multipart/form-data; boundary=b" if form else "audio/wav"))
    writer.write(part + b"RIFF" + bytes(1000))
    await writer.drain()
    await asyncio.wait_for(served.objects.began.wait(), PATIENCE)
    writer.transport.abort()
    assert isinstance(await asyncio.wait_for(served.objects.ended.get(), PATIENCE), UploadIncomplete)
    assert not served.objects.objects
    assert not served.jobs.uploads


async def test_a_client_that_sends_all_before_it_listens_hears_413(served: Served) -> None:
    """The refusal reaches also a client that first sends everything it has: the connection is not reset under it."""
    size = 32 * LIMIT
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(post(size))
    for _ in range(size // 65536):
        writer.write(bytes(65536))
        await asyncio.wait_for(writer.drain(), PATIENCE)
    answer = await asyncio.wait_for(reader.read(), PATIENCE)  # until the server closes
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()
    assert b"upload_too_large" in answer
    assert served.objects.ended.empty()  # not a byte of it went to the store
    writer.close()
    await writer.wait_closed()


async def test_expect_100_continue_is_answered_by_the_refusal(served: Served) -> None:
    """With Expect: 100-continue (curl) the refusal comes instead of the permission, so nothing is sent in vain."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(post(32 * LIMIT, "Expect: 100-continue"))
    answer = await asyncio.wait_for(reader.read(), PATIENCE)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"100 Continue" not in answer
    writer.close()
    await writer.wait_closed()


async def test_an_ordinary_client_hears_413(served: Served) -> None:
    """httpx, which writes first and reads afterwards, gets the problem document."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}", timeout=PATIENCE) as client:
        answer = await client.post("/v1/uploads", content=bytes(8 * LIMIT))
        assert (answer.status_code, answer.json()["code"]) == (413, "upload_too_large")
        assert (await client.get("/health/live")).status_code == 200


@pytest.mark.requirement("2.6")
async def test_events_reach_a_client_one_by_one(served: Served) -> None:
    """Events reach a client one by one while the job runs, and the stream ends with the job."""
    now = SystemClock().wall()
    job = a_job(job_id=JOB, tenant="", created_at=now, state=State.RUNNING, owner="w", attempt=1)
    served.jobs.jobs[JOB] = job
    heard: list[str] = []
    async with (
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}", timeout=PATIENCE) as client,
        client.stream("GET", f"/v1/jobs/{JOB}/events") as stream,
    ):
        async for line in stream.aiter_lines():
            if not line.startswith("id: "):
                continue
            heard.append(line)
            if len(heard) == 1:
                served.board.hints[JOB] = Hint(33.3, 1)
            elif len(heard) == 2:
                await served.jobs.succeed(job.holding, Output(key="k", size=1, etag="e"), now)
    assert heard == ["id: 0.0", "id: 33.3", "id: 100.0"]
