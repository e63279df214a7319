"""Ask one server as fast as it answers, over a fixed number of connections that stay open."""

import asyncio
from collections.abc import Sequence
from typing import cast

CONNECTIONS = 50
LENGTH = b"content-length:"


async def rate(address: str, paths: Sequence[str], *, seconds: float) -> float:
    """
    Return answers a second to `CONNECTIONS` clients that ask for `paths` in turn. `address` as ``http://host:port``.

    It lasts for so many `seconds`. Raises `RuntimeError` for any answer but 200: what is refused costs little, and
    would look quick.
    """
    host, _, port = address.removeprefix("http://").partition(":")
    loop = asyncio.get_running_loop()
    began = loop.time()
    clients = []
    for number in range(CONNECTIONS):
        turned = [*paths[number % len(paths) :], *paths[: number % len(paths)]]
        requests = [f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode() for path in turned]
        _, client = await loop.create_connection(
            lambda it=requests: _Client(it, began + seconds),  # type: ignore[misc]
            host,
            int(port),
        )
        clients.append(client)
    answered = sum(await asyncio.gather(*(client.answered for client in clients)))
    return answered / (loop.time() - began)


class _Client(asyncio.Protocol):
    """One connection; `answered` is done, with the number of answers, when the time is over. Costs little to run."""

    def __init__(self, requests: Sequence[bytes], until: float) -> None:
        self._requests, self._until = requests, until
        self._loop = asyncio.get_running_loop()
        self._data, self._count = b"", 0
        self.answered: asyncio.Future[int] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._requests[0])

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, blank, body = self._data.partition(b"\r\n\r\n")
        if not blank or len(body) < int(head.lower().partition(LENGTH)[2].partition(b"\r\n")[0]):
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self._end(RuntimeError(head.decode()))
            return
        self._data, self._count = b"", self._count + 1
        if self._loop.time() < self._until:
            self._transport.write(self._requests[self._count % len(self._requests)])
        else:
            self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.answered.done():
            self.answered.set_exception(exc or RuntimeError("the server closed a connection"))

    def _end(self, problem: Exception | None) -> None:
        if problem is not None:
            self.answered.set_exception(problem)
        else:
            self.answered.set_result(self._count)
        self._transport.close()
