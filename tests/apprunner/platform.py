"""
App Runner as the service has to expect it, in front of containers of the image.

=====================================  =========================================================================
what it does here                      what stands behind it
=====================================  =========================================================================
a request is cut after `limit`         "a total of 120 seconds … including the body" (developer guide); scaled down
a container without a request in       "you pay for CPU usage of only the active subset" (API reference of MinSize);
flight is frozen (cgroup freezer)      users report throttled or stopped background work; a freeze is the worst case
a deployment starts new containers,    "temporarily doubles the number of provisioned instances"; a stop time cannot
turns to them, and kills the old ones  be set and none is documented, so there is SIGKILL, in the middle of requests
with SIGKILL
429 while every container has as many  "MaxConcurrency", and users' reports; one more container is started then
requests as it may
HTTP/1.1 to the container, no          developer guide
WebSockets
=====================================  =========================================================================

Requests go round the containers that have room. A request that cannot be brought to its end is answered with 504 (too
late) or 502 (its container is gone) if nothing was answered yet, and otherwise its connection is cut.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
import uvicorn

from tests.support.cluster import pause
from tests.support.image import Container, docker

T = TypeVar("T")
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Start = Callable[[], Container]
OF_THE_HOP = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"host"})
PATIENCE = 60.0  # seconds for a container to start


class Cut(Exception):
    """The connection to the client ends here, in the middle of an answer."""


@dataclass(eq=False)
class Instance:
    """A container, frozen whenever it has no request."""

    container: Container
    address: str
    in_flight: int = 0
    frozen: bool = False
    gone: bool = False
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def enter(self) -> None:
        """One more request: it has a processor from here on."""
        self.in_flight += 1
        async with self._turn:
            if self.frozen:
                await _docker("unpause", self.container.name)
                self.frozen = False

    async def leave(self) -> None:
        """One request less; after the last one the processor is taken away."""
        self.in_flight -= 1
        async with self._turn:
            if not (self.in_flight or self.frozen or self.gone):
                await _docker("pause", self.container.name)
                self.frozen = True

    async def kill(self) -> None:
        """SIGKILL, whatever it is doing."""
        async with self._turn:
            self.gone = True
            await _docker("kill", self.container.name)


@dataclass
class AppRunner:
    """The platform: an ASGI application that hands requests on, and the containers behind it."""

    start: Start  # starts one more container; blocks
    limit: float  # seconds that a request may take in all
    concurrency: int = 100  # requests that a container may have at once
    most: int = 3  # containers
    instances: list[Instance] = field(default_factory=list)  # those that requests go to
    turned_away: int = 0  # requests answered with 429
    cut: int = 0  # requests that took too long
    address: str = ""
    _loop: asyncio.AbstractEventLoop | None = None
    _scaling: asyncio.Task[None] | None = None
    _turn: int = 0

    # ── what a test does ─────────────────────────────────────────────────────────────────────────────────────────

    def deploy(self, count: int = 1, *, start: Start | None = None) -> None:
        """Replace all containers by `count` new ones: the old are killed when the new ones answer."""
        self.start = start or self.start
        self._do(self._deploy(count))

    def calm(self) -> bool:
        """Whether no request is in flight and every container is frozen."""
        return all(each.frozen and not each.in_flight for each in self.instances)

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            raise RuntimeError("the platform does not run")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    # ── containers ───────────────────────────────────────────────────────────────────────────────────────────────

    async def _deploy(self, count: int) -> None:
        new = await asyncio.gather(*(self._started() for _ in range(count)))
        old, self.instances = self.instances, list(new)
        await asyncio.gather(*(each.kill() for each in old))

    async def _started(self) -> Instance:
        """One more container, which has passed its health check, and has no processor until there is a request."""
        container = await asyncio.to_thread(self.start)
        instance = Instance(container, await asyncio.to_thread(lambda: container.address))
        async with asyncio.timeout(PATIENCE), httpx.AsyncClient() as http:
            await instance.enter()
            while not await _healthy(http, instance.address):
                await asyncio.to_thread(pause, 0.1)
            await instance.leave()
        return instance

    async def _scale(self) -> None:
        self.instances.append(await self._started())

    def _with_room(self) -> Instance | None:
        self._turn += 1
        for number in range(len(self.instances)):
            instance = self.instances[(self._turn + number) % len(self.instances)]
            if instance.in_flight < self.concurrency:
                return instance
        return None

    # ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Hand one request on."""
        instance = self._with_room()
        if instance is None:
            self.turned_away += 1
            if (self._scaling is None or self._scaling.done()) and len(self.instances) < self.most:
                self._scaling = asyncio.create_task(self._scale())
            await _answer(send, 429)
            return
        passage = Passage(scope, receive, send)
        try:
            async with asyncio.timeout(self.limit):
                await instance.enter()
                await passage.through(instance.address)
        except TimeoutError:
            self.cut += 1
            await passage.broken(504)
        except httpx.TransportError:
            await passage.broken(502)
        finally:
            await asyncio.shield(instance.leave())


@dataclass
class Passage:
    """One request and its answer, on their way."""

    scope: Message
    receive: Receive
    send: Send
    begun: bool = False  # the answer
    _sent: asyncio.Event = field(default_factory=asyncio.Event)

    async def through(self, address: str) -> None:
        """To the container and back; ends early, without an error, if the client goes away."""
        handing = asyncio.ensure_future(self._hand_on(address))
        watching = asyncio.ensure_future(self._client_is_gone())
        try:
            await asyncio.wait({handing, watching}, return_when=asyncio.FIRST_COMPLETED)
            if handing.done():
                handing.result()
        finally:
            for task in (handing, watching):
                task.cancel()
            await asyncio.gather(handing, watching, return_exceptions=True)

    async def broken(self, status: int) -> None:
        """It comes to no good end: say so, or cut the connection if something else has been said already."""
        if self.begun:
            raise Cut
        await _answer(self.send, status)

    async def _hand_on(self, address: str) -> None:
        query = self.scope["query_string"].decode()
        path = self.scope["raw_path"].decode() + (f"?{query}" if query else "")
        headers = [(name, value) for name, value in self.scope["headers"] if name not in OF_THE_HOP]
        body = self._body() if self._has_body() else None
        if body is None:
            self._sent.set()
        async with (
            httpx.AsyncClient(timeout=None) as http,  # the platform's own limit is the limit
            http.stream(self.scope["method"], address + path, headers=headers, content=body) as answer,
        ):
            passed = [(name.lower(), value) for name, value in answer.headers.raw if name.lower() not in OF_THE_HOP]
            self.begun = True
            await self.send({"type": "http.response.start", "status": answer.status_code, "headers": passed})
            async for chunk in answer.aiter_raw():
                await self.send({"type": "http.response.body", "body": chunk, "more_body": True})
            await self.send({"type": "http.response.body", "body": b""})

    def _has_body(self) -> bool:
        return any(name in {b"content-length", b"transfer-encoding"} for name, _ in self.scope["headers"])

    async def _body(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise httpx.ReadError("the client is gone")
            more = bool(message.get("more_body"))
            yield message.get("body", b"")
        self._sent.set()

    async def _client_is_gone(self) -> None:
        await self._sent.wait()
        while (await self.receive())["type"] != "http.disconnect":
            pass


@contextmanager
def running(platform: AppRunner, instances: int = 1) -> Iterator[AppRunner]:
    """Serve the platform on a free port, with so many containers that have passed their health check."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(platform, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    started = threading.Event()

    async def serve() -> None:
        platform._loop = asyncio.get_running_loop()
        started.set()
        await server.serve(sockets=[listener])

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    started.wait()
    try:
        platform.address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        platform.deploy(instances)
        yield platform
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        listener.close()


async def _healthy(http: httpx.AsyncClient, address: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return (await http.get(f"{address}/health/live", timeout=5)).is_success
    return False


async def _answer(send: Send, status: int) -> None:
    headers = [(b"content-length", b"0"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _docker(verb: str, name: str) -> None:
    """One with many threads may take several tries to freeze."""
    said = ""
    for _ in range(20):
        try:
            await asyncio.to_thread(docker, verb, name)
        except AssertionError as error:
            said = str(error)
            if verb == "kill" or "is not running" in said or "No such container" in said:
                return
        else:
            return
    raise AssertionError(said)
