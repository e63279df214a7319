"""
Find out what an upload is while it passes.

The first and the last bytes are kept as they go by, and those behind a long tag, so that nothing has to be read back
from the store. What is clearly no audio is refused as soon as its head is complete. The final check of the format runs
inside the stream, after the last byte, so that the code that stores the stream gives up and leaves nothing behind.
"""

from collections.abc import AsyncIterator

from service.core.media.inputs import Source
from service.core.media.sniff import BEYOND_BYTES, HEAD_BYTES, TAIL_BYTES, Beyond, tags_end
from service.ports.sniffer import Sniffer


class UploadSniffer:
    """Watches one upload. `source` and `size` are known once `watch` has come to its end."""

    def __init__(self, sniffer: Sniffer, tenant: str, expected_size: int) -> None:
        """Take as `expected_size` what the client announced, or the limit: good enough for an early look."""
        self._sniffer = sniffer
        self._tenant = tenant
        self.source: Source | None = None
        self.size = 0
        self._expected_size = expected_size
        self._head = bytearray()
        self._tail = b""
        self._beyond_at: int | None = None  # where the tags in front end, if that is beyond the head
        self._beyond = bytearray()

    async def watch(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Pass the chunks on. Raises `UnsupportedMedia`, `EmptyUpload`, `Busy`, and whatever `chunks` raises."""
        async for chunk in chunks:
            if chunk:
                await self._note(chunk)
                yield chunk
        self.source = await self._look(self._tail, self.size)

    async def _note(self, chunk: bytes) -> None:
        begin = self.size
        self.size += len(chunk)
        self._tail = chunk[-TAIL_BYTES:] if len(chunk) >= TAIL_BYTES else (self._tail + chunk)[-TAIL_BYTES:]
        missing = HEAD_BYTES - len(self._head)
        if missing > 0:
            self._head += chunk[:missing]
            if len(chunk) >= missing:
                self._beyond_at = tags_end(bytes(self._head), max(self._expected_size, self.size))
                await self._look(b"", max(self._expected_size, self.size))
                if self._beyond_at is not None:
                    self._beyond += self._head[self._beyond_at :]
        if self._beyond_at is not None and len(self._beyond) < BEYOND_BYTES:
            skipped = max(0, self._beyond_at + len(self._beyond) - begin)
            self._beyond += chunk[skipped : skipped + BEYOND_BYTES - len(self._beyond)]

    async def _look(self, tail: bytes, size: int) -> Source:
        beyond = None if self._beyond_at is None else Beyond(self._beyond_at, bytes(self._beyond))
        return await self._sniffer.identify(self._tenant, bytes(self._head), tail, size, beyond)
