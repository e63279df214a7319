import asyncio
import threading
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from structlog.typing import EventDict
from urllib3.exceptions import HTTPError

from service.adapters.aws.clients import Aws
from service.adapters.s3.reading import ReadRetry
from service.adapters.s3.store import S3Objects
from service.core.errors import Indefinite, ObjectChanged
from service.testing.contracts.objects.store import fetch, pattern, store
from tests.support.flaky_proxy import Fault, FlakyProxy, How
from tests.support.s3_fixtures import Hasty, behind

KEY = "uploads/a/input"
CHUNK, MAX_BREAKS = ReadRetry().chunk, ReadRetry().max_breaks
PATIENCE = 20.0  # seconds
TIME_OUT = ReadTimeoutError(endpoint_url="http://s3.invalid")


@pytest.mark.requirement("3.6")
@pytest.mark.parametrize("how", How)
async def test_download_from_a_broken_line_delivers_all_bytes(
    s3_objects: S3Objects, far_s3_objects: S3Objects, proxy: FlakyProxy, logs: list[EventDict], how: How
) -> None:
    """A line that breaks again and again in the middle of an object delivers exactly its bytes all the same."""
    data = pattern(5 * CHUNK + 17)
    stored = await store(s3_objects, KEY, data)
    proxy.faults = [Fault(how, 2 * CHUNK), Fault(how, 100_000), Fault(how, CHUNK + 5_000)]

    assert await fetch(far_s3_objects, stored) == data
    assert proxy.hit
    mended = [entry for entry in logs if entry["event"] == "s3.mended"]
    assert {entry["key"] for entry in mended} == {KEY}
    assert all(0 <= entry["offset"] < len(data) for entry in mended)


async def test_download_gets_through_a_line_that_breaks_within_each_chunk(
    s3_objects: S3Objects, far_s3_objects: S3Objects, proxy: FlakyProxy
) -> None:
    """If every connection breaks before a chunk has passed, smaller steps still make progress."""
    data = pattern(3 * CHUNK)
    stored = await store(s3_objects, KEY, data)
    proxy.faults = [Fault(How.RESET, 100_000) for _ in range(200)]

    assert await fetch(far_s3_objects, stored) == data


async def test_peek_survives_a_broken_line(s3_objects: S3Objects, far_s3_objects: S3Objects, proxy: FlakyProxy) -> None:
    """A look at a few bytes survives a broken line, too."""
    stored = await store(s3_objects, KEY, pattern(CHUNK))
    proxy.faults = [Fault(How.TRUNCATE, 10_000)]

    assert await far_s3_objects.peek(KEY, etag=stored.etag, start=5, length=50_000) == pattern(CHUNK)[5:50_005]
    assert len(proxy.hit) == 1


@pytest.mark.requirement("3.6")
async def test_download_never_mixes_two_objects(
    s3_objects: S3Objects, far_s3_objects: S3Objects, proxy: FlakyProxy
) -> None:
    """When the object was replaced while the line was broken, the stream ends with an error."""
    stored = await store(s3_objects, KEY, pattern(3 * CHUNK))
    proxy.faults = [Fault(How.TRUNCATE, CHUNK + 10_000)]
    chunks = far_s3_objects.read(KEY, etag=stored.etag, start=0, stop=stored.size)

    got = [await anext(chunks)]
    await store(s3_objects, KEY, bytes(3 * CHUNK))

    async def drain() -> None:
        async for chunk in chunks:
            got.append(chunk)  # noqa: PERF401  # what came before the error counts

    with pytest.raises(ObjectChanged):
        await drain()
    delivered = b"".join(got)
    assert delivered == pattern(len(delivered))


class DeadBody:
    """A body that never delivers: it raises, or is at its end before it has begun."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.closed = False

    def read(self, size: int) -> bytes:
        if self.error:
            raise self.error
        return b""

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    "error",
    [TIME_OUT, ConnectionResetError(), HTTPError(), None],
    ids=["time-out", "reset", "urllib3", "early-end"],
)
async def test_download_gives_up_after_breaks_without_a_byte(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    """After five breaks in a row without a byte the error comes through; the pauses before that grow."""
    clock = Hasty()
    s3_objects = S3Objects(aws, clock)
    client, _ = behind(s3_objects)
    bodies: list[DeadBody] = []

    def get_object(**_: Any) -> Any:
        bodies.append(DeadBody(error))
        return {"Body": bodies[-1], "ContentLength": 1000}

    monkeypatch.setattr(client, "get_object", get_object)

    with pytest.raises(Indefinite):
        await anext(s3_objects.read(KEY, etag="e", start=0, stop=1000))
    assert len(bodies) == MAX_BREAKS + 1
    assert all(body.closed for body in bodies)
    assert clock.slept == [0.1, 0.2, 0.4, 0.8, 1.6]
    await s3_objects.aclose()


async def test_download_that_is_given_up_closes_its_connection(
    s3_objects: S3Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever stops reading early lets the connection go at once."""
    stored = await store(s3_objects, KEY, pattern(3 * CHUNK))
    client, _ = behind(s3_objects)
    bodies: list[Any] = []
    real = client.get_object

    def get_object(**arguments: Any) -> Any:
        answer = real(**arguments)
        bodies.append(answer["Body"])
        return answer

    monkeypatch.setattr(client, "get_object", get_object)
    chunks = s3_objects.read(KEY, etag=stored.etag, start=0, stop=stored.size)
    await anext(chunks)
    assert not bodies[0]._raw_stream.closed

    await chunks.aclose()  # type: ignore[attr-defined]  # it is a generator

    assert bodies[0]._raw_stream.closed


async def test_cancelled_download_does_not_wait_for_s3(
    s3_objects: S3Objects, far_s3_objects: S3Objects, proxy: FlakyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelling a read whose thread hangs in S3 returns at once, and the thread closes the body when it comes back."""
    stored = await store(s3_objects, KEY, pattern(3 * CHUNK))
    closed = asyncio.Event()
    opened, loop = threading.Event(), asyncio.get_running_loop()

    class HangingBody(DeadBody):
        def read(self, size: int) -> bytes:
            loop.call_soon_threadsafe(entered.set)
            opened.wait(PATIENCE)
            return b"x" * size

        def close(self) -> None:
            loop.call_soon_threadsafe(closed.set)

    entered = asyncio.Event()
    client, _ = behind(s3_objects)
    monkeypatch.setattr(client, "get_object", lambda **_: {"Body": HangingBody(), "ContentLength": stored.size})
    task = asyncio.create_task(fetch(s3_objects, stored))
    async with asyncio.timeout(PATIENCE):
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not closed.is_set()

        opened.set()
        await closed.wait()
