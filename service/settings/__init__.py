"""
From environment variables to frozen settings, with every mistake reported at once.

A variable is a value: its name, how to read it, its default and what is expected, so that an error can name all of
them. What AWS already has a name for (endpoints, region, profiles, credentials) keeps that name; ours begin with
``REPRISE_``.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from service.core import defaults
from service.core.access import ApiKey
from service.core.jobs.trust import LeasePolicy
from service.core.limits.shares import Shares
from service.core.webhooks.addresses import is_address, is_public
from service.core.webhooks.endpoints import HTTP, PRIVATE, Endpoint
from service.settings.variables import VARIABLES, Variable

T = TypeVar("T")

__all__ = ["VARIABLES", "Settings", "SettingsError", "Variable", "first", "read"]


class SettingsError(Exception):
    """One or more settings are wrong; `problems` has a line for each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set. Sizes are bytes, times seconds; None leaves a choice to the platform."""

    role: str
    host: str
    port: int
    worker_port: int
    bucket: str | None
    table: str | None
    region: str
    s3_endpoint: str | None
    dynamodb_endpoint: str | None
    any_endpoint: str | None
    s3_public_endpoint: str | None
    redis_url: str | None
    api_keys: tuple[ApiKey, ...] | None  # (): open to everybody on purpose; None: not set
    metrics: str
    hosts: tuple[str, ...]
    cors_origins: tuple[str, ...]
    slots: int
    lease: float
    heartbeat: float
    start_wait: float
    janitor_interval: float
    janitor_grace: float
    max_connections: int
    header_seconds: float
    idle_seconds: float
    body_grace: float
    min_body_rate: int
    stall_seconds: float
    min_read_rate: int
    max_memory: int
    max_queued: int
    max_uploads: int
    max_open_uploads: int
    max_streams: int
    max_streams_per_tenant: int
    shares: Shares
    max_upload: int
    max_output: int
    time_to_live: int
    ffmpeg: str | None
    ffmpeg_options: tuple[str, ...]
    sandbox: str
    scratch: str | None
    log_level: str
    log_format: str
    metrics_namespace: str | None
    webhooks: tuple[Endpoint, ...]  # one for each tenant that has one
    webhooks_allow: frozenset[str]

    @property
    def embedded(self) -> bool:
        """Without a bucket and a table the service brings its own S3, DynamoDB and Redis."""
        return self.bucket is None and self.table is None

    @property
    def lease_policy(self) -> LeasePolicy:
        """The lease's numbers, as the core wants them; the margin is a sixth of the lease."""
        return LeasePolicy(
            duration=self.lease, heartbeat=self.heartbeat, margin=self.lease / defaults.MARGINS_OF_A_LEASE
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
    problems += _without_key(settings)
    problems += _wrong_endpoints(settings)
    if problems:
        raise SettingsError(tuple(problems))
    return settings


def _found(variable: Variable, raw: str, error: ValueError) -> str:
    """What was found instead. What may hold a password, which any address may, is never repeated."""
    if variable.name in {"REPRISE_API_KEYS", "REPRISE_TENANT_LIMITS", "REPRISE_WEBHOOKS"}:
        return f": {error}"
    return "" if variable.name == "REDIS_URL" or "@" in raw else f", not {raw!r}"


def _half_a_deployment(environment: Mapping[str, str]) -> list[str]:
    """One of the two would lose jobs in a stand-in. (A name that is wrong has been complained of already.)"""
    missing = [name for name in ("REPRISE_BUCKET", "REPRISE_TABLE") if not environment.get(name, "").strip()]
    if len(missing) != 1:
        return []
    return [f"{missing[0]} is missing: set both REPRISE_BUCKET and REPRISE_TABLE, or neither (embedded)"]


def _half_a_credential(environment: Mapping[str, str]) -> list[str]:
    """A key without its secret would not be noticed before the first request is signed."""
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


def _without_key(settings: Settings) -> list[str]:
    """A tenant that has no key is a misspelt name, and would be noticed when it is too late."""
    if not settings.api_keys:  # a worker is given none
        return []
    known = {key.tenant for key in settings.api_keys}
    named = {
        "REPRISE_TENANT_LIMITS": settings.shares.tenants,
        "REPRISE_WEBHOOKS": [one.tenant for one in settings.webhooks],
    }
    return [
        f"{name} names {tenant}, a tenant without a key in REPRISE_API_KEYS"
        for name, tenants in named.items()
        for tenant in tenants
        if tenant not in known
    ]


def _wrong_endpoints(settings: Settings) -> list[str]:
    """What would only ever be refused when it is sent. Addresses are not repeated: they may hold a token."""
    found: list[str] = []
    for endpoint in settings.webhooks:
        tenant = endpoint.tenant
        if endpoint.scheme == "http" and HTTP not in settings.webhooks_allow:
            found.append(f"REPRISE_WEBHOOKS: the url of {tenant!r} is not https; REPRISE_WEBHOOKS_ALLOW=http allows it")
        literal = is_address(endpoint.host)
        if literal and not is_public(endpoint.host) and PRIVATE not in settings.webhooks_allow:
            problem = f"REPRISE_WEBHOOKS: the url of {tenant!r} names an address that is not public"
            found.append(f"{problem}; REPRISE_WEBHOOKS_ALLOW=private allows it")
    return found


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
        "REPRISE_COMPOSE_GRAFANA_PORT",
        "REPRISE_COMPOSE_IMAGE",
        "REPRISE_COMPOSE_JAEGER_PORT",
        "REPRISE_COMPOSE_PORT",
        "REPRISE_COMPOSE_PROMETHEUS_PORT",
        "REPRISE_COMPOSE_S3_PORT",
        "REPRISE_REQUIRE_BROWSER",
        "REPRISE_REQUIRE_DOCKER",
        "REPRISE_REQUIRE_PROMETHEUS",
        "REPRISE_REQUIRE_PULUMI",
        "REPRISE_REQUIRE_REDIS",
        "REPRISE_REQUIRE_WRITERS",
        "REPRISE_URL",
    }
)


def first(*choices: T | None) -> T | None:
    """The first that is not None."""
    return next((choice for choice in choices if choice is not None), cast("T | None", None))
