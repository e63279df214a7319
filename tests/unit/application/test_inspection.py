"""The format of a stream, found as it passes."""

from collections.abc import AsyncIterator

from service.application.inspection import UploadSniffer
from service.core.media.sniff import HEAD_BYTES, TAIL_BYTES
from service.testing.sniffer import DirectSniffer
from tests.unit.application.world import wav


async def test_a_sniffer_holds_no_more_than_head_and_tail_of_a_stream() -> None:
    """However much passes an inspection, no more than the head and the tail of it is held."""
    sniffer = UploadSniffer(DirectSniffer(), "", 2**31)

    async def body() -> AsyncIterator[bytes]:
        yield wav()[:40] + (2**31 - 100).to_bytes(4, "little")
        for _ in range(64):
            yield bytes(256 * 1024)

    async for _ in sniffer.watch(body()):
        assert len(sniffer._head) <= HEAD_BYTES
        assert len(sniffer._tail) <= TAIL_BYTES
    assert sniffer.size == 44 + 64 * 256 * 1024
    assert sniffer.source is not None
    assert sniffer.source.container == "wav"
