"""Whether this process is traced: where OTEL_EXPORTER_OTLP_ENDPOINT names a receiver, and nothing is loaded else."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from service import __version__
from service.telemetry.tracing import traced_by
from service.wiring.start_up import StartError

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
App = Callable[..., Any]
Wrap = Callable[[App], App]


@contextmanager
def tracing(environment: Mapping[str, str], instance: str) -> Iterator[Wrap]:
    """
    Trace this process for the length of the block; yields what puts a span around each request of an application.

    At the end what is not sent yet is sent, for a few seconds at most. Raises `StartError` if the packages are missing.
    """
    if not environment.get(ENDPOINT):
        yield lambda app: app
        return
    try:
        from service.adapters.otel import calls, export, server, spans  # noqa: PLC0415  # half a second
    except ModuleNotFoundError as error:
        missing = f"{ENDPOINT} is set, and {error.name} is not installed: `pip install -r requirements/runtime.txt`"
        raise StartError([missing]) from error
    try:
        provider = export.provider(environment, instance=instance, version=__version__)
    except ValueError as error:
        raise StartError([f"{export.SHARE} must be a number from 0 to 1: {error}"]) from error
    try:
        with calls.calls_traced(provider), traced_by(spans.OtelTracer(provider)):
            yield lambda app: server.traced(app, provider)
    finally:
        provider.shutdown()
