"""The listening socket and the server on it: uvicorn, under the watch of a `ConnectionGuard`."""

import contextlib
import socket
from collections.abc import Callable
from typing import Any

import uvicorn

from service.adapters.system.descriptors import descriptor_limit
from service.core.limits.descriptors import connections_within
from service.settings import Settings
from service.web.http.connections import ConnectionGuard, ConnectionLimits
from service.web.http.protocol import protocol_of

BATCH = 64  # connections that are taken in before the guard sees them: they are part of the reserve of descriptors
WAITING = 2048  # connections that the operating system keeps for us meanwhile


def limits_of_connections(settings: Settings) -> ConnectionLimits:
    """Deadlines and the cap, of which there may be less than is set: descriptors are kept back for the worker."""
    return ConnectionLimits(
        max_connections=connections_within(descriptor_limit(), settings.slots, settings.max_connections),
        header_seconds=settings.header_seconds,
        idle_seconds=settings.idle_seconds,
        stall_seconds=settings.stall_seconds,
        min_read_rate=settings.min_read_rate,
    )


class Server(uvicorn.Server):
    """uvicorn that leaves signals to us, and says when it answers."""

    def __init__(
        self, app: Callable[..., Any], guard: ConnectionGuard, settings: Settings, started: Callable[[], None]
    ) -> None:
        config = uvicorn.Config(
            app,
            http=protocol_of(guard),
            ws="none",
            backlog=BATCH,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=3,
            timeout_keep_alive=max(1, round(settings.idle_seconds)),
            server_header=False,
        )
        super().__init__(config)
        self._tell = started

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]  # as uvicorn declares it
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        # asyncio takes as many connections at once as it lets wait. The second number may be large.
        for listener in sockets or []:
            listener.listen(WAITING)
            send_at_once(listener)
        if self.started:
            self._tell()


def send_at_once(listener: socket.socket) -> None:
    """
    Turn Nagle's algorithm off for connections to come: head and body are two writes, and the second would wait 40 ms.

    It would wait for the client's ACK of the first. asyncio turns it off itself, but only for listeners that were made
    with an explicit protocol number, which that of `socket.create_server` was not.
    """
    if listener.family in {socket.AF_INET, socket.AF_INET6}:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
