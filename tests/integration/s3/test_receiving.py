import asyncio
import threading
import tracemalloc
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from structlog.typing import EventDict

from service.adapters.s3 import receiving
from service.adapters.s3.store import S3Objects
from service.core.errors import Indefinite
from service.testing.contracts.objects.store import PART, PLENTY, ClientWentAwayError, broken, fetch, pattern, store
from tests.support.flaky_proxy import Fault, FlakyProxy, How
from tests.support.s3_fixtures import behind, requests_of, what_is_left

KEY = "uploads/a/input"
PATIENCE = 20.0  # seconds


async def test_upload_of_one_part_is_one_put(s3_objects: S3Objects) -> None:
    """What fits into a single part needs no multipart upload; one byte more does."""
    seen = requests_of(s3_objects)

    await store(s3_objects, KEY, pattern(PART))
    assert seen == ["PutObject"]

    seen.clear()
    await store(s3_objects, KEY, pattern(PART + 1))
    assert seen == ["CreateMultipartUpload", "UploadPart", "UploadPart", "CompleteMultipartUpload", "HeadObject"]


@pytest.mark.requirement("1.8")
async def test_memory_does_not_grow_with_the_upload(s3_objects: S3Objects) -> None:
    """A dozen parts go through in the memory of three, while the client is faster than S3."""
    piece = pattern(1024 * 1024)
    total = 12 * PART

    async def client() -> AsyncIterator[bytes]:
        for _ in range(total // len(piece)):
            yield bytes(bytearray(piece))  # a new one each time, as from a socket

    await store(s3_objects, "uploads/warm/input", pattern(2 * PART + 1))
    tracemalloc.start()
    try:
        stored = await s3_objects.receive(KEY, client(), content_type="audio/wav", limit=total)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert stored.size == total
    assert peak < 3 * PART


class Gate:
    """Stands in for one S3 operation: waits, does it, and answers as told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, s3_objects: S3Objects, operation: str) -> None:
        client, _ = behind(s3_objects)
        if operation == "complete_multipart_upload":
            client = s3_objects._bucket.completer.once
        self._real: Callable[..., Any] = getattr(client, operation)
        self._loop = asyncio.get_running_loop()
        self.entered = asyncio.Event()
        self.opened = threading.Event()
        self.opened.set()
        self.effect = True
        self.error: Exception | None = None
        monkeypatch.setattr(client, operation, self)

    def __call__(self, **arguments: Any) -> Any:
        self._loop.call_soon_threadsafe(self.entered.set)
        if not self.opened.wait(PATIENCE):
            raise TimeoutError
        answer = self._real(**arguments) if self.effect else None
        if self.error:
            raise self.error
        return answer


TIME_OUT = ReadTimeoutError(endpoint_url="http://s3.invalid")
NO_SUCH_UPLOAD = ClientError(
    {"Error": {"Code": "NoSuchUpload", "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": 404}},  # type: ignore[typeddict-item]  # as little as our code looks at
    "CompleteMultipartUpload",
)


@pytest.mark.parametrize("error", [TIME_OUT, NO_SUCH_UPLOAD], ids=["time-out", "retried"])
async def test_upload_counts_when_the_answer_to_its_completion_is_lost(
    s3_objects: S3Objects, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """An upload that was completed counts as stored, even if its answer was lost or a retry heard "no such upload"."""
    gate = Gate(monkeypatch, s3_objects, "complete_multipart_upload")
    gate.error = error

    stored = await store(s3_objects, KEY, pattern(PART + 1))

    assert await s3_objects.head(KEY) == stored
    assert await fetch(s3_objects, stored) == pattern(PART + 1)


@pytest.mark.parametrize("way", ["stream", "parts"])
async def test_upload_that_s3_stored_incompletely_is_an_error(
    s3_objects: S3Objects, monkeypatch: pytest.MonkeyPatch, logs: list[EventDict], way: str
) -> None:
    """S3 says that it completed the upload, but there are no bytes: no upload is stored, and the log says why."""
    client, name = behind(s3_objects)
    gate = Gate(monkeypatch, s3_objects, "complete_multipart_upload")
    complete = gate._real

    def emptied(**arguments: Any) -> Any:
        answer = complete(**arguments)
        client.put_object(Bucket=name, Key=KEY, Body=b"")
        return answer

    async def in_parts() -> None:
        transfer = await s3_objects.begin_parts(KEY)
        await s3_objects.join_parts(KEY, transfer, [await s3_objects.put_part(KEY, transfer, 1, pattern(PART))])

    gate._real = emptied
    with pytest.raises(Indefinite):
        await (store(s3_objects, KEY, pattern(PART + 1)) if way == "stream" else in_parts())
    [said] = [one for one in logs if one["event"] == "s3.not_whole"]
    assert (said["key"], said["found"]) == (KEY, 0)
    assert not [one for one in logs if one["event"] == "s3.completed"]
    assert way == "parts" or await what_is_left(s3_objects) == []


async def test_slow_completion_of_an_upload_is_requested_once(
    s3_objects: S3Objects, far_s3_objects: S3Objects, proxy: FlakyProxy
) -> None:
    """When S3 completes an upload and the answer never comes, one request was made, and the object counts."""
    once = far_s3_objects._bucket.completer.once
    seen = list[str]()
    once.meta.events.register("before-send", lambda request, **_: seen.append(request.method))
    transfer = await far_s3_objects.begin_parts(KEY)
    part = await far_s3_objects.put_part(KEY, transfer, 1, pattern(PART))
    proxy.faults.append(Fault(How.STALL, 0))  # for the next connection, which is the first of that client

    stored = await far_s3_objects.join_parts(KEY, transfer, [part])

    assert seen == ["POST"]
    assert proxy.hit
    assert await s3_objects.head(KEY) == stored
    assert stored.size == PART


async def test_upload_whose_completion_did_not_happen_fails_and_leaves_nothing(
    s3_objects: S3Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When looking it up shows that the completion had no effect, the upload fails and leaves nothing."""
    gate = Gate(monkeypatch, s3_objects, "complete_multipart_upload")
    gate.effect, gate.error = False, TIME_OUT

    with pytest.raises(Indefinite):
        await store(s3_objects, KEY, pattern(PART + 1))
    assert await what_is_left(s3_objects) == []


async def test_upload_whose_creation_was_not_answered_leaves_nothing(
    s3_objects: S3Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A multipart upload whose id never arrived is found and aborted; that of another key is not."""
    client, name = behind(s3_objects)
    client.create_multipart_upload(Bucket=name, Key="uploads/b/input")
    gate = Gate(monkeypatch, s3_objects, "create_multipart_upload")
    gate.error = TIME_OUT

    with pytest.raises(Indefinite):
        await store(s3_objects, KEY, pattern(PART + 1))
    assert [one.key for one in await s3_objects._bucket.open_uploads("")] == ["uploads/b/input"]


async def test_upload_with_a_failed_part_fails_and_leaves_nothing(
    s3_objects: S3Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failure of a part is the failure of the upload, and the parts before it are dropped."""
    gate = Gate(monkeypatch, s3_objects, "upload_part")
    gate.error = TIME_OUT

    with pytest.raises(Indefinite):
        await store(s3_objects, KEY, pattern(3 * PART))
    assert await what_is_left(s3_objects) == []


REQUESTS = {
    "put_object": PART,
    "create_multipart_upload": 3 * PART,
    "upload_part": 3 * PART,
    "complete_multipart_upload": 3 * PART,
}


@pytest.mark.parametrize("operation", REQUESTS)
async def test_upload_cancelled_in_the_middle_of_a_request_leaves_nothing(
    s3_objects: S3Objects, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    """A request that S3 carries out although nobody waits for it any more is taken back once it has settled."""
    gate = Gate(monkeypatch, s3_objects, operation)
    gate.opened.clear()
    task = asyncio.create_task(store(s3_objects, KEY, pattern(REQUESTS[operation])))
    async with asyncio.timeout(PATIENCE):
        await gate.entered.wait()
        task.cancel()
        await asyncio.wait({task}, timeout=0)
        assert not task.done()  # it waits, because now it could not clean up
        gate.opened.set()

        with pytest.raises(asyncio.CancelledError):
            await task
    assert await what_is_left(s3_objects) == []


@pytest.mark.parametrize("impatience", ["patience-over", "second-cancel"])
async def test_clean_up_of_an_upload_outlives_its_request(
    s3_objects: S3Objects, monkeypatch: pytest.MonkeyPatch, impatience: str
) -> None:
    """When S3 takes too long, or the task is cancelled once more, the caller is let go and the clean-up goes on."""
    if impatience == "patience-over":
        monkeypatch.setattr(receiving, "CLEANUP_TIMEOUT", 0.01)
    gate = Gate(monkeypatch, s3_objects, "put_object")
    gate.opened.clear()
    task = asyncio.create_task(store(s3_objects, KEY, b"small"))
    async with asyncio.timeout(PATIENCE):
        await gate.entered.wait()
        task.cancel()
        await asyncio.wait({task}, timeout=0)
        if impatience == "second-cancel":
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        monkeypatch.setattr(receiving, "CLEANUP_TIMEOUT", PATIENCE)
        gate.opened.set()
        await s3_objects._receiver.wait_for_cleanups()
    assert await what_is_left(s3_objects) == []


async def test_failed_clean_up_of_an_upload_does_not_hide_the_error(
    s3_objects: S3Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller hears why the upload failed, not that tidying up failed as well."""
    gate = Gate(monkeypatch, s3_objects, "abort_multipart_upload")
    gate.effect, gate.error = False, TIME_OUT

    with pytest.raises(ClientWentAwayError):
        await s3_objects.receive(KEY, broken([pattern(3 * PART)]), content_type="x/y", limit=PLENTY)
