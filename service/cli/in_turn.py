"""
Several addresses of one service for one client, as a transport of httpx: any container can answer any request.

Who uses the service has one address, and what stands behind it chooses. Here are processes without such a thing in
front, of which some are killed while a client watches.
"""

import itertools
from collections.abc import Sequence

import httpx

from reprise import Client

CONNECT = (httpx.ConnectError, httpx.ConnectTimeout)  # nothing was sent, so that another may be asked at once


class InTurn(httpx.BaseTransport):
    """
    Sends each request for the first of the `addresses` to the next of them; all other requests where they belong.

    `inner` is what really sends them.
    """

    def __init__(self, addresses: Sequence[str], inner: httpx.BaseTransport | None = None) -> None:
        self._addresses = [httpx.URL(address) for address in addresses]
        self._turn = itertools.cycle(self._addresses)
        self._inner = inner or httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        first = self._addresses[0]
        if (request.url.host, request.url.port) != (first.host, first.port):
            return self._inner.handle_request(request)  # a presigned URL
        for last in (False,) * (len(self._addresses) - 1) + (True,):
            address = next(self._turn)
            request.url = request.url.copy_with(scheme=address.scheme, host=address.host, port=address.port)
            request.headers["Host"] = request.url.netloc.decode()
            try:
                return self._inner.handle_request(request)
            except CONNECT:
                if last:
                    raise
        raise AssertionError("the last address answers or raises")

    def close(self) -> None:
        self._inner.close()


def client_of(addresses: Sequence[str], *, key: str | None = None, patience: float = 120.0) -> Client:
    """Return a client that asks these addresses in turn."""
    return Client(addresses[0], key=key, patience=patience, transport=InTurn(addresses))
