"""
What a container is told: the service's environment variables, by role.

Only what a stack decides is said here; all else is the service's default. A test holds the names to
`service/settings`. Secrets are not in here: they go by their ARN (`components/keys.py`).
"""

from collections.abc import Mapping

from pulumi import Input

from infra.config.model import Config
from infra.watching.signals import namespace

PORT = 8080
LIVE = "/health/live"
"""
Whether the process lives, not whether it is ready: a container must not be replaced because S3 is away. That bucket and
table are as they should be is checked at start, before it answers at all.
"""
API_KEYS, CACHE, WEBHOOKS = "REPRISE_API_KEYS", "REDIS_URL", "REPRISE_WEBHOOKS"  # these come as secrets
GIB = 1024**3
SIDE_CAR = "http://localhost:4317"
"""Where App Runner takes spans for X-Ray, by gRPC. On ECS they go to X-Ray's own address, which wants them signed."""


def variables(
    config: Config, role: str, bucket: Input[str], table: Input[str], *, runner: bool = False
) -> Mapping[str, Input[str]]:
    """The plain variables of a container with this role: all, api or worker; `runner`: it is on App Runner."""
    said: dict[str, Input[str]] = {
        "AWS_REGION": config.region,
        "REPRISE_BUCKET": bucket,
        "REPRISE_LOG_FORMAT": "json",  # CloudWatch reads it, and the metrics in it
        "REPRISE_LOG_LEVEL": config.log_level,
        "REPRISE_METRICS_NAMESPACE": namespace(config.stack),
        "REPRISE_ROLE": role,
        "REPRISE_TABLE": table,
        "REPRISE_TTL_SECONDS": str(config.keep_hours * 3600),
    }
    if role != "worker":
        said["REPRISE_CORS_ORIGINS"] = ",".join(config.cors_origins)
        said["REPRISE_MAX_UPLOAD_BYTES"] = str(config.max_upload_gib * GIB)
    if role != "api" and config.slots:
        said["REPRISE_SLOTS"] = str(config.slots)
    return said | (_traces(config, role, runner=runner) if config.traced else {})


def _traces(config: Config, role: str, *, runner: bool) -> dict[str, Input[str]]:
    """OpenTelemetry's variables. Callers' traces go on, whether they name them as X-Ray does or as W3C does."""
    suffix = ".cn" if config.region.startswith("cn-") else ""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": SIDE_CAR if runner else f"https://xray.{config.region}.amazonaws.com{suffix}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc" if runner else "http/protobuf",
        "OTEL_PROPAGATORS": "tracecontext,xray",
        "OTEL_SERVICE_NAME": f"{config.prefix}-{'worker' if role == 'worker' else 'api'}",
    }
