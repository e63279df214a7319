import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from service.adapters.system.sniffing import ThreadedSniffer
from service.core.errors import Busy
from service.core.media.inputs import Source
from service.testing.contracts.sniffer import SnifferContract

LONG = 30.0  # seconds; what takes as long has failed
WAV = Source(container="wav", demuxer="wav", content_type="audio/wav")


class SlowLook:
    """A look that goes on until it is let go, and counts how many do."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = 0
        self.at_once = 0
        self._running = 0
        self._lock = threading.Lock()

    def __call__(self, head: bytes, tail: bytes, size: int) -> Source:
        with self._lock:
            self.begun += 1
            self._running += 1
            self.at_once = max(self.at_once, self._running)
        assert self.go.wait(LONG)
        with self._lock:
            self._running -= 1
        return WAV


@pytest.fixture
def slow() -> Iterator[SlowLook]:
    """It is let go in the end, so that no thread is left."""
    look = SlowLook()
    yield look
    look.go.set()


async def until(fact: Callable[[], bool]) -> None:
    """Let other tasks and threads go on until something is so."""
    async with asyncio.timeout(LONG):
        while not fact():
            await asyncio.to_thread(threading.Event().wait, 0.001)


class TestThreadedSniffer(SnifferContract):
    @pytest.fixture
    def sniffer(self) -> ThreadedSniffer:
        return ThreadedSniffer()


async def test_event_loop_goes_on_while_bytes_are_looked_at(slow: SlowLook) -> None:
    """A look that does not end holds up its own caller alone; here the loop itself has to end it."""
    asyncio.get_running_loop().call_soon(slow.go.set)

    async with asyncio.timeout(LONG / 2):
        assert await ThreadedSniffer(slow).identify("a", b"x", b"x", 1) is WAV


async def test_a_tenant_has_one_look_at_a_time(slow: SlowLook) -> None:
    """However many files a tenant sends at once, they are looked at one after the other."""
    sniffer = ThreadedSniffer(slow)
    looks = [asyncio.ensure_future(sniffer.identify("a", b"x", b"x", 1)) for _ in range(10)]
    await until(lambda: slow.begun == 1)

    slow.go.set()

    assert await asyncio.gather(*looks) == [WAV] * 10
    assert (slow.begun, slow.at_once) == (10, 1)


async def test_another_tenant_does_not_wait(slow: SlowLook) -> None:
    """One tenant's looks keep no other tenant's waiting."""
    sniffer = ThreadedSniffer(lambda head, tail, size: slow(head, tail, size) if head == b"slow" else WAV)
    held = [asyncio.ensure_future(sniffer.identify("a", b"slow", b"", 1)) for _ in range(10)]
    await until(lambda: slow.begun == 1)

    async with asyncio.timeout(LONG / 2):
        assert await sniffer.identify("b", b"x", b"x", 1) is WAV
    assert slow.begun == 1

    slow.go.set()
    await asyncio.gather(*held)


async def test_a_caller_that_leaves_does_not_give_its_turn_away(slow: SlowLook) -> None:
    """The thread of a cancelled look goes on, so the tenant's next look begins when it has ended."""
    sniffer = ThreadedSniffer(slow)
    left = asyncio.ensure_future(sniffer.identify("a", b"x", b"x", 1))
    await until(lambda: slow.begun == 1)
    left.cancel()
    await asyncio.wait([left])

    following = asyncio.ensure_future(sniffer.identify("a", b"x", b"x", 1))
    await asyncio.wait([following], timeout=0)
    assert slow.begun == 1

    slow.go.set()
    assert await following is WAV
    assert (slow.begun, slow.at_once) == (2, 1)


async def test_a_look_that_does_not_end_is_an_answer(slow: SlowLook) -> None:
    """After the time limit the caller is told to come again, and so is the one who waited behind it."""
    sniffer = ThreadedSniffer(slow, patience=0.01)

    answers = await asyncio.gather(*(sniffer.identify("a", b"x", b"x", 1) for _ in range(2)), return_exceptions=True)

    assert [type(answer) for answer in answers] == [Busy, Busy]
    assert slow.begun == 1
