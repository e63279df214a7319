"""
Spans of work: hooks that cost one comparison until wiring installs a tracer (`service/adapters/otel`).

The span that is current where another begins is its parent. Work that goes on in another process continues the trace
with what `carried` returned there: the trace context in the form of W3C's ``traceparent`` header.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal, Protocol

Kind = Literal["internal", "producer", "consumer"]


class Tracer(Protocol):
    """What spans are given to."""

    def span(
        self, name: str, kind: Kind, parent: str | None, attributes: Mapping[str, str | int]
    ) -> AbstractContextManager[None]:
        """Open a span for the length of a block, which an exception marks as failed."""

    def note(self, attributes: Mapping[str, str | int]) -> None:
        """Add attributes to the current span."""

    def carried(self) -> str | None:
        """Return the context of the current span; None outside of every span that is recorded."""

    def ids(self) -> Mapping[str, str]:
        """Return `trace_id` and `span_id` of the current span, in hexadecimal; nothing outside as above."""


_tracers: list[Tracer] = []


def span(
    name: str, *, kind: Kind = "internal", parent: str | None = None, **attributes: str | int
) -> AbstractContextManager[None]:
    """Trace this block; `parent` is what `carried` returned in the process that asked for the work."""
    return _tracers[-1].span(name, kind, parent, attributes) if _tracers else nullcontext()


def note(**attributes: str | int) -> None:
    """Say more about the span around this."""
    if _tracers:
        _tracers[-1].note(attributes)


def carried() -> str | None:
    """Return what another process needs to go on with this trace; None if there is none."""
    return _tracers[-1].carried() if _tracers else None


def ids() -> Mapping[str, str]:
    """Return what a line of the log needs to be found from its trace, and the trace from it."""
    return _tracers[-1].ids() if _tracers else {}


@contextmanager
def traced_by(tracer: Tracer) -> Iterator[None]:
    """Give spans to `tracer` for the length of this block."""
    _tracers.append(tracer)
    try:
        yield
    finally:
        _tracers.remove(tracer)
