"""The application on a real server and real sockets, over fakes, with deadlines as a test wants them."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from service import settings
from service.adapters.system.ambient import SystemClock, SystemIds
from service.application.context import ServiceContext
from service.testing.memory_hints import MemoryBoard, MemoryWakeups
from service.testing.memory_jobs import MemoryJobs
from service.testing.memory_objects import MemoryObjects
from service.testing.sniffer import DirectSniffer
from service.web.app import create_app
from service.web.http.connections import ConnectionGuard, ConnectionLimits
from service.wiring.listening import Server, limits_of_connections
from service.wiring.serving import config_of_service, config_of_web

PATIENCE = 20.0  # seconds until a test that waits for a fact gives up


@dataclass
class Served:
    """A running server, and what is behind it."""

    port: int = 0
    jobs: MemoryJobs = field(default_factory=MemoryJobs)
    objects: MemoryObjects = field(default_factory=MemoryObjects)
    board: MemoryBoard = field(default_factory=MemoryBoard)
    guard: ConnectionGuard = field(default_factory=lambda: ConnectionGuard(ConnectionLimits()))

    async def exchange(self, request: bytes, more: bytes = b"", every: float = 0.1) -> bytes:
        """Send a request, then one byte of `more` after the other; returns what comes until the server ends it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        dripping = asyncio.create_task(self._drip(writer, more, every))
        heard = b""
        try:
            async with asyncio.timeout(PATIENCE):
                while some := await reader.read(65536):
                    heard += some
        except ConnectionResetError:  # the server has ended a connection on which bytes were still coming
            heard += b"reset"
        finally:
            dripping.cancel()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        return heard

    async def _drip(self, writer: asyncio.StreamWriter, more: bytes, every: float) -> None:
        for byte in more:
            await SystemClock().sleep(every)
            writer.write(bytes([byte]))


@contextlib.asynccontextmanager
async def served(environment: Mapping[str, str], behind: Served | None = None) -> AsyncIterator[Served]:
    """Serve, with these settings."""
    listener = socket.create_server(("127.0.0.1", 0))
    behind = behind or Served()
    behind.port = listener.getsockname()[1]
    given, clock = settings.read(environment), SystemClock()

    async def checks() -> dict[str, str]:
        return {}

    context = ServiceContext(
        config=config_of_service(given, "one"),
        jobs=behind.jobs,
        uploads=behind.jobs,
        objects=behind.objects,
        sniffer=DirectSniffer(),
        board=behind.board,
        wakeups=MemoryWakeups(clock),
        clock=clock,
        ids=SystemIds(),
        checks=checks,
    )
    behind.guard = ConnectionGuard(limits_of_connections(given))
    started = asyncio.Event()
    server = Server(create_app(context, config_of_web(given)), behind.guard, given, started.set)
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve(sockets=[listener]))
        watch = group.create_task(behind.guard.run(clock))
        await started.wait()
        try:
            yield behind
        finally:
            watch.cancel()
            server.should_exit = True
