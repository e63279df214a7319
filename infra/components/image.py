"""
The image to run: the one that `reprise:image` names by its digest, or one that is built here and pushed.

Building takes Docker with buildx, and the package `pulumi-docker-build`, which nothing else needs: it is imported only
where it is used. A named image, as CI builds it, is the better way for production: what was tested is what runs.
"""

import hashlib
import importlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra.components import Component
from infra.components.registry import Registry

ROOT = Path(__file__).resolve().parents[2]
PLATFORM = "linux/amd64"
COPIED = ("Dockerfile", "requirements/runtime.txt", "deploy/healthy.py", "LICENSE", "reprise", "service")
_ECR = re.compile(r"(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/(?P<name>[^@:]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """`reference` with its digest; `repository_arn` of a private ECR repository, None if it is public."""

    reference: Input[str]
    repository_arn: Input[str] | None


class CannotBuild(Exception):
    """No image is named, and what would build one is not installed."""


def named(reference: str, partition: str) -> Image:
    """An image that exists."""
    if (found := _ECR.match(reference)) is None:
        return Image(reference=reference, repository_arn=None)
    arn = f"arn:{partition}:ecr:{found['region']}:{found['account']}:repository/{found['name']}"
    return Image(reference=reference, repository_arn=arn)


class Built(Component):
    """Outputs: `image`."""

    def __init__(self, name: str, registry: Registry, opts: ResourceOptions | None = None) -> None:
        super().__init__("Image", name, opts)
        build = docker_build()
        login = aws.ecr.get_authorization_token_output(registry_id=registry.registry_id)
        made = build.Image(
            name,
            context=build.BuildContextArgs(location=str(ROOT)),
            dockerfile=build.DockerfileArgs(location=str(ROOT / "Dockerfile")),
            platforms=[PLATFORM],
            # Tags in the registry never move: other sources, another tag.
            tags=[Output.concat(registry.url, ":", sources(ROOT))],
            push=True,
            build_on_preview=False,
            registries=[
                build.RegistryArgs(
                    address=registry.url, username=login.user_name, password=Output.secret(login.password)
                )
            ],
            opts=self.inside,
        )
        self.image = Image(reference=made.ref, repository_arn=registry.arn)
        self.register_outputs({"reference": made.ref})


def sources(root: Path) -> str:
    """A hash of what goes into the image: the files that the Dockerfile copies, and itself."""
    digest = hashlib.sha256()
    for part in COPIED:
        found = [root / part] if (root / part).is_file() else sorted((root / part).rglob("*"))
        for path in (path for path in found if path.is_file() and "__pycache__" not in path.parts):
            digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def docker_build() -> Any:
    """The package that builds. Raises `CannotBuild` where it is not installed."""
    try:
        return importlib.import_module("pulumi_docker_build")
    except ModuleNotFoundError as error:
        raise CannotBuild(
            "reprise:image names no image, and pulumi-docker-build, which would build one, is not installed: "
            "`pulumi config set reprise:image HOST/NAME@sha256:...`, or `pip install pulumi-docker-build`"
        ) from error
