"""
The HTTP/1.1 of uvicorn, a little stricter, and under the watch of `connections.ConnectionGuard`.

What is taken from uvicorn is the life of a protocol of asyncio (`connection_made`, `data_received`, `connection_lost`),
and four of its own names: `conn`, `cycle`, `flow` and `on_response_complete`. `tests/integration/http` sees each of
them at work on real sockets, so that an upgrade which moves one is noticed there.
"""

import asyncio
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.web.http.connections import ConnectionGuard, Waiting

MAX_HEAD_BYTES = 16 * 1024  # of one request: address and headers
READ_BYTES = 64 * 1024  # taken from a socket at once, so that no client keeps the others waiting for long
FREE_CHUNKS = 1000  # of a body in chunks, before their size is looked at
MIN_CHUNK_BYTES = 64  # on average; each chunk costs as much as some KiB

SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
FULL = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"


class StrictConnection(h11.Connection):
    """h11's reading of a connection, that refuses what two readers might understand differently."""

    chunks = 0
    chunked = 0  # bytes

    def next_event(self) -> Any:
        """Read the next event. Raises `h11.RemoteProtocolError`, after which there is no other."""
        event = super().next_event()
        if isinstance(event, h11.Request):
            self.chunks = self.chunked = 0
            refuse_ambiguous(event)
        elif isinstance(event, h11.Data):
            self.chunks += event.chunk_start
            self.chunked += len(event.data)
            if self.chunks > FREE_CHUNKS and self.chunked < self.chunks * MIN_CHUNK_BYTES:
                raise h11.RemoteProtocolError("The chunks of the body are too small")
        return event


def refuse_ambiguous(request: h11.Request) -> None:
    """Raise `h11.RemoteProtocolError` for a head whose body another reader may end elsewhere (RFC 9112, 6.1)."""
    names = {name for name, _ in request.headers}
    if b"transfer-encoding" in names and (b"content-length" in names or request.http_version != b"1.1"):
        raise h11.RemoteProtocolError("Transfer-Encoding beside Content-Length, or in HTTP/1.0")
    if request.http_version not in {b"1.0", b"1.1"}:
        raise h11.RemoteProtocolError("This is neither HTTP/1.0 nor HTTP/1.1")


class GuardedProtocol(H11Protocol):
    """One connection; `protocol_of` says whose watch it is under."""

    guard: ClassVar[ConnectionGuard]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn = StrictConnection(h11.SERVER, MAX_HEAD_BYTES)
        self.requests = 0  # that were answered

    # ── what asyncio says ────────────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        transport.max_size = READ_BYTES  # type: ignore[attr-defined]  # of asyncio's sockets; 256 KiB otherwise
        super().connection_made(transport)
        if not self.guard.admit(self):
            transport.write(FULL)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.guard.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.waiting is Waiting.SILENT and self.requests:
            self.guard.begin(self)
        # In pieces, because h11 takes a head of any size that is complete when it looks.
        for start in range(0, len(data), MAX_HEAD_BYTES):
            if not self.transport.is_closing():
                super().data_received(data[start : start + MAX_HEAD_BYTES])
        self.guard.note(self)

    def resume_writing(self) -> None:
        low, high = self.transport.get_write_buffer_limits()
        self.guard.read(self, high - low)
        super().resume_writing()

    # ── what uvicorn says ────────────────────────────────────────────────────────────────────────────────────────────

    def on_response_complete(self) -> None:
        self.requests += 1
        self.guard.begin(self)
        super().on_response_complete()
        self.guard.note(self)

    def send_400_response(self, msg: str) -> None:
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            super().send_400_response(msg)
        else:  # an answer has begun, and cannot become another
            self.transport.close()
        if not getattr(self.cycle, "response_complete", True):
            self.cycle.disconnected = True  # the application's answer would come behind this one
            self.cycle.message_event.set()

    # ── what the guard asks ──────────────────────────────────────────────────────────────────────────────────────────

    @property
    def waiting(self) -> Waiting:
        if self.transport.is_closing():
            return Waiting.CLOSING
        if not getattr(self.cycle, "response_complete", True):  # None before the first request
            return Waiting.ANSWER
        if self.conn.their_state is h11.SEND_BODY:
            return Waiting.REST
        return Waiting.HEAD if self.conn.trailing_data[0] else Waiting.SILENT

    @property
    def unsent(self) -> int:
        return self.transport.get_write_buffer_size()

    @property
    def blocked(self) -> bool:
        return self.flow.write_paused

    def end(self) -> None:
        if self.waiting is Waiting.HEAD and not self.unsent:
            self.transport.write(SLOW)
        self.transport.close()
        if self.unsent:
            self.transport.abort()


def protocol_of(guard: ConnectionGuard) -> type[H11Protocol]:
    """Make the class of protocols that `guard` watches over, as uvicorn wants it."""
    return type("ProtocolOfGuard", (GuardedProtocol,), {"guard": guard})
