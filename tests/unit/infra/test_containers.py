"""What containers are told, against what the service understands."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.extension.aws.trace import AwsXRayIdGenerator

from infra.components.compute.worker import STOP
from infra.components.image import named
from service import settings
from service.adapters.otel import export
from service.adapters.otel.signing import session_for
from service.worker.context import WorkerConfig
from tests.support.cloud import IMAGE, Cloud
from tests.unit.infra.stacks import STACKS, WEBHOOKS, stack

ROOT = Path(__file__).resolve().parents[3]
# Those of OpenTelemetry are read by its own packages, and by `service/adapters/otel`.
OTEL = {
    "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_PROPAGATORS", "OTEL_SERVICE_NAME",
}  # fmt: skip
KNOWN = {variable.name for variable in settings.VARIABLES} | OTEL


def environments(cloud: Cloud) -> Iterator[tuple[dict[str, str], set[str]]]:
    """Of each container: its plain variables, and the names of its secrets."""
    for it in cloud.of("apprunner/service:Service"):
        image = it["sourceConfiguration"]["imageRepository"]["imageConfiguration"]
        yield image["runtimeEnvironmentVariables"], set(image["runtimeEnvironmentSecrets"])
    for it in cloud.of("ecs/expressGatewayService:ExpressGatewayService"):
        container = it["primaryContainer"]
        yield {e["name"]: e["value"] for e in container["environments"]}, {e["name"] for e in container["secrets"]}
    for it in cloud.of("ecs/taskDefinition:TaskDefinition"):
        (container,) = json.loads(it["containerDefinitions"])
        yield {e["name"]: e["value"] for e in container["environment"]}, {e["name"] for e in container["secrets"]}


@pytest.mark.parametrize("name", STACKS)
def test_the_service_takes_what_it_is_told(name: str) -> None:
    """Every variable is a setting of the service, and all of them together are settings that it starts with."""
    cloud = stack(name)
    made_up = {
        "REPRISE_API_KEYS": f"team:{'0' * 64}",
        "REDIS_URL": "rediss://:x@cache:6379/0",
        "REPRISE_WEBHOOKS": WEBHOOKS,
    }
    for plain, secret in environments(cloud):
        assert set(plain) | secret <= KNOWN
        read = settings.read({**plain, **{variable: made_up[variable] for variable in secret}})
        assert (read.bucket, read.table) == (cloud.outputs["bucket"], cloud.outputs["table"])
        assert read.time_to_live == 24 * 3600
        assert (read.redis_url is not None) == (STACKS[name].get("cache", "none") != "none")
        assert [one.tenant for one in read.webhooks] == (["team"] if "webhooks" in STACKS[name] else [])
        if read.role != "worker":
            assert read.api_keys
            assert read.cors_origins == ("https://app.example.com",)


@pytest.mark.parametrize("name", STACKS)
def test_the_roles_of_the_containers_make_a_whole(name: str) -> None:
    """Conversions are done in exactly one place: beside the API, or in the workers."""
    roles = sorted(plain["REPRISE_ROLE"] for plain, _ in environments(stack(name)))
    assert roles == (["api", "worker"] if STACKS[name].get("worker") == "fargate" else ["all"])


@pytest.mark.parametrize("name", STACKS)
def test_containers_are_told_where_traces_go(name: str) -> None:
    """On App Runner to the side car, by gRPC; on ECS to X-Ray itself, signed; without tracing nothing is said of it."""
    for plain, _ in environments(stack(name)):
        said = {variable: value for variable, value in plain.items() if variable in OTEL}
        if "tracing" not in STACKS[name]:
            assert not said
            continue
        assert said.keys() == OTEL
        runner = STACKS[name].get("compute") == "apprunner" and plain["REPRISE_ROLE"] != "worker"
        endpoint = "http://localhost:4317" if runner else "https://xray.us-east-1.amazonaws.com"
        assert said["OTEL_EXPORTER_OTLP_ENDPOINT"] == endpoint
        session = session_for(endpoint)
        assert (session.auth is None) is runner
        session.close()
        made = export.provider({**said, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}, instance="i", version="1")
        assert isinstance(made.id_generator, AwsXRayIdGenerator)
        made.shutdown()


def test_app_runner_takes_spans_where_tracing_is_on() -> None:
    """The service refers to a configuration of X-Ray, and without tracing to none."""
    cloud = stack("traced, on App Runner")
    made = cloud.one("apprunner/observabilityConfiguration:ObservabilityConfiguration")
    assert made["traceConfiguration"] == {"vendor": "AWSXRAY"}
    used = cloud.one("apprunner/service:Service")["observabilityConfiguration"]
    assert used["observabilityEnabled"] is True
    assert made.name in used["observabilityConfigurationArn"]
    plain = stack("apprunner, embedded, none, dev")
    assert "observabilityConfiguration" not in plain.one("apprunner/service:Service").inputs
    assert not plain.of("apprunner/observabilityConfiguration:ObservabilityConfiguration")


def test_a_worker_is_stopped_after_it_has_given_back_what_it_holds() -> None:
    """ECS waits several times as long as a worker needs for its farewell."""
    assert 5 * WorkerConfig(instance="w").shutdown_cleanup_seconds <= STOP


def test_the_health_check_is_a_file_of_the_image() -> None:
    """What ECS runs in the container is what the Dockerfile copies and runs itself."""
    (container,) = json.loads(
        stack("ecs-express, fargate, none, dev").one("ecs/taskDefinition:TaskDefinition")["containerDefinitions"]
    )
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert f"CMD {json.dumps(container['healthCheck']['command'][1:])}" in dockerfile


def test_a_private_image_is_pulled_from_its_repository_alone() -> None:
    """The ARN of the repository is read off the image's name; a public image has none."""
    assert named(IMAGE, "aws").repository_arn == "arn:aws:ecr:us-east-1:123456789012:repository/reprise"
    assert named(f"ghcr.io/reprise/reprise@sha256:{'a' * 64}", "aws").repository_arn is None
