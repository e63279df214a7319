"""What is logged: the vocabulary (`events`), and how it is written and subscribed to (`logging`)."""

from service.telemetry.logging import configure_logging, emit, identify, log_context, subscribe

__all__ = ["configure_logging", "emit", "identify", "log_context", "subscribe"]
