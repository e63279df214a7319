"""Every environment variable that the service reads: its name, form and default, and what it is for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from service.core import defaults
from service.core.access import parse_keys
from service.core.limits.shares import Shares, parse_shares
from service.core.webhooks.endpoints import HTTP, PRIVATE, parse_endpoints
from service.settings.forms import (
    bucket,
    hosts,
    http,
    namespace,
    one_of,
    origins,
    redis,
    region,
    seconds,
    some_of,
    table,
    text,
    whole,
    words,
)


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable. `read` raises `ValueError` for anything that is not as `expects` says."""

    name: str
    field: str
    read: Callable[[str], Any]
    expects: str
    default: Any
    about: str


ORIGINS = "origins (https://host, without a path, or *), comma-separated"
ADDRESS = "an http(s) address, its host of letters, digits, - and . (a _ is refused by AWS's library), without a user"
HOSTS = "names of hosts without a port, comma-separated, or * for any"
LEVELS = ("debug", "info", "warning", "error")
YEAR = 366 * 86400
KEYS = "tenant:SHA-256-of-key, comma-separated, or none"
SHARES = "tenant:name=number,…;tenant:…, with names of queued, running, uploads, open, stored, and * for all tenants"
ENDPOINTS = 'JSON: {"tenant": {"url": "https://…", "secrets": ["whsec_…"]}}'
PORT = "a port, 0 to 65535 (0: any free one)"

VARIABLES: tuple[Variable, ...] = (
    Variable("REPRISE_ROLE", "role", one_of("all", "api", "worker"), "all, api or worker", "all", "what it does"),
    Variable("REPRISE_HOST", "host", text, "an address to listen on", "127.0.0.1", "address to listen on"),
    Variable("PORT", "port", whole(0, 65535), PORT, 8080, "port, as platforms set it"),
    Variable("REPRISE_PORT", "port", whole(0, 65535), PORT, 8080, "port; goes before PORT"),
    Variable(
        "REPRISE_WORKER_PORT",
        "worker_port",
        whole(0, 65535),
        PORT,
        8081,
        "side port of the role worker: health, metrics",
    ),
    Variable(
        "REPRISE_BUCKET",
        "bucket",
        bucket,
        "a bucket's name: 3 to 63 of a-z, 0-9, . and -",
        None,
        "bucket for inputs and outputs",
    ),
    Variable(
        "REPRISE_TABLE",
        "table",
        table,
        "a table's name: 3 to 255 of a-z, A-Z, 0-9, _, . and -",
        None,
        "table of jobs and uploads",
    ),
    Variable("AWS_DEFAULT_REGION", "region", region, "a region, as eu-west-1", "us-east-1", "region"),
    Variable(
        "AWS_REGION", "region", region, "a region, as eu-west-1", "us-east-1", "region; goes before AWS_DEFAULT_REGION"
    ),
    Variable("AWS_ENDPOINT_URL", "any_endpoint", http, ADDRESS, None, "endpoint of every AWS service"),
    Variable("AWS_ENDPOINT_URL_S3", "s3_endpoint", http, ADDRESS, None, "endpoint of S3"),
    Variable("AWS_ENDPOINT_URL_DYNAMODB", "dynamodb_endpoint", http, ADDRESS, None, "endpoint of DynamoDB"),
    Variable("REPRISE_S3_PUBLIC_ENDPOINT", "s3_public_endpoint", http, ADDRESS, None, "where clients reach S3"),
    Variable("REDIS_URL", "redis_url", redis, "a redis(s):// or unix:// address", None, "live progress, wake-ups"),
    Variable("REPRISE_API_KEYS", "api_keys", parse_keys, KEYS, None, "who may use the API (none: everybody)"),
    Variable("REPRISE_METRICS", "metrics", one_of("key", "open"), "key or open", "key", "/metrics: as /v1, or open"),
    Variable("REPRISE_HOSTS", "hosts", hosts, HOSTS, (), "further names of a service that is open to everybody"),
    Variable("REPRISE_CORS_ORIGINS", "cors_origins", origins, ORIGINS, ("*",), "origins to let in"),
    Variable("REPRISE_SLOTS", "slots", whole(1, 64), "a number from 1 to 64", defaults.SLOTS, "conversions at once"),
    Variable(
        "REPRISE_LEASE_SECONDS", "lease", seconds, "seconds", defaults.LEASE, "how long a silent worker keeps its job"
    ),
    Variable(
        "REPRISE_HEARTBEAT_SECONDS", "heartbeat", seconds, "seconds", defaults.HEARTBEAT, "how often a lease is renewed"
    ),
    Variable(
        "REPRISE_START_WAIT_SECONDS", "start_wait", seconds, "seconds", 15.0, "patience at start with S3, DynamoDB"
    ),
    Variable(
        "REPRISE_JANITOR_SECONDS",
        "janitor_interval",
        seconds,
        "seconds",
        defaults.JANITOR_INTERVAL,
        "between looks for leftovers",
    ),
    Variable(
        "REPRISE_JANITOR_GRACE_SECONDS",
        "janitor_grace",
        seconds,
        "seconds",
        defaults.JANITOR_GRACE,
        "how long they are spared",
    ),
    Variable(
        "REPRISE_MAX_CONNECTIONS",
        "max_connections",
        whole(16, 10**5),
        "a number from 16 to 100000",
        defaults.MAX_CONNECTIONS,
        "connections of clients at once; fewer where descriptors are few",
    ),
    Variable(
        "REPRISE_HEADER_SECONDS",
        "header_seconds",
        seconds,
        "seconds",
        defaults.HEADER_SECONDS,
        "for the head of a request, and for the first one of a connection",
    ),
    Variable(
        "REPRISE_IDLE_SECONDS",
        "idle_seconds",
        seconds,
        "seconds",
        defaults.IDLE_SECONDS,
        "how long a connection is kept between two requests",
    ),
    Variable(
        "REPRISE_BODY_GRACE_SECONDS",
        "body_grace",
        seconds,
        "seconds",
        defaults.BODY_GRACE_SECONDS,
        "longest silence in a body",
    ),
    Variable(
        "REPRISE_MIN_BODY_RATE",
        "min_body_rate",
        whole(1, 10**9),
        "bytes a second",
        defaults.MIN_BODY_RATE,
        "slowest pace of a body that is never cut",
    ),
    Variable(
        "REPRISE_STALL_SECONDS",
        "stall_seconds",
        seconds,
        "seconds",
        defaults.STALL_SECONDS,
        "longest time in which a client reads nothing",
    ),
    Variable(
        "REPRISE_MIN_READ_RATE",
        "min_read_rate",
        whole(1, 10**9),
        "bytes a second",
        defaults.MIN_READ_RATE,
        "slowest pace of a reader that is never cut",
    ),
    Variable(
        "REPRISE_MAX_MEMORY_PERCENT",
        "max_memory",
        whole(1, 101),
        "a percentage (101: no limit)",
        defaults.MAX_MEMORY_PERCENT,
        "memory in use beyond which nothing new is begun",
    ),
    Variable(
        "REPRISE_MAX_QUEUED",
        "max_queued",
        whole(1, 10**6),
        "a number from 1",
        defaults.MAX_QUEUED,
        "jobs that may wait",
    ),
    Variable(
        "REPRISE_MAX_UPLOADS",
        "max_uploads",
        whole(1, 10000),
        "a number from 1",
        defaults.MAX_UPLOADS,
        "uploads at once",
    ),
    Variable(
        "REPRISE_MAX_OPEN_UPLOADS",
        "max_open_uploads",
        whole(1, 10**6),
        "a number from 1",
        defaults.MAX_OPEN_UPLOADS,
        "unfinished uploads of one tenant",
    ),
    Variable(
        "REPRISE_MAX_STREAMS",
        "max_streams",
        whole(1, 10**5),
        "a number from 1",
        defaults.MAX_STREAMS,
        "event streams and waits at once",
    ),
    Variable(
        "REPRISE_MAX_STREAMS_PER_TENANT",
        "max_streams_per_tenant",
        whole(1, 10**5),
        "a number from 1",
        defaults.MAX_STREAMS_PER_TENANT,
        "of these, of one tenant",
    ),
    Variable(
        "REPRISE_TENANT_LIMITS",
        "shares",
        parse_shares,
        SHARES,
        Shares(),
        "what single tenants may take",
    ),
    Variable("REPRISE_WEBHOOKS", "webhooks", parse_endpoints, ENDPOINTS, (), "where tenants are told of ended jobs"),
    Variable(
        "REPRISE_WEBHOOKS_ALLOW",
        "webhooks_allow",
        some_of(HTTP, PRIVATE),
        "http, private or both, comma-separated",
        frozenset(),
        "webhooks without TLS, or to addresses that are not public",
    ),
    Variable(
        "REPRISE_MAX_UPLOAD_BYTES",
        "max_upload",
        whole(1, 1024 * defaults.GIB),
        "bytes",
        defaults.MAX_UPLOAD_BYTES,
        "largest upload",
    ),
    Variable(
        "REPRISE_MAX_OUTPUT_BYTES",
        "max_output",
        whole(1, 1024 * defaults.GIB),
        "bytes",
        defaults.MAX_OUTPUT_BYTES,
        "largest output",
    ),
    Variable(
        "REPRISE_TTL_SECONDS",
        "time_to_live",
        whole(60, YEAR),
        "seconds, 60 or more",
        defaults.TIME_TO_LIVE,
        "how long all is kept",
    ),
    Variable("REPRISE_FFMPEG", "ffmpeg", text, "the path of a program", None, "another ffmpeg than the bundled one"),
    Variable(
        "REPRISE_FFMPEG_OPTIONS",
        "ffmpeg_options",
        words,
        "options of ffmpeg",
        (),
        "put in front of all others, as -threads 2",
    ),
    Variable(
        "REPRISE_SANDBOX",
        "sandbox",
        one_of("required", "best-effort"),
        "required or best-effort",
        "required",
        "best-effort: convert also where there is no seccomp",
    ),
    Variable("REPRISE_SCRATCH", "scratch", text, "the path of a folder", None, "folder to spool some inputs to"),
    Variable("REPRISE_LOG_LEVEL", "log_level", one_of(*LEVELS), ", ".join(LEVELS), "info", "how much is logged"),
    Variable("REPRISE_LOG_FORMAT", "log_format", one_of("json", "text"), "json or text", "json", "how it is written"),
    Variable(
        "REPRISE_METRICS_NAMESPACE",
        "metrics_namespace",
        namespace,
        "1 to 255 of letters, digits and ._-/#",
        None,
        "CloudWatch makes metrics of the log, under this name (none: it does not)",
    ),
)
