"""The format of a stream, found as it passes."""

from collections.abc import AsyncIterator

import pytest

from service.application.inspection import UploadSniffer
from service.core.media.sniff import BEYOND_BYTES, HEAD_BYTES, TAIL_BYTES
from service.testing.sniffer import DirectSniffer
from tests.unit.application.world import wav
from tests.unit.core.media.test_sniff import LONG_TAG


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


@pytest.mark.parametrize("size", [1, 4096, 700_001, 4_000_000])
async def test_what_follows_a_long_tag_is_seen_as_it_passes(size: int) -> None:
    """A tag that is longer than the head hides nothing: the bytes behind it are kept, however the stream is cut."""
    sniffer = UploadSniffer(DirectSniffer(), "", 2**31)
    file = LONG_TAG + b"fLaC\0\0\0\x22" + bytes(40) + bytes(900_000)
    pieces = [file[:1_000_000], *(file[at : at + size] for at in range(1_000_000, len(file), size))]

    async def body() -> AsyncIterator[bytes]:
        for piece in pieces if size > 1 else [file]:
            yield piece

    async for _ in sniffer.watch(body()):
        assert len(sniffer._beyond) <= BEYOND_BYTES

    assert sniffer.source is not None
    assert sniffer.source.container == "flac"
