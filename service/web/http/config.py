"""What HTTP alone goes by: keys, origins, and how long an answer may take."""

from dataclasses import dataclass

from service.core import defaults
from service.core.access import ApiKey


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfig:
    """Access and times of answers, in seconds."""

    api_keys: tuple[ApiKey, ...] = ()  # none: everybody is let in, as the one nameless tenant
    metrics_open: bool = False  # /metrics without a key, also where /v1 needs one
    body_grace: float = defaults.BODY_GRACE_SECONDS  # longest silence in a body, in seconds
    min_body_rate: float = defaults.MIN_BODY_RATE  # bytes a second that are always enough
    hosts: tuple[str, ...] = ()  # what a service without keys may be called, besides its own address; `*`: anything
    cors_origins: tuple[str, ...] = ()  # web pages from elsewhere that may call this API
    storage: tuple[str, ...] = ()  # origins where clients send files to and fetch them from, for the built-in page
    max_wait_seconds: float = 100.0  # of ?wait=; App Runner cuts a request at 120 s
    events_seconds: float = 100.0  # of one event stream, for the same reason
