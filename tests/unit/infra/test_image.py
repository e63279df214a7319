"""The image that `pulumi up` builds where none is named, without the package and the plugin that would build it."""

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pulumi
import pytest

from infra import program
from infra.components.image import COPIED, CannotBuild, docker_build, sources
from tests.support.cloud import ACCOUNT, DIGEST, MINIMAL, REGION, Recorded, deployed

ROOT = Path(__file__).resolve().parents[3]
# Of pulumi-docker-build 0.0.15, which is installed only where it is used: what each class takes, and what is required.
IMAGE: tuple[set[str], set[str]] = (
    {"opts", "add_hosts", "build_args", "build_on_preview", "builder", "cache_from", "cache_to", "context",
     "dockerfile", "exec_", "exports", "labels", "load", "network", "no_cache", "platforms", "pull", "push",
     "registries", "secrets", "ssh", "tags", "target"},
    set(),
)  # fmt: skip
BUILT = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/built@{DIGEST}"  # what the mocks say that a build has put out
BLOCKS = {
    "BuildContextArgs": ({"location", "named"}, {"location"}),
    "DockerfileArgs": ({"inline", "location"}, set()),
    "RegistryArgs": ({"address", "password", "username"}, {"address"}),
}


def check(name: str, given: dict[str, Any], known: tuple[set[str], set[str]]) -> None:
    """Refuse what the class would not take."""
    allowed, required = known
    assert required <= set(given) <= allowed, f"{name} takes {allowed}"


def double() -> ModuleType:
    """In place of the package: its classes, with the same arguments."""
    made = ModuleType("pulumi_docker_build")

    class Image(pulumi.CustomResource):
        """The resource, which registers itself with the names of Pulumi's schema."""

        ref: pulumi.Output[str]

        def __init__(self, name: str, **given: Any) -> None:
            check("Image", given, IMAGE)
            opts = given.pop("opts")
            camel = {"build_on_preview": "buildOnPreview"}
            inputs = {camel.get(key, key): value for key, value in given.items()}
            super().__init__("docker-build:index:Image", name, {**inputs, "ref": None}, opts)

    def block(name: str) -> Any:
        def construct(**given: Any) -> dict[str, Any]:
            check(name, given, BLOCKS[name])
            return given

        return construct

    vars(made).update({"Image": Image, **{name: block(name) for name in BLOCKS}})
    return made


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> tuple[Recorded, Recorded, str]:
    """The image and the repository of a stack that names no image; and what its API runs."""
    monkeypatch.setitem(sys.modules, "pulumi_docker_build", double())
    cloud = deployed({"image": ""})
    (image,) = [it for it in cloud.resources if it.kind == "docker-build:index:Image"]
    service = cloud.one("ecs/expressGatewayService:ExpressGatewayService")
    return image, cloud.one("ecr/repository:Repository"), service["primaryContainer"]["image"]


def test_an_image_is_built_from_the_tree_and_pushed_to_the_stacks_registry(
    built: tuple[Recorded, Recorded, str],
) -> None:
    """The Dockerfile of the tree, for the processor that the containers have, under a tag of what is in it."""
    image, repository, _ = built
    url = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{repository.name}"
    assert image["context"] == {"location": str(ROOT)}
    assert image["dockerfile"] == {"location": str(ROOT / "Dockerfile")}
    assert image["platforms"] == ["linux/amd64"]
    assert image["tags"] == [f"{url}:{sources(ROOT)}"]
    assert image["push"] is True
    assert image["buildOnPreview"] is False
    assert [it["address"] for it in image["registries"]] == [url]


def test_the_password_of_the_registry_is_encrypted(built: tuple[Recorded, Recorded, str]) -> None:
    """A login of twelve hours is a secret of the state all the same."""
    image, _, _ = built
    assert "registries" in image.secrets


def test_containers_run_the_image_that_was_built(built: tuple[Recorded, Recorded, str]) -> None:
    """What is pushed is what runs: the reference that the build has put out."""
    *_, runs = built
    assert runs == BUILT


def test_without_an_image_and_a_builder_nothing_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence names both ways out, without a traceback, before any resource is declared."""
    monkeypatch.setitem(sys.modules, "pulumi_docker_build", None)
    sentence = r"reprise:image HOST/NAME@sha256.*pip install pulumi-docker-build"
    with pytest.raises(CannotBuild, match=sentence):
        docker_build()
    monkeypatch.setattr("pulumi.get_stack", lambda: "dev")
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({**MINIMAL, "reprise:image": "", "aws:region": REGION}))
    monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps(["reprise:apiKeys", "reprise:cacheToken"]))
    with pytest.raises(pulumi.RunError, match=sentence) as refused:
        program.deploy()
    assert "\n" not in str(refused.value)


def test_the_tag_of_an_image_follows_what_is_in_it(tmp_path: Path) -> None:
    """All that the Dockerfile copies is in the hash, and nothing else; caches are not."""
    for part in COPIED:
        path = tmp_path / part
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir() if part in {"reprise", "service"} else path.write_text(part)
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
