import io
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from service.adapters.aws.clients import Aws
from service.adapters.ffmpeg.input import PipeInput
from service.adapters.s3.reading import ObjectRange, ObjectStream, ReadRetry
from service.core.backoff import Backoff
from service.core.errors import Indefinite, Misconfigured, ObjectChanged, ObjectGone, RepriseError

CONTENT = bytes(range(256)) * 40
RETRY = ReadRetry(chunk=1000, max_breaks=2, backoff=Backoff(first=0.0, cap=0.0))


class Body(io.BytesIO):
    """The body of an answer, of which only `length` bytes come; then it breaks, or ends as if all was well."""

    def __init__(self, data: bytes, length: int | None, error: Exception | None) -> None:
        super().__init__(data[:length])
        self._error = error

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        if not data and self._error is not None:
            raise self._error
        return data


class ScriptedS3:
    """Answers GetObject as told, one step a call: (how many bytes come, then what), an exception, or None for all."""

    def __init__(self, *steps: tuple[int, Exception | None] | Exception | None) -> None:
        self.steps = list(steps)
        self.asked: list[dict[str, Any]] = []

    def get_object(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        step = self.steps.pop(0) if self.steps else None
        if isinstance(step, Exception):
            raise step
        start = int(asked["Range"].removeprefix("bytes=").partition("-")[0])
        length, error = step or (None, None)
        return {"ContentLength": len(CONTENT) - start, "Body": Body(CONTENT[start:], length, error)}


def refusal(status: int, code: str) -> ClientError:
    """What botocore raises when S3 says no."""
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetObject")  # type: ignore[typeddict-item]


def stream(s3: ScriptedS3, *, size: int = len(CONTENT)) -> ObjectStream:
    """A stream of the content, from a scripted S3."""
    wanted = ObjectRange(bucket="b", key="k", etag="tag", start=0, stop=size)
    return ObjectStream(Aws.__new__(Aws), s3, wanted, RETRY)  # type: ignore[arg-type]


def collect(one: ObjectStream, into: bytearray) -> None:
    """Keep what came, also if the stream fails."""
    for data in one:
        into += data


BREAKS: list[tuple[int, Exception | None]] = [
    (2500, ReadTimeoutError(endpoint_url="s3")),
    (2500, ConnectionResetError("reset by peer")),
    (2500, None),
]


@pytest.mark.parametrize("broken", BREAKS)
def test_object_stream_goes_on_at_the_offset_after_a_break(broken: tuple[int, Exception | None]) -> None:
    """However a stream breaks, the rest is asked for from the first byte that is missing, of the same object."""
    s3 = ScriptedS3(broken, refusal(500, "InternalError"), (1, ConnectionResetError()), None)
    one = stream(s3)
    assert b"".join(one) == CONTENT
    last = len(CONTENT) - 1
    assert [asked["Range"] for asked in s3.asked] == [f"bytes={at}-{last}" for at in (0, 2500, 2500, 2501)]
    assert {asked["IfMatch"] for asked in s3.asked} == {'"tag"'}
    assert (one.complete, one.waiting, one.mended) == (True, False, 2)


def test_object_stream_gives_up_after_breaks_without_a_byte() -> None:
    """A stream that cannot be taken up again fails; it never just ends."""
    one = stream(ScriptedS3((2500, None), *[refusal(503, "SlowDown")] * 10))
    got = bytearray()
    with pytest.raises(RepriseError):
        collect(one, got)
    assert bytes(got) == CONTENT[:2500]
    assert not one.complete


def test_object_stream_survives_any_number_of_breaks_with_bytes_in_between() -> None:
    """Breaks count only in a row: after each byte the count begins anew."""
    assert b"".join(stream(ScriptedS3(*[(50, ConnectionResetError())] * 100))) == CONTENT


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusal(412, "PreconditionFailed"), ObjectChanged),
        (refusal(404, "NoSuchKey"), ObjectGone),
    ],
)
def test_object_stream_ends_when_the_object_changes_or_vanishes(answer: Exception, error: type[Exception]) -> None:
    """If the object changes or vanishes in the middle, that is said at once."""
    s3 = ScriptedS3((2500, None), answer)
    with pytest.raises(error):
        list(stream(s3))
    assert len(s3.asked) == 2


def test_object_stream_does_not_retry_what_is_forbidden() -> None:
    """An error that does not pass by itself is raised at once, and not after all repetitions."""
    s3 = ScriptedS3((2500, None), refusal(403, "AccessDenied"))
    with pytest.raises(Misconfigured):
        list(stream(s3))
    assert len(s3.asked) == 2


def test_object_stream_reads_less_at_once_after_a_break() -> None:
    """Each break in a row quarters the next read; with the first byte the reads have their full size again."""
    one = stream(ScriptedS3((1500, ConnectionResetError()), refusal(503, "SlowDown"), None))
    sizes = [len(data) for data in one]
    assert sizes[:5] == [1000, 500, 1000 >> 4, 1000, 1000]
    assert sum(sizes) == len(CONTENT)


def test_object_stream_refuses_an_answer_of_another_length() -> None:
    """An answer that is longer or shorter than what is left of the object is not read."""
    with pytest.raises(ObjectChanged):
        list(stream(ScriptedS3(), size=len(CONTENT) + 1))


def test_object_stream_can_be_stopped_without_an_error() -> None:
    """A stream that was told to stop ends at the next chunk, and is not complete."""
    one = stream(ScriptedS3())
    chunks = []
    for data in one:
        chunks.append(data)
        one.stop.set()
    assert b"".join(chunks) == CONTENT[:1000]
    assert not one.complete


# ── into the pipe ────────────────────────────────────────────────────────────────────────────────────────────────


def drain(feed: PipeInput, reading_end: int, before_the_end: Callable[[bytes], None] = lambda _: None) -> bytes:
    """Read the pipe to its end."""
    got = bytearray()
    while data := os.read(reading_end, 100):
        got += data
        before_the_end(bytes(got))
    return bytes(got)


def test_ffmpeg_sees_end_of_input_exactly_at_the_last_byte() -> None:
    """The reader sees the end of the file exactly when every byte was fed, however often the stream broke."""
    feed = PipeInput(stream(ScriptedS3(*[(900, ConnectionResetError())] * 5)))
    reading_end = os.dup(feed.stdin)
    feed.start()
    assert drain(feed, reading_end) == CONTENT
    feed.close()
    os.close(reading_end)
    assert (feed.complete, feed.refused, feed.error, feed.fed) == (True, False, None, len(CONTENT))


@pytest.mark.requirement("1.4")
def test_ffmpeg_sees_no_end_of_input_when_reading_fails() -> None:
    """When the input breaks for good, the reader waits; only `close`, when the reader is gone, closes the pipe."""
    feed = PipeInput(stream(ScriptedS3((900, None), *[refusal(500, "InternalError")] * 9)))
    reading_end = os.dup(feed.stdin)
    feed.start()
    feed._thread.join(10)
    assert isinstance(feed.error, Indefinite)
    assert os.read(reading_end, 10_000) == CONTENT[:900]
    os.set_blocking(reading_end, False)
    with pytest.raises(BlockingIOError):  # and not b"", which would be the end of the file
        os.read(reading_end, 1)
    feed.close()
    assert os.read(reading_end, 1) == b""
    os.close(reading_end)


def test_ffmpeg_closing_its_input_early_is_no_error() -> None:
    """If ffmpeg closes its input, the feed stops and says so."""
    feed = PipeInput(stream(ScriptedS3()))
    feed.start()  # the pipe has no reader now
    feed._thread.join(10)
    assert (feed.refused, feed.error, feed.complete) == (True, None, False)
    feed.close()


def test_closing_the_input_does_not_wait_for_a_hung_s3() -> None:
    """Closing does not wait for ever for an S3 that says nothing; the thread closes the pipe when it comes back."""
    gate = threading.Event()
    s3 = ScriptedS3()
    answer = s3.get_object

    def slow(**asked: Any) -> dict[str, Any]:
        gate.wait(10)
        return answer(**asked)

    s3.get_object = slow  # type: ignore[method-assign]
    feed = PipeInput(stream(s3), close_timeout=0.01)
    reading_end = os.dup(feed.stdin)
    feed.start()
    feed.close()
    assert feed._thread.is_alive()
    gate.set()
    feed._thread.join(10)
    assert os.read(reading_end, 10_000) == b""
    os.close(reading_end)
    assert not feed.complete
