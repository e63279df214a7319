"""What is logged: the vocabulary (`events`), and how it is written and subscribed to (`logging`)."""

from service.telemetry.logging import (
    bind_tenant,
    configure_logging,
    context,
    emit,
    identify,
    log_context,
    note_request,
    request_context,
    subscribe,
    wanted,
)
from service.telemetry.redaction import protect

__all__ = [
    "bind_tenant",
    "configure_logging",
    "context",
    "emit",
    "identify",
    "log_context",
    "note_request",
    "protect",
    "request_context",
    "subscribe",
    "wanted",
]
