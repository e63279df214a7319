"""The stacks of docs/costs.md: the example files themselves, and what a team without App Runner has for development."""

import json
from collections.abc import Mapping
from pathlib import Path

import yaml

from infra import config
from infra.config.model import Config

ROOT = Path(__file__).resolve().parents[2]

# Secrets are in no file of the repository; what they are changes no price.
PLACEHOLDERS: Mapping[str, str] = {"reprise:apiKeys": f"team:{'0' * 64}", "reprise:cacheToken": "0" * 32}


def example(stack: str, **changed: str) -> Config:
    """The configuration in Pulumi.<stack>.yaml, with secrets made up, and with these settings instead of its own."""
    document = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in document["config"].items()}
    more = {f"reprise:{name}": value for name, value in changed.items()}
    return config.read({**PLACEHOLDERS, **texts, **more}, stack=stack, region=texts["aws:region"])


def examples() -> Mapping[str, tuple[str, Config]]:
    """By name, each with what it is."""
    return {
        "dev": ("Pulumi.dev.yaml as it is: App Runner, conversions in the same containers, no cache.", example("dev")),
        "dev on ECS Express Mode": (
            "The same with `reprise:compute: ecs-express`, for accounts that cannot use App Runner.",
            example("dev", compute="ecs-express"),
        ),
        "prod": (
            "Pulumi.prod.yaml as it is: ECS Express Mode, workers on Fargate Spot, a serverless cache.",
            example("prod"),
        ),
        "prod on App Runner": (
            "The same with `reprise:compute: apprunner`, for accounts that have it.",
            example("prod", compute="apprunner"),
        ),
    }
