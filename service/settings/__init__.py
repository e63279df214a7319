"""
From environment variables to frozen settings, with every mistake reported at once.

A variable is a value: its name, how to read it, its default and what is expected, so that an error can name all of
them. What AWS already has a name for (endpoints, region, profiles, credentials) keeps that name; ours begin with
``REPRISE_``.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from service.core.access import ApiKey, parse_keys
from service.core.trust import LeasePolicy
from service.settings.forms import bucket, http, one_of, origins, redis, region, seconds, table, text, whole

T = TypeVar("T")
MIB = 1024 * 1024
GIB = 1024 * MIB


class SettingsError(Exception):
    """One or more settings are wrong; `problems` has a line for each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable. `read` raises `ValueError` for anything that is not as `expects` says."""

    name: str
    field: str
    read: Callable[[str], Any]
    expects: str
    default: Any
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set. Sizes are bytes, times seconds; None leaves a choice to somebody else."""

    role: str
    host: str
    port: int
    bucket: str | None
    table: str | None
    region: str
    s3_endpoint: str | None
    dynamodb_endpoint: str | None
    any_endpoint: str | None
    s3_public_endpoint: str | None
    redis_url: str | None
    api_keys: tuple[ApiKey, ...] | None  # (): everybody, and that was said; None: nothing was said
    metrics: str
    cors_origins: tuple[str, ...]
    slots: int
    lease: float
    heartbeat: float
    start_wait: float
    janitor_interval: float
    janitor_grace: float
    max_memory: int
    max_queued: int
    max_uploads: int
    max_open_uploads: int
    max_upload: int
    max_output: int
    time_to_live: int
    ffmpeg: str | None
    scratch: str | None
    log_level: str
    log_format: str

    @property
    def embedded(self) -> bool:
        """Without a bucket and a table the service brings its own S3, DynamoDB and Redis."""
        return self.bucket is None and self.table is None

    @property
    def lease_policy(self) -> LeasePolicy:
        """The lease's numbers, as the core wants them; the margin is a sixth of the lease."""
        return LeasePolicy(duration=self.lease, heartbeat=self.heartbeat, margin=self.lease / 6)


_ORIGINS = "origins (https://host, without a path, or *), comma-separated"
_ADDRESS = "an http(s) address, its host of letters, digits, - and . (a _ is refused by AWS's library), without a user"
_LEVELS = ("debug", "info", "warning", "error")
_YEAR = 366 * 86400
_KEYS = "tenant:SHA-256-of-key, comma-separated, or none"
_PORT = "a port, 0 to 65535 (0: any free one)"

VARIABLES: tuple[Variable, ...] = (
    Variable("REPRISE_ROLE", "role", one_of("all", "api", "worker"), "all, api or worker", "all", "what it does"),
    Variable("REPRISE_HOST", "host", text, "an address to listen on", "127.0.0.1", "address to listen on"),
    Variable("PORT", "port", whole(0, 65535), _PORT, 8080, "port, as platforms set it"),
    Variable("REPRISE_PORT", "port", whole(0, 65535), _PORT, 8080, "port; goes before PORT"),
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
    Variable("AWS_ENDPOINT_URL", "any_endpoint", http, _ADDRESS, None, "endpoint of every AWS service"),
    Variable("AWS_ENDPOINT_URL_S3", "s3_endpoint", http, _ADDRESS, None, "endpoint of S3"),
    Variable("AWS_ENDPOINT_URL_DYNAMODB", "dynamodb_endpoint", http, _ADDRESS, None, "endpoint of DynamoDB"),
    Variable("REPRISE_S3_PUBLIC_ENDPOINT", "s3_public_endpoint", http, _ADDRESS, None, "where clients reach S3"),
    Variable("REDIS_URL", "redis_url", redis, "a redis(s):// or unix:// address", None, "live progress, wake-ups"),
    Variable("REPRISE_API_KEYS", "api_keys", parse_keys, _KEYS, None, "who may use the API (none: everybody)"),
    Variable("REPRISE_METRICS", "metrics", one_of("key", "open"), "key or open", "key", "/metrics: as /v1, or open"),
    Variable("REPRISE_CORS_ORIGINS", "cors_origins", origins, _ORIGINS, ("*",), "origins to let in"),
    Variable("REPRISE_SLOTS", "slots", whole(1, 64), "a number from 1 to 64", 1, "conversions at once"),
    Variable("REPRISE_LEASE_SECONDS", "lease", seconds, "seconds", 6.0, "how long a silent worker keeps its job"),
    Variable("REPRISE_HEARTBEAT_SECONDS", "heartbeat", seconds, "seconds", 2.0, "how often a lease is renewed"),
    Variable(
        "REPRISE_START_WAIT_SECONDS", "start_wait", seconds, "seconds", 15.0, "patience at start with S3, DynamoDB"
    ),
    Variable("REPRISE_JANITOR_SECONDS", "janitor_interval", seconds, "seconds", 300.0, "between looks for leftovers"),
    Variable("REPRISE_JANITOR_GRACE_SECONDS", "janitor_grace", seconds, "seconds", 3600.0, "how long they are spared"),
    Variable(
        "REPRISE_MAX_MEMORY_PERCENT",
        "max_memory",
        whole(1, 101),
        "a percentage (101: no limit)",
        90,
        "memory in use beyond which nothing new is begun",
    ),
    Variable("REPRISE_MAX_QUEUED", "max_queued", whole(1, 10**6), "a number from 1", 1000, "jobs that may wait"),
    Variable("REPRISE_MAX_UPLOADS", "max_uploads", whole(1, 10000), "a number from 1", 32, "uploads at once"),
    Variable(
        "REPRISE_MAX_OPEN_UPLOADS",
        "max_open_uploads",
        whole(1, 10**6),
        "a number from 1",
        1000,
        "unfinished uploads of one tenant",
    ),
    Variable("REPRISE_MAX_UPLOAD_BYTES", "max_upload", whole(1, 1024 * GIB), "bytes", 5 * GIB, "largest upload"),
    Variable("REPRISE_MAX_OUTPUT_BYTES", "max_output", whole(1, 1024 * GIB), "bytes", 20 * GIB, "largest output"),
    Variable(
        "REPRISE_TTL_SECONDS", "time_to_live", whole(60, _YEAR), "seconds, 60 or more", 86400, "how long all is kept"
    ),
    Variable("REPRISE_FFMPEG", "ffmpeg", text, "the path of a program", None, "another ffmpeg than the bundled one"),
    Variable("REPRISE_SCRATCH", "scratch", text, "the path of a folder", None, "folder to spool some inputs to"),
    Variable("REPRISE_LOG_LEVEL", "log_level", one_of(*_LEVELS), ", ".join(_LEVELS), "info", "how much is logged"),
    Variable("REPRISE_LOG_FORMAT", "log_format", one_of("json", "text"), "json or text", "json", "how it is written"),
)


def read(environment: Mapping[str, str]) -> Settings:
    """Read all variables; raises `SettingsError` with everything that is wrong."""
    values: dict[str, Any] = {variable.field: variable.default for variable in VARIABLES}
    problems: list[str] = []
    for variable in VARIABLES:
        raw = environment.get(variable.name, "").strip()
        if not raw:
            continue
        try:
            values[variable.field] = variable.read(raw)
        except ValueError as error:
            problems.append(f"{variable.name} must be {variable.expects}{_found(variable, raw, error)}")
    settings = Settings(**values)
    problems += _unknown(environment)
    problems += [
        f"REPRISE_LEASE_SECONDS/REPRISE_HEARTBEAT_SECONDS: {text}" for text in settings.lease_policy.problems()
    ]
    if settings.janitor_grace < settings.lease:
        grace, lease = settings.janitor_grace, settings.lease
        problems.append(f"REPRISE_JANITOR_GRACE_SECONDS must be at least the lease ({lease:g} s), not {grace:g} s")
    problems += _half_a_deployment(environment)
    problems += _half_a_credential(environment)
    problems += _unsaid(settings, environment)
    if problems:
        raise SettingsError(tuple(problems))
    return settings


def _found(variable: Variable, raw: str, error: ValueError) -> str:
    """What was found instead. What may hold a password, which any address may, is never repeated."""
    if variable.name == "REPRISE_API_KEYS":
        return f": {error}"
    return "" if variable.name == "REDIS_URL" or "@" in raw else f", not {raw!r}"


def _half_a_deployment(environment: Mapping[str, str]) -> list[str]:
    """One of the two would lose jobs in a stand-in. (A name that is wrong has been complained of already.)"""
    missing = [name for name in ("REPRISE_BUCKET", "REPRISE_TABLE") if not environment.get(name, "").strip()]
    if len(missing) != 1:
        return []
    return [f"{missing[0]} is missing: set both REPRISE_BUCKET and REPRISE_TABLE, or neither (embedded)"]


def _half_a_credential(environment: Mapping[str, str]) -> list[str]:
    """A key without its secret is noticed by nobody before the first request is signed."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    missing = [name for name in names if not environment.get(name, "").strip()]
    if len(missing) != 1:
        return []
    return [f"{missing[0]} is missing: set both {names[0]} and {names[1]}, or neither (a role or a profile)"]


def _unsaid(settings: Settings, environment: Mapping[str, str]) -> list[str]:
    """A deployment is never open by omission. (Keys that are wrong have been complained of already.)"""
    deployed = settings.bucket is not None and settings.table is not None and settings.role != "worker"
    if not deployed or environment.get("REPRISE_API_KEYS", "").strip():
        return []
    return ["REPRISE_API_KEYS is missing: list who may use the API (tenant:SHA-256-of-key), or say none for everybody"]


def _unknown(environment: Mapping[str, str]) -> list[str]:
    known = [variable.name for variable in VARIABLES]
    found: list[str] = []
    for name in sorted(environment):
        if name.startswith("REPRISE_") and name not in known and name not in NOT_OURS:
            near = difflib.get_close_matches(name, known, n=1)
            found.append(f"{name} is not a setting" + (f"; did you mean {near[0]}?" if near else ""))
    return found


NOT_OURS: frozenset[str] = frozenset(
    {
        "REPRISE_API_KEY",
        "REPRISE_AWS_EMULATOR",
        "REPRISE_CI_RUN",
        "REPRISE_COMPOSE_IMAGE",
        "REPRISE_COMPOSE_PORT",
        "REPRISE_COMPOSE_S3_PORT",
        "REPRISE_REQUIRE_BROWSER",
        "REPRISE_REQUIRE_DOCKER",
        "REPRISE_REQUIRE_PULUMI",
        "REPRISE_REQUIRE_REDIS",
        "REPRISE_URL",
    }
)


def first(*choices: T | None) -> T | None:
    """The first that is not None."""
    return next((choice for choice in choices if choice is not None), cast("T | None", None))
