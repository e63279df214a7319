"""
Connections to addresses that were checked.

A name is resolved here, what it stands for is checked, and the connection goes to the checked address itself. So there
is no second look-up between the check and the connection in which a name could come to mean something else (DNS
rebinding). TLS still proves the name, since httpcore takes that of the URL.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import httpcore

from service.adapters.webhooks.bounded import BoundedStream
from service.core.webhooks.addresses import is_public

MOST_ADDRESSES = 4  # of a name that are tried

Resolve = Callable[[str, int], Sequence[str]]


class NoAddress(Exception):
    """The name stands for no address, or its name servers do not answer."""


class NotPublic(Exception):
    """The name stands for an address that is not allowed, alone or among others."""


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Where `httpcore` gets its connections from. With `private`, operators allow every address."""

    def __init__(self, *, private: bool, resolve: Resolve | None = None) -> None:
        self._inner = httpcore.AnyIOBackend()
        self._private = private
        self._resolve = resolve or addresses_of

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await _on_a_thread(lambda: self._resolve(host, port))
        if not addresses:
            raise NoAddress
        if not self._private and not all(map(is_public, addresses)):
            raise NotPublic
        failure: Exception | None = None
        for address in addresses[:MOST_ADDRESSES]:
            try:
                made = await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
                return BoundedStream(made)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or NoAddress

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        raise NotPublic

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


def addresses_of(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a name, each once, in the order of the resolver; none if there are none. Blocks."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


async def _on_a_thread(look: Callable[[], Sequence[str]]) -> Sequence[str]:
    """
    Resolve on a thread of its own, for which neither another look-up nor the end of this process waits.

    A name server that does not answer holds its thread for as long as the resolver is patient, which no one can stop;
    how many there are is bounded by how many notifications are under way.
    """
    loop, answer = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()

    def settle(found: Sequence[str]) -> None:
        if not answer.done():  # the caller may have left
            answer.set_result(found)

    def run() -> None:
        found = look()
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, found)

    threading.Thread(target=run, name="resolve", daemon=True).start()
    result: Sequence[str] = await answer
    return result
