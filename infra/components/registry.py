"""A private registry for the image: tags never move, what is pushed is scanned, and old images go."""

import json
from dataclasses import dataclass

import pulumi_aws as aws
from pulumi import ResourceOptions

from infra.components import Component

KEPT, UNTAGGED_DAYS = 30, 7


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryArgs:
    """`protect`: it is not deleted while images are in it."""

    protect: bool
    kms_key_arn: str


class Registry(Component):
    """Outputs: `url` without a tag, `arn`, `registry_id`."""

    def __init__(self, name: str, args: RegistryArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("Registry", name, opts)
        own_key = aws.ecr.RepositoryEncryptionConfigurationArgs(encryption_type="KMS", kms_key=args.kms_key_arn)
        repository = aws.ecr.Repository(
            name,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
            encryption_configurations=[own_key] if args.kms_key_arn else None,
            force_delete=not args.protect,
            opts=self.inside,
        )
        aws.ecr.LifecyclePolicy(name, repository=repository.name, policy=_lifecycle(), opts=self.inside)
        self.url, self.arn, self.registry_id = repository.repository_url, repository.arn, repository.registry_id
        self.register_outputs({"url": self.url})


def _lifecycle() -> str:
    """A rollback needs the images of the last releases; those without a tag are left over from builds."""
    untagged = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days"}
    rules = [
        {"rulePriority": 1, "selection": {**untagged, "countNumber": UNTAGGED_DAYS}, "action": {"type": "expire"}},
        {
            "rulePriority": 2,
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": KEPT},
            "action": {"type": "expire"},
        },
    ]
    return json.dumps({"rules": rules})
