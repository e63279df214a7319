"""
A TCP proxy on loopback that misbehaves on demand: it cuts, resets or holds up a connection after so many bytes.

Each connection takes the next fault from `faults`, or none if the list is used up. Bytes are counted per connection
and direction, HTTP headers included.
"""

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Self

BLOCK = 16 * 1024


class How(Enum):
    """What happens when the bytes have passed."""

    RESET = "reset"  # RST: the peer's next read fails
    TRUNCATE = "truncate"  # FIN: the peer believes that this was all
    STALL = "stall"  # nothing more comes until `release`


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to a connection after `after` bytes of the answers (or of the requests)."""

    how: How
    after: int
    requests: bool = False


class FlakyProxy:
    """Use as ``async with FlakyProxy(host, port) as proxy``; clients connect to `proxy.address`."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self._released = asyncio.Event()
        self._moving = asyncio.Event()
        self._moving.set()
        self.faults: list[Fault] = []
        self.hit: list[Fault] = []  # those that did their harm
        self.harmed = asyncio.Event()
        self.accepted = 0  # connections, so far

    @property
    def address(self) -> str:
        """``host:port``."""
        if self._server is None:
            raise RuntimeError("the proxy is not running")
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    def release(self) -> None:
        """Let everything pass that is held up."""
        self._released.set()

    def hold(self) -> None:
        """From now on, nothing moves on any connection, old or new: a service that hangs."""
        self._moving.clear()

    def move(self) -> None:
        """Let everything go on."""
        self._moving.set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections)
        for writer in self._writers:  # one that was closed with bytes to send stays open until these have gone
            with contextlib.suppress(AttributeError):  # of asyncio, if it has closed itself meanwhile
                writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._connections.add(task)
        self._writers.append(writer)
        self.accepted += 1
        task.add_done_callback(self._connections.discard)
        fault = self.faults.pop(0) if self.faults else None
        with contextlib.suppress(OSError, asyncio.CancelledError):
            try:
                there = await asyncio.open_connection(*self._target)
            except BaseException:
                _hang_up(writer, reset=True)
                raise
            self._writers.append(there[1])
            await self._carry((reader, writer), there, fault)

    async def _carry(
        self,
        here: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        there: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        fault: Fault | None,
    ) -> None:
        """Carry bytes both ways until one side has ended, then hang up on both."""
        there_fault = fault if fault and fault.requests else None
        here_fault = fault if fault and not fault.requests else None
        pumps = {
            asyncio.create_task(self._pump(here[0], there[1], there_fault)),
            asyncio.create_task(self._pump(there[0], here[1], here_fault)),
        }
        reset = False
        try:
            done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            reset = any(pump.result() is How.RESET for pump in done)
        finally:
            for pump in pumps:
                pump.cancel()
            _hang_up(here[1], reset=reset)
            _hang_up(there[1], reset=reset)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, fault: Fault | None) -> How | None:
        """Carry bytes one way until the end, or until the fault strikes."""
        left = fault.after if fault else 0
        try:
            while block := await source.read(BLOCK):
                await self._moving.wait()
                if fault is not None and len(block) >= left:
                    sink.write(block[:left])
                    await sink.drain()
                    self.hit.append(fault)
                    self.harmed.set()
                    if fault.how is not How.STALL:
                        return fault.how
                    await self._released.wait()
                    block, fault = block[left:], None
                left -= len(block)
                sink.write(block)
                await sink.drain()
        except OSError:
            return How.RESET
        return None


def _hang_up(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    raw = writer.get_extra_info("socket")
    if reset and raw is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    else:
        writer.close()
