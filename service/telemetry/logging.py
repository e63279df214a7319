"""
Emitting events: to the log, and to every subscriber in this process.

Context (request, job, attempt, instance) is bound once with `log_context` and travels with the task. Fields named
``url`` lose their query string before they are written: a presigned signature is a secret. A subscriber is called for
every event whatever the level of the log, so metrics do not depend on it.
"""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, TextIO

import structlog

from service.telemetry.events import Event

Subscriber = Callable[[Event, Mapping[str, object]], None]
"""Called with every event, on the thread that emits it. It must be quick, and must not raise."""

_subscribers: list[Subscriber] = []


def emit(event: Event, /, **fields: object) -> None:
    """Log `event`; cheap when its level is not wanted."""
    for subscriber in tuple(_subscribers):
        subscriber(event, fields)
    structlog.get_logger().log(event.level, event.name, **fields)


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
        tail = [renderer]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            hide_queries,
            *tail,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )


def hide_queries(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Cut the query string of every field that is named ``url`` or ends in ``_url``."""
    for name, value in event.items():
        if (name == "url" or name.endswith("_url")) and isinstance(value, str) and "?" in value:
            event[name] = value.split("?", 1)[0] + "?…"
    return event
