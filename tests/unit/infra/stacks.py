"""Stacks that the tests of the program look at: every compute, worker and cache, for development and for production."""

import functools
import itertools
from collections.abc import Mapping

from tests.support.cloud import ACCOUNT, REGION, Cloud, deployed

WEBHOOKS = '{"team":{"url":"https://team.example/hook","secrets":["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}}'
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0f7a2d1e-1111-2222-3333-444455556666"
EXISTING = {
    "network": "existing",
    "vpcId": "vpc-0a",
    "vpcCidr": "10.64.0.0/16",
    "privateSubnets": '["subnet-1", "subnet-2"]',
    "publicSubnets": '["subnet-3", "subnet-4"]',
}

COMPUTES, WORKERS, CACHES = ("apprunner", "ecs-express"), ("embedded", "fargate"), ("none", "serverless", "replicated")

STACKS: Mapping[str, Mapping[str, str]] = {
    **{
        f"{compute}, {worker}, {cache}, dev": {"compute": compute, "worker": worker, "cache": cache, "protect": "false"}
        for compute, worker, cache in itertools.product(COMPUTES, WORKERS, CACHES)
    },
    **{
        f"{compute}, {worker}, {cache}, prod": {"compute": compute, "worker": worker, "cache": cache, "protect": "true"}
        for compute, worker, cache in itertools.product(COMPUTES, WORKERS, ("replicated",))
    },
    "with a key of its own": {"worker": "fargate", "cache": "replicated", "kmsKeyArn": KEY, "registry": "true"},
    "App Runner with a key of its own": {"compute": "apprunner", "cache": "serverless", "kmsKeyArn": KEY},
    "with webhooks, on Express": {"webhooks": WEBHOOKS},
    "with webhooks, from Fargate": {"compute": "apprunner", "worker": "fargate", "webhooks": WEBHOOKS},
    "in an existing network": {"worker": "fargate", "cache": "serverless", **EXISTING},
    "App Runner in an existing network": {"compute": "apprunner", **EXISTING},
    "with a budget and a topic": {
        "budgetUsd": "100",
        "budgetEmail": "ops@example.com",
        "alarmTopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:oncall",
        "worker": "fargate",
        "spot": "false",
        "workerDisk": "40",
    },
    "traced, on App Runner": {"compute": "apprunner", "worker": "fargate", "tracing": "xray"},
    "traced, on Express": {"tracing": "xray"},
    "of a public image": {"compute": "apprunner", "image": f"public.ecr.aws/reprise/reprise@sha256:{'a' * 64}"},
}


@functools.cache
def stack(name: str) -> Cloud:
    """What the program declares for one of `STACKS`; nothing in it is to be changed."""
    return deployed(STACKS[name], stack="prod" if name.endswith("prod") else "dev")


def with_(**settings: str) -> list[str]:
    """The names of the stacks that have these settings."""
    return [name for name, own in STACKS.items() if all(own.get(it) == value for it, value in settings.items())]
