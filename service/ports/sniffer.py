"""Looking at the bytes that a tenant has sent, without holding up the requests of the others."""

from typing import Protocol

from service.core.media.inputs import Source
from service.core.media.sniff import Beyond


class Sniffer(Protocol):
    """Runs `service.core.media.sniff.identify`."""

    async def identify(self, tenant: str, head: bytes, tail: bytes, size: int, beyond: Beyond | None = None) -> Source:
        """
        Return what these bytes are: the first `HEAD_BYTES` and the last `TAIL_BYTES` of an object of `size` bytes, and
        what is behind the tags in front where `tags_end` asks for it.

        The event loop goes on meanwhile. A tenant has one look at a time, further ones wait for it. Raises
        `EmptyUpload`, `UnsupportedMedia`, and `Busy` if it takes too long.
        """
