"""
Spans of calls to AWS, by OpenTelemetry's package for botocore, where a span is recorded that they can stand below.

Left to itself the package makes ready for each call what its span would hold, and a header for AWS, before it finds
that nothing records them: for a poll of progress, for a request that is not sampled, for a worker that looks for work.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.client import BaseClient
from botocore.endpoint import Endpoint
from opentelemetry.context import get_current
from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import get_current_span


@contextmanager
def calls_traced(provider: TracerProvider) -> Iterator[None]:
    """Trace the calls of all clients of this process for the length of the block."""
    package = BotocoreInstrumentor()  # type: ignore[no-untyped-call]  # it has no annotations
    package.instrument(tracer_provider=provider)
    try:
        with _recorded_only(BaseClient, "_make_api_call"), _recorded_only(Endpoint, "prepare_request"):
            yield
    finally:
        package.uninstrument()


@contextmanager
def _recorded_only(owner: type, name: str) -> Iterator[None]:
    """Go past the wrapper that stands around a method, unless the current span is recorded."""
    wrapper = vars(owner)[name]
    plain = getattr(wrapper, "__wrapped__", wrapper)  # the same if the package refused this release of botocore

    def chosen(self: object, *args: Any, **kwargs: Any) -> Any:
        if get_current() and get_current_span().is_recording():  # an empty context is told apart in half the time
            return wrapper.__get__(self, owner)(*args, **kwargs)
        return plain(self, *args, **kwargs)

    setattr(owner, name, chosen)
    try:
        yield
    finally:
        setattr(owner, name, wrapper)  # which is what the package looks for when it takes its wrapper away
