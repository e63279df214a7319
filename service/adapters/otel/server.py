"""Spans of requests, around the whole application: named by route, without what is asked every few seconds."""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.trace import TracerProvider

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

OUTSIDE = Context()  # of every span, so that calls to AWS are not traced either
UNTRACED = re.compile(r"/health/.*|/metrics|/v1/jobs/[^/]+/progress")


def traced(app: App, provider: TracerProvider) -> App:
    """Return an ASGI application with a span around each request; its parent is the span that the caller names."""

    async def named(scope: Message, receive: Receive, send: Send) -> None:
        span = trace.get_current_span()

        async def begin(message: Message) -> None:
            # By now the route is known, and the span not ended yet, as it is with the last byte of the answer.
            if message["type"] == "http.response.start":
                route = scope.get("path_template") or "unknown"
                span.update_name(f"{scope['method']} {route}")
                span.set_attribute("http.route", route)
            await send(message)

        await app(scope, receive, begin if span.is_recording() else send)

    inner = OpenTelemetryMiddleware(
        named,
        default_span_details=_details,
        exclude_spans=["receive", "send"],  # one for each piece of a body
        tracer_provider=provider,
    )

    async def outermost(scope: Message, receive: Receive, send: Send) -> None:
        around = app if UNTRACED.fullmatch(scope.get("path", "")) else inner
        if not get_current():
            await around(scope, receive, send)
            return
        # A request that made uvicorn pause and resume reading leaves its context to the next one of the connection:
        # asyncio runs a reader's callbacks in the context in which the reader was added.
        token = attach(OUTSIDE)
        try:
            await around(scope, receive, send)
        finally:
            detach(token)

    return outermost


def _details(scope: Message) -> tuple[str, dict[str, Any]]:
    """Before routing only the method is known."""
    return str(scope.get("method", "HTTP")), {}
