"""A connection of which only so much is read: an answer without end costs neither memory nor the event loop."""

import ssl
from typing import Any

import httpcore

MOST_BYTES = 16 * 1024  # of an answer; its status is all that counts
AT_ONCE = 4 * 1024  # so that what is read at once is parsed in a moment


class BoundedStream(httpcore.AsyncNetworkStream):
    """Reads at most `MOST_BYTES`, and then raises `httpcore.ReadError`."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner
        self._left = MOST_BYTES

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._left <= 0:
            raise httpcore.ReadError("The answer is too long.")
        data = await self._inner.read(min(max_bytes, AT_ONCE, self._left), timeout)
        self._left -= len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        return BoundedStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
