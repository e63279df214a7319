"""
What happens around every request, known address or not: its id, its log line, security headers, draining the body.

This wraps the whole application, because litestar runs middleware only for addresses that it knows.

A request may be answered before its body was read (413, 415, 404 …). Closing the connection at once would make the
operating system throw a reset after the answer, and the client, still sending, would never see why. So the answer is
followed by a short, bounded time of reading and dropping, and only then the connection is closed.
"""

import asyncio
import re
from collections.abc import Mapping
from http import HTTPStatus

from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.exceptions import LitestarException
from litestar.types import (
    ASGIApp,
    HTTPReceiveMessage,
    HTTPRequestEvent,
    HTTPResponseStartEvent,
    Message,
    Receive,
    Scope,
    Send,
)

from service.core.errors import BodyTooSlow, StoreError
from service.core.limits.pace import Pace
from service.ports.time import Clock, Ids
from service.telemetry import emit, events, request_context, wanted
from service.web.http.config import WebConfig
from service.web.http.problems import malformed_host

LINGER_SECONDS = 2.0
LINGERERS = 64  # connections that are drained at once; a flood of refused bodies is closed without
LATE = 2.0  # seconds by which an alarm may be late before it says that this process stood still, not the client
POLLED = frozenset({"/v1/jobs/{job_id}", "/v1/jobs/{job_id}/progress"})
SMALL_BODY = 64 * 1024  # a body up to this size is not worth a closed connection: the server reads it anyway

HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)  # each unless the answer has its own

# RFC 3986, 3.2.2. Empty where there is none, as in HTTP/1.0.
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::([0-9]{0,6}))?")
MAX_PORT = 65535
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")


class RequestMiddleware:
    """ASGI middleware: everything that is the same for all requests."""

    def __init__(
        self, app: ASGIApp, clock: Clock, ids: Ids, methods: Mapping[str, str], config: WebConfig | None = None
    ) -> None:
        """`methods`: of each path template, as ``Allow`` wants them."""
        self.app = app
        self.config = config or WebConfig()
        self.methods = methods
        self.lingering = 0
        self.clock = clock
        self.ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        request_id = request_id_in(scope) or self.ids.new()
        exchange = HttpExchange(scope, receive, send, self, request_id)
        with request_context(exchange.request_id) as facts:
            try:
                app = self.app if names_host(header(scope, b"host")) else malformed_host
                await app(scope, exchange.receive, exchange.send)
            except Exception as error:  # noqa: BLE001  # nothing further out logs it
                # The answer has begun, so no other can be given: the server closes the connection when we return.
                if not broken_store(error):
                    emit(events.UNEXPECTED, where="answer", exc_info=error)
            finally:
                exchange.log(facts)


class HttpExchange:
    """One request and its answer: passes both on, drains the body of the first, and logs the two as one line."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, around: RequestMiddleware, request_id: str) -> None:
        self.scope = scope
        self._around = around
        self.request_id = request_id
        self.status = 0  # of the answer; 0: the client was gone before there was one
        self._receive = receive
        self._send = send
        self._clock = around.clock
        self._began = around.clock.monotonic()
        self._pace = Pace(around.config.min_body_rate, around.config.body_grace)
        self._whole = False  # the body has come to its end
        self._sending = announced_body(scope)  # whether the client may still be sending
        self._asked = False
        scope["state"]["request_id"] = request_id

    async def receive(self) -> HTTPRequestEvent:
        """Pass on what arrives, and notice when it was all. Raises `BodyTooSlow`."""
        self._asked = True
        message = await (self._receive() if self._whole else self._in_time())
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self._sending = False
            self._whole = True
        return message  # type: ignore[return-value]  # of whichever kind

    async def _in_time(self) -> HTTPReceiveMessage:
        """
        Wait for the next piece of the body, as long as its pace allows.

        Only the time counts in which the application waits for the client: what it needs itself, or an object store
        that is slow, is not the client's fault.
        """
        while True:
            began, patience = self._clock.monotonic(), self._pace.left
            try:
                async with asyncio.timeout(patience):
                    message = await self._receive()
            except TimeoutError:
                if self._clock.monotonic() - began > patience + LATE:
                    continue  # what has arrived meanwhile was not looked at yet
                self._whole = True  # nothing more of it is waited for
                if self.status:
                    return {"type": "http.disconnect"}
                self._sending = True  # so the answer says that the connection ends
                raise BodyTooSlow from None
            size = len(message["body"]) if message["type"] == "http.request" else 0
            self._pace.moved(size, self._clock.monotonic() - began)
            return message  # type: ignore[return-value]  # of HTTP, as this scope is

    async def send(self, message: Message) -> None:
        """Pass on the answer, with our headers, and wait for the client where it is still sending."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._complete(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False) and self._sending:
            await self._send({"type": "http.response.body", "body": message.get("body", b""), "more_body": True})
            await self._linger()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    def _complete(self, start: HTTPResponseStartEvent) -> None:
        """Add our headers. A poll, which is asked for so often, needs no more than the first lines of it."""
        there = {name.lower() for name, _ in start["headers"]}
        ours = [pair for pair in HEADERS if pair[0] not in there]
        start["headers"] = [*start["headers"], *ours, (b"x-request-id", self.request_id.encode("ascii"))]
        if self._sending:
            MutableScopeHeaders.from_message(start)["Connection"] = "close"
        if b"allow" in there:  # litestar's comes out of a set: its order is another in each process
            headers = MutableScopeHeaders.from_message(start)
            known = self._around.methods.get(self.scope.get("path_template", ""))
            headers["Allow"] = known or ", ".join(sorted(method.strip() for method in headers["Allow"].split(",")))

    def log(self, facts: Mapping[str, object]) -> None:
        """Log one line for the whole exchange, with the `facts` of its file; probes are of no interest by default."""
        path = self.scope["path"]
        probe = path.startswith("/health/") or (path == "/metrics" and self.status == HTTPStatus.OK)
        event = events.PROBE_DONE if probe else events.REQUEST_POLLED if self._polled() else events.REQUEST_DONE
        if not wanted(event):
            return
        more = dict(facts)
        if tenant := self.scope["state"].get("tenant"):
            more["tenant"] = tenant
        if problem := self.scope["state"].get("problem"):
            more["code"] = problem
        seconds = round(self._clock.monotonic() - self._began, 4)
        emit(
            event,
            method=self.scope.get("method"),
            path=path,
            status=self.status,
            seconds=seconds,
            **more,
        )

    def _polled(self) -> bool:
        """Tell whether a client has looked how far its job is, and was told: it does so about once a second."""
        template = self.scope.get("path_template", "")
        return self.scope.get("method") == "GET" and template in POLLED and self.status < HTTPStatus.BAD_REQUEST

    async def _linger(self) -> None:
        if not self._asked and header(self.scope, b"expect"):
            return  # it waits for our word before it sends anything, and has just got it
        if self._around.lingering >= LINGERERS:
            return
        self._around.lingering += 1
        drop = asyncio.ensure_future(self._drop())
        timer = asyncio.ensure_future(self._clock.sleep(LINGER_SECONDS))
        try:
            await asyncio.wait({drop, timer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (drop, timer):
                task.cancel()
            await asyncio.gather(drop, timer, return_exceptions=True)
            self._around.lingering -= 1

    async def _drop(self) -> None:
        while self._sending:
            await self.receive()


def broken_store(error: Exception) -> bool:
    """Tell whether a backing service broke in the middle of an answer, which was logged already."""
    cause: BaseException = error
    while isinstance(cause, LitestarException) and cause.__cause__ is not None:
        cause = cause.__cause__  # litestar wraps what comes after the start of an answer, more than once
    return isinstance(cause, StoreError) or (isinstance(cause, ExceptionGroup) and cause.split(StoreError)[1] is None)


def header(scope: Scope, name: bytes) -> bytes:
    """Return a header of the request as it came; empty if it did not."""
    for key, value in scope["headers"]:  # in small letters, as ASGI has them; a generator would take twice as long
        if key == name:
            return value
    return b""


def names_host(value: bytes) -> bool:
    """Tell whether a ``Host`` is one: what else it may be makes no address, which litestar wants of every request."""
    found = _HOST.fullmatch(value)
    return found is not None and int(found[1] or 0) <= MAX_PORT


def request_id_in(scope: Scope) -> str | None:
    """Return the id that the client gave its request, if it can be written to a log and a header."""
    given = header(scope, b"x-request-id")
    return given.decode("ascii") if _REQUEST_ID.fullmatch(given) else None


def announced_body(scope: Scope) -> bool:
    """
    Tell whether a body that has to be drained is on its way: of unknown length, or large.

    Or any body at all, where the connection ends with the answer because the client wants it so. A proxy that keeps no
    connections (nginx, by default) asks for that, and turns a reset while it still sends into a 502.
    """
    length = header(scope, b"content-length")
    minded = 0 if ends_with_the_answer(scope) else SMALL_BODY
    return bool(header(scope, b"transfer-encoding")) or (length.isdigit() and int(length) > minded)


def ends_with_the_answer(scope: Scope) -> bool:
    """Tell whether the server will close the connection, as the client asked: uvicorn keeps none of HTTP/1.0."""
    wishes = {wish.strip().lower() for wish in header(scope, b"connection").split(b",")}
    return b"close" in wishes or scope.get("http_version") == "1.0"
