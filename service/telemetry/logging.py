"""
Emitting events: to the log, and to every subscriber in this process.

Context (request, tenant, job, attempt) is bound once with `log_context` and travels with the task; threads are started
with a copy of it. Each line is cut to a length that can be read (`limits`), and loses what looks like a secret
(`redaction`). A subscriber is called for every event whatever the level of the log, so metrics do not depend on it.
"""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TextIO

import structlog

from service.telemetry import tracing
from service.telemetry.embedded_metrics import MetricsInLines
from service.telemetry.events import Event
from service.telemetry.limits import TRACE, shorten
from service.telemetry.redaction import redact

Subscriber = Callable[[Event, Mapping[str, object]], None]
"""Called with every event, on the thread that emits it. It must be quick, and must not raise."""

_subscribers: list[Subscriber] = []
# The logger that `configure_logging` has made, as long as it is in force: to make one costs ten times a line below the
# level, of which there are several to each poll.
_bound: dict[object, Any] = {}
_request: ContextVar[dict[str, object] | None] = ContextVar("request", default=None)
_process: dict[str, object] = {}  # what every line of this process has, on whatever thread it is emitted


def emit(event: Event, /, **fields: object) -> None:
    """Log `event`; cheap when its level is not wanted."""
    for subscriber in tuple(_subscribers):
        subscriber(event, fields)
    logger = _bound.get(structlog.get_config()["logger_factory"]) or structlog.get_logger()
    logger.log(event.level, event.name, **fields)


def identify(instance: str) -> None:
    """Put the name of this instance on every line from now on."""
    _process["instance"] = instance


@contextmanager
def subscribe(subscriber: Subscriber) -> Iterator[None]:
    """Call `subscriber` with every event of this process during this block."""
    _subscribers.append(subscriber)
    try:
        yield
    finally:
        _subscribers.remove(subscriber)


@contextmanager
def log_context(**context: object) -> Iterator[None]:
    """Add `context` to every event of this block, and of tasks that are started in it."""
    with structlog.contextvars.bound_contextvars(**context):
        yield


@contextmanager
def request_context(request_id: str) -> Iterator[Mapping[str, object]]:
    """
    Begin the context of a request anew, for this block; yields what `note_request` adds meanwhile.

    What is bound already is another request's of the same connection, whose context its callbacks may still run in.
    """
    structlog.contextvars.clear_contextvars()
    facts: dict[str, object] = {}
    token = _request.set(facts)
    try:
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            yield facts
    finally:
        structlog.contextvars.clear_contextvars()
        _request.reset(token)


def bind_tenant(tenant: str) -> None:
    """Add the tenant to every event of this request from now on; an open service has one without a name."""
    if tenant:
        structlog.contextvars.bind_contextvars(tenant=tenant)


def note_request(**facts: object) -> None:
    """Say more in the line of the request that is being answered, if there is one."""
    if (noted := _request.get()) is not None:
        noted.update(facts)


def configure_logging(*, level: str, form: str, stream: TextIO = sys.stderr, namespace: str | None = None) -> None:
    """
    Choose once how events are written: `form` is ``json`` or ``text`` (for people), `level` a name of `logging`.

    With a `namespace` of CloudWatch, the lines of JSON carry its metrics.
    """
    tail: list[structlog.typing.Processor] = [structlog.processors.JSONRenderer(default=str)]
    if form == "json" and namespace:
        tail.insert(0, MetricsInLines(namespace))
    if form != "json":
        # The traceback is text by now; the renderer's own would show local variables, which hold what clients sent.
        plain = structlog.dev.plain_traceback
        renderer = structlog.dev.ConsoleRenderer(colors=stream.isatty(), pad_event_to=24, exception_formatter=plain)
        tail = [escape_controls, renderer]
    factory = structlog.PrintLoggerFactory(stream)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            add_identity,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            hide_queries,
            shorten,
            *tail,
            hide_secrets,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=factory,
        cache_logger_on_first_use=False,
    )
    _bound.clear()
    _bound[factory] = structlog.get_logger().bind()


def add_identity(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add what `identify` was given, and the ids of the span around this line, if it is traced."""
    return {**_process, **event, **tracing.ids()}


def hide_secrets(_: object, __: str, line: Any) -> str:
    """Redact the finished line."""
    return redact(str(line))


def hide_queries(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Cut the query string of every field that is named ``url`` or ends in ``_url``."""
    for name, value in event.items():
        if (name == "url" or name.endswith("_url")) and isinstance(value, str) and "?" in value:
            event[name] = value.split("?", 1)[0] + "?…"
    return event


def escape_controls(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """
    Escape what a terminal would obey, and what nobody sees in it, in every text of an event: control characters, marks
    of direction, lines of other alphabets, characters of no width, lone surrogates. Clients choose paths and names.

    The lines of a traceback stay lines, behind a mark, so that none of them can look like one of the log.
    """
    trace = event.pop(TRACE, None)
    escaped = {name: _harmless(value) for name, value in event.items()}
    if trace is not None:
        escaped[TRACE] = "\n".join(f"  | {_harmless(line)}" for line in str(trace).split("\n"))
    return escaped


def _harmless(value: object) -> Any:
    match value:
        case str() if not value.isprintable():
            return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in value)
        case list() | tuple():
            return [_harmless(one) for one in value]
        case dict():
            return {_harmless(name): _harmless(one) for name, one in value.items()}
    return value
