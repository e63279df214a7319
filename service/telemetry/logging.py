"""
Emitting events: to the log, and to every subscriber in this process.

Context (request, tenant, job, attempt) is bound once with `log_context` and travels with the task; threads are started
with a copy of it. It is one variable: structlog's own has one for each name, and goes through all variables of a task
to begin anew, which every poll would pay for twice. Each line is cut to a length that can be read (`limits`), and loses
what looks like a secret (`redaction`). A subscriber is called for every event whatever the level of the log, so metrics
do not depend on it.
"""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from types import MappingProxyType
from typing import Any, TextIO

import structlog

from service.telemetry import tracing
from service.telemetry.embedded_metrics import MetricsInLines
from service.telemetry.events import Event
from service.telemetry.limits import TRACE, shorten
from service.telemetry.redaction import redact

NOTHING: Mapping[str, object] = MappingProxyType({})
Subscriber = Callable[[Event, Mapping[str, object]], None]
"""Called with every event, on the thread that emits it. It must be quick, and must not raise."""

_subscribers: list[tuple[Subscriber, frozenset[Event] | None]] = []  # with the events that it wants; None: all
# The logger that `configure_logging` has made, as long as it is in force: to make one costs ten times a line below the
# level, of which there are several to each poll.
_bound: dict[object, Any] = {}
_context: ContextVar[Mapping[str, object]] = ContextVar("context", default=NOTHING)  # never changed, but replaced
_request: ContextVar[dict[str, object] | None] = ContextVar("request", default=None)
_process: dict[str, object] = {}  # what every line of this process has, on whatever thread it is emitted


def emit(event: Event, /, **fields: object) -> None:
    """Log `event`; cheap when its level is not wanted."""
    for subscriber, only in tuple(_subscribers):
        if only is None or event in only:
            subscriber(event, fields)
    logger = _bound.get(structlog.get_config()["logger_factory"]) or structlog.get_logger()
    logger.log(event.level, event.name, **fields)


def wanted(event: Event) -> bool:
    """Tell whether anything would come of `event` now: code that has to gather its fields asks before."""
    for _, only in _subscribers:  # no `any`: this is asked several times for each request
        if only is None or event in only:
            return True
    logger = _bound.get(structlog.get_config()["logger_factory"])
    return logger is None or bool(logger.is_enabled_for(event.level))


def identify(instance: str) -> None:
    """Put the name of this instance on every line from now on."""
    _process["instance"] = instance


@contextmanager
def subscribe(subscriber: Subscriber, only: Iterable[Event] | None = None) -> Iterator[None]:
    """Call `subscriber` with every event of this process during this block, or `only` with these."""
    entry = subscriber, None if only is None else frozenset(only)
    _subscribers.append(entry)
    try:
        yield
    finally:
        _subscribers.remove(entry)


@contextmanager
def log_context(**context: object) -> Iterator[None]:
    """Add `context` to every event of this block, and of tasks that are started in it."""
    before = _context.get()
    _context.set({**before, **context})
    try:
        yield
    finally:
        _context.set(before)


class request_context:  # noqa: N801  # a class, as a generator would take twice as long
    """
    Begin the context of a request anew, for this block; yields what `note_request` adds meanwhile.

    What is bound already is another request's of the same connection, whose context its callbacks may still run in.
    """

    __slots__ = ("_before", "_id")
    _before: Token[dict[str, object] | None]

    def __init__(self, request_id: str) -> None:
        self._id = request_id

    def __enter__(self) -> Mapping[str, object]:
        facts: dict[str, object] = {}
        _context.set({"request_id": self._id})
        self._before = _request.set(facts)
        return facts

    def __exit__(self, *_: object) -> None:
        _context.set(NOTHING)
        _request.reset(self._before)


def context() -> Mapping[str, object]:
    """Return what is bound at the moment."""
    return _context.get()


def bind_tenant(tenant: str) -> None:
    """Add the tenant to every event of this request from now on; an open service has one without a name."""
    if tenant:
        _context.set({**_context.get(), "tenant": tenant})


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
            add_context,
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


def add_context(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add what `identify` was given, what is bound, and the ids of the span around this line, if it is traced."""
    return {**_process, **_context.get(), **event, **tracing.ids()}


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
