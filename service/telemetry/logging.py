"""
Emitting events: to the log, and to every subscriber in this process.

Context (request, job, attempt, instance) is bound once with `log_context` and travels with the task. Fields named
``url`` lose their query string before they are written: a presigned signature is a secret. A subscriber is called for
every event whatever the level of the log, so metrics do not depend on it.
"""

import logging
import re
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, TextIO

import structlog

from service.telemetry.events import Event

# C0 without tab and line end, DEL, C1, the marks that reverse the direction of text, and lone surrogates.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

Subscriber = Callable[[Event, Mapping[str, object]], None]
"""Called with every event, on the thread that emits it. It must be quick, and must not raise."""

_subscribers: list[Subscriber] = []
_process: dict[str, object] = {}  # what every line of this process has, on whatever thread it is emitted


def emit(event: Event, /, **fields: object) -> None:
    """Log `event`; cheap when its level is not wanted."""
    for subscriber in tuple(_subscribers):
        subscriber(event, fields)
    structlog.get_logger().log(event.level, event.name, **fields)


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


def configure_logging(*, level: str, form: str, stream: TextIO = sys.stderr) -> None:
    """Choose once how events are written: `form` is ``json`` or ``text`` (for people), `level` a name of `logging`."""
    renderer: structlog.typing.Processor
    if form == "json":
        tail: list[structlog.typing.Processor] = [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str),
        ]
    else:
        renderer = structlog.dev.ConsoleRenderer(
            colors=stream.isatty(),
            pad_event_to=24,
            # The default shows local variables: slow, and they hold what clients sent.
            exception_formatter=structlog.dev.plain_traceback,
        )
        tail = [escape_controls, renderer]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            add_instance,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            hide_queries,
            *tail,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )


def add_instance(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add what `identify` was given."""
    return {**_process, **event}


def hide_queries(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Cut the query string of every field that is named ``url`` or ends in ``_url``."""
    for name, value in event.items():
        if (name == "url" or name.endswith("_url")) and isinstance(value, str) and "?" in value:
            event[name] = value.split("?", 1)[0] + "?…"
    return event


def escape_controls(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """
    Escape what a terminal would obey, in every text of an event: paths and names of files are as clients sent them.

    Line ends and tabs are quoted by the renderer; the traceback that it makes itself is not passed through here.
    """
    return {name: _harmless(value) for name, value in event.items()}


def _harmless(value: object) -> Any:
    match value:
        case str():
            return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), value)
        case list() | tuple():
            return [_harmless(one) for one in value]
        case dict():
            return {_harmless(name): _harmless(one) for name, one in value.items()}
    return value
