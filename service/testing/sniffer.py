"""Looks at bytes at once, in the task that asks: nothing that a test would have to wait for."""

from service.core.media.inputs import Source
from service.core.media.sniff import Beyond, identify


class DirectSniffer:
    """A `service.ports.sniffer.Sniffer` without threads."""

    async def identify(self, tenant: str, head: bytes, tail: bytes, size: int, beyond: Beyond | None = None) -> Source:
        return identify(head, tail, size, beyond=beyond)
