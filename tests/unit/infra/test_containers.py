"""What containers are told, against what the service understands."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.components.compute.worker import STOP
from infra.components.image import COPIED, CannotBuild, docker_build, named, sources
from service import settings
from service.worker.context import WorkerConfig
from tests.support.cloud import IMAGE, Cloud
from tests.unit.infra.stacks import STACKS, stack

ROOT = Path(__file__).resolve().parents[3]
KNOWN = {variable.name for variable in settings.VARIABLES}


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
    made_up = {"REPRISE_API_KEYS": f"team:{'0' * 64}", "REDIS_URL": "rediss://:x@cache:6379/0"}
    for plain, secret in environments(cloud):
        assert set(plain) | secret <= KNOWN
        read = settings.read({**plain, **{variable: made_up[variable] for variable in secret}})
        assert (read.bucket, read.table) == (cloud.outputs["bucket"], cloud.outputs["table"])
        assert read.time_to_live == 24 * 3600
        assert (read.redis_url is not None) == (STACKS[name].get("cache", "none") != "none")
        if read.role != "worker":
            assert read.api_keys
            assert read.cors_origins == ("https://app.example.com",)


@pytest.mark.parametrize("name", STACKS)
def test_the_roles_of_the_containers_make_a_whole(name: str) -> None:
    """Conversions are done in exactly one place: beside the API, or in the workers."""
    roles = sorted(plain["REPRISE_ROLE"] for plain, _ in environments(stack(name)))
    assert roles == (["api", "worker"] if STACKS[name].get("worker") == "fargate" else ["all"])


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


def test_the_tag_of_an_image_follows_what_is_in_it(tmp_path: Path) -> None:
    """All that the Dockerfile copies is in the hash, and nothing else; caches are not."""
    for part in COPIED:
        path = tmp_path / part
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir() if part == "service" else path.write_text(part)
    (tmp_path / "service/__pycache__").mkdir()
    before = sources(tmp_path)
    (tmp_path / "service/__pycache__/x.pyc").write_text("compiled")
    (tmp_path / "README.md").write_text("not copied")
    assert sources(tmp_path) == before
    (tmp_path / "service/new.py").write_text("")
    assert sources(tmp_path) != before


def test_the_hash_of_the_image_covers_the_dockerfile() -> None:
    """Each COPY of the Dockerfile from the tree is among the parts that are hashed."""
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = {
        part for line in lines if line.startswith("COPY ") and "--from" not in line for part in line.split()[1:-1]
    }
    assert copied <= set(COPIED)


def test_without_an_image_and_a_builder_nothing_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names both ways out, and no plugin but the one for AWS is needed for the first."""
    monkeypatch.setitem(__import__("sys").modules, "pulumi_docker_build", None)
    with pytest.raises(CannotBuild, match=r"reprise:image HOST/NAME@sha256.*pip install pulumi-docker-build"):
        docker_build()


def test_a_private_image_is_pulled_from_its_repository_alone() -> None:
    """The ARN of the repository is read off the image's name; a public image has none."""
    assert named(IMAGE, "aws").repository_arn == "arn:aws:ecr:us-east-1:123456789012:repository/reprise"
    assert named(f"ghcr.io/reprise/reprise@sha256:{'a' * 64}", "aws").repository_arn is None
