"""
`/metrics`: serves what `service.telemetry.metrics` counts, and measures requests.

The gauges are read at each scrape, from what `/v1/status` reads too.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus

from litestar import Litestar, Response, Router, get
from litestar.di import NamedDependency, Provide
from litestar.enums import ScopeType
from litestar.params import SkipValidation
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from service.application.admission import Admission, Counts
from service.application.context import ServiceContext
from service.ports.time import Clock
from service.telemetry.metrics import (
    CONTENT_TYPE_LATEST,
    EventMetrics,
    Readings,
    RequestFamilies,
)
from service.web.http.authentication import Guard
from service.web.http.responses import documented

QUEUE_COUNT_TTL = 5.0  # seconds for which a count of the queue is shown: scraping must not become a load on the store
QUEUE_COUNT_TIMEOUT = 2.0  # seconds for which a scrape waits for that count
UNKNOWN = Counts(queued=None, running=None, elsewhere=None)


class Metrics:
    """
    Those of one application.

    `receives_uploads` is False for an application without uploads, whose metrics leave them out.
    """

    def __init__(self, context: ServiceContext, admission: Admission, *, receives_uploads: bool = True) -> None:
        self._context, self._admission = context, admission
        self._receives_uploads = receives_uploads
        self._events = EventMetrics()
        self.http = RequestMetrics(RequestFamilies(self._events.registry), context.clock)
        self._counts, self._until = UNKNOWN, -math.inf

    async def document(self) -> bytes:
        """Everything as it is now, in the text format."""
        return self._events.document(self._readings(await self._queue()))

    @asynccontextmanager
    async def lifespan(self, _: Litestar) -> AsyncIterator[None]:
        """Count for as long as the application answers."""
        with self._events.counting():
            yield

    def _readings(self, counts: Counts) -> Readings:
        context, config, receives = self._context, self._context.config, self._receives_uploads
        return Readings(
            version=config.version,
            circuits=context.circuits(),
            redis_degraded=context.board.degraded,
            confined={} if context.confined is None else context.confined.by,
            worker=context.worker_status(),
            load=self._admission.load(),
            uploads=self._admission.uploads if receives else None,
            max_uploads=config.max_uploads if receives else None,
            queued=counts.queued,
            running=counts.running,
            max_queued=config.max_queued,
        )

    async def _queue(self) -> Counts:
        clock = self._context.clock
        if clock.monotonic() >= self._until:
            self._counts, self._until = UNKNOWN, clock.monotonic() + QUEUE_COUNT_TTL
            try:
                async with asyncio.timeout(QUEUE_COUNT_TIMEOUT):
                    self._counts = await self._admission.counts()
            except TimeoutError:
                pass  # what is not known is left out
        return self._counts


# ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────


class RequestMetrics:
    """
    Measures requests by the template of their route, because an id must never become a label.

    As litestar's own middleware does, at a fifth of what that costs: a poll is asked for every second.
    """

    def __init__(self, families: RequestFamilies, clock: Clock) -> None:
        self._families, self._clock = families, clock

    def middleware(self, app: ASGIApp) -> ASGIApp:
        """Wrap an application, or a part of it, whose route is known."""
        families, now = self._families, self._clock.monotonic

        async def measured(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != ScopeType.HTTP:
                await app(scope, receive, send)
                return
            method, path, status, began = scope["method"], scope["path_template"], int(HTTPStatus.OK), now()
            ended = began

            async def sending(message: Message) -> None:
                nonlocal status, ended
                if message["type"] == "http.response.start":
                    status = message["status"]
                else:
                    ended = now()
                await send(message)

            families.begun(method, path)
            try:
                await app(scope, receive, sending)
            finally:
                families.ended(method, path, status, ended - began)

        return measured


# ── the address ──────────────────────────────────────────────────────────────────────────────────────────────────


@get(
    "/",
    operation_id="getMetrics",
    summary="What happened and how things are, for Prometheus",
    tags=["health"],
    media_type="text/plain",
    responses=documented(),
)
async def show(metrics: NamedDependency[SkipValidation[Metrics]]) -> Response[bytes]:
    """Counters since this process began, and readings of this moment."""
    return Response(await metrics.document(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def metrics_route(metrics: Metrics, guards: Sequence[Guard], security: list[dict[str, list[str]]] | None) -> Router:
    """Make the route `/metrics` for callers that the guards let in."""
    provide = {"metrics": Provide(lambda: metrics, sync_to_thread=False)}
    return Router("/metrics", route_handlers=[show], dependencies=provide, guards=list(guards), security=security)
