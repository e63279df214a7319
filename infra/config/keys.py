"""The keys of a stack's configuration, one row each: the whole list of what can be set."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from infra.config.forms import among, api_keys, flag, like, many, network, one_of, token, webhooks, whole
from infra.config.sizes import CPUS, MEMORIES

LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)

_IMAGE = r"[a-z0-9][a-z0-9.-]*(:[0-9]+)?(/[a-z0-9._-]+)+(:[\w.-]+)?@sha256:[0-9a-f]{64}"
_ORIGIN = r"\*|https?://[a-z0-9.-]+(:[0-9]+)?"
_KEY_ARN = r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+"
_TOPIC_ARN = r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+"
_SUBNET = r"subnet-[0-9a-f]+"


@dataclass(frozen=True, slots=True)
class Key:
    """A setting. `read` raises `ValueError` for anything that is not as `expects` says."""

    name: str
    field: str
    read: Callable[[str], Any]
    expects: str
    default: Any
    about: str
    secret: bool = False


def _listed(numbers: tuple[float, ...]) -> str:
    return ", ".join(f"{number:g}" for number in numbers)


_LIST = "a list of {}"

KEYS: tuple[Key, ...] = (
    Key(
        "compute",
        "compute",
        one_of("apprunner", "ecs-express"),
        "apprunner or ecs-express",
        "ecs-express",
        "what runs the API. apprunner is closed to AWS accounts that did not use it before 2026-04-30",
    ),
    Key(
        "worker",
        "worker",
        one_of("embedded", "fargate"),
        "embedded or fargate",
        "embedded",
        "where conversions run: in the API's containers, or in a Fargate service of their own",
    ),
    Key(
        "cache",
        "cache",
        one_of("none", "serverless", "replicated"),
        "none, serverless or replicated",
        "none",
        "ElastiCache for fresh progress; without it progress is two seconds old",
    ),
    Key("cacheNodeType", "cache_node_type", like(r"cache\.[a-z0-9]+\.[a-z0-9]+"), "a node type, as cache.t4g.micro",
        "cache.t4g.micro", "node type of a replicated cache"),
    Key("cacheNodes", "cache_nodes", whole(1, 6), "1 to 6", 2, "nodes of a replicated cache; from 2 on it fails over"),
    Key("cacheToken", "cache_token", token, "32 to 128 of A-Z, a-z, 0-9, _ and -", "",
        "password of the cache", secret=True),
    Key("image", "image", like(_IMAGE), "an image by digest, as HOST/NAME@sha256:...", "",
        "the image to run, by digest; empty: the program builds and pushes it"),
    Key("registry", "registry", flag, "true or false", default=False,
        about="an ECR registry, also where `image` names an image"),
    Key("apiKeys", "api_keys", api_keys, "tenant:SHA-256-of-key, comma-separated, or none", "",
        "who may use the API", secret=True),
    Key("webhooks", "webhooks", webhooks, 'JSON: {"tenant": {"url": "https://...", "secrets": ["whsec_..."]}}', "",
        "where tenants are told of ended jobs; empty: nowhere", secret=True),
    Key("corsOrigins", "cors_origins", many(like(_ORIGIN)), _LIST.format("origins, as https://app.example.com"), (),
        "the sites whose pages use the service"),
    Key("cpu", "cpu", among(*CPUS), f"one of {_listed(CPUS)}", 1.0, "vCPUs of an API instance"),
    Key("memory", "memory", among(*MEMORIES), f"one of {_listed(MEMORIES)}", 2.0, "GB of memory of an API instance"),
    Key("minInstances", "min_instances", whole(1, 25), "1 to 25", 1, "API instances that are always there"),
    Key("maxInstances", "max_instances", whole(1, 25), "1 to 25", 4, "API instances at most"),
    Key("maxConcurrency", "max_concurrency", whole(1, 200), "1 to 200", 80,
        "requests of one App Runner instance at once, beyond which another is started"),
    Key("slots", "slots", whole(0, 64), "0 to 64", 0, "conversions of one container at once; 0: the service's default"),
    Key("workerCpu", "worker_cpu", among(*CPUS), f"one of {_listed(CPUS)}", 1.0, "vCPUs of a Fargate worker"),
    Key("workerMemory", "worker_memory", among(*MEMORIES), f"one of {_listed(MEMORIES)}", 2.0,
        "GB of memory of a Fargate worker"),
    Key("workerMin", "worker_min", whole(1, 100), "1 to 100", 1, "Fargate workers that are always there"),
    Key("workerMax", "worker_max", whole(1, 100), "1 to 100", 4, "Fargate workers at most"),
    Key("workerDisk", "worker_disk", whole(20, 200), "20 to 200", 20, "GiB of disk of a Fargate worker"),
    Key("spot", "spot", flag, "true or false", default=True,
        about="Fargate workers on Spot capacity: cheaper, and may be stopped"),
    Key("keepHours", "keep_hours", whole(1, 8784), "1 to 8784", 24, "how long uploads and jobs are kept, in hours"),
    Key("expireDays", "expire_days", whole(1, 3650), "1 to 3650", 30,
        "after how many days S3 deletes what is left of them"),
    Key("maxUploadGib", "max_upload_gib", whole(1, 1024), "1 to 1024", 5, "largest upload, in GiB"),
    Key("logLevel", "log_level", one_of("debug", "info", "warning", "error"), "debug, info, warning or error", "info",
        "how much the service logs; the alarms need info"),
    Key("logDays", "log_days", lambda text: int(among(*LOG_DAYS)(text)), f"one of {_listed(LOG_DAYS)}", 14,
        "how long logs are kept, in days"),
    Key("tracing", "tracing", one_of("none", "xray"), "none or xray", "none",
        "traces: none, or xray: spans of requests, jobs and calls to AWS, sent to AWS X-Ray"),
    Key("protect", "protect", flag, "true or false", default=False,
        about="for production: what holds data survives `pulumi destroy`, the table has backups"),
    Key("kmsKeyArn", "kms_key_arn", like(_KEY_ARN), "the ARN of a KMS key", "",
        "a KMS key of yours for bucket, table and secrets; empty: the keys of S3 and DynamoDB"),
    Key("network", "network", one_of("create", "existing"), "create or existing", "create",
        "a VPC of its own, or the one that vpcId, privateSubnets and publicSubnets name"),
    Key("vpcCidr", "vpc_cidr", network, "a private network from /16 to /28", "10.64.0.0/16",
        "addresses of the VPC; of an existing one, its own"),
    Key("zones", "zones", many(like(r"[a-z0-9-]+[a-z]")), _LIST.format("two or three availability zones"), (),
        "availability zones; empty: the first two of the region"),
    Key("vpcId", "vpc_id", like(r"vpc-[0-9a-f]+"), "the id of a VPC, as vpc-0123", "", "an existing VPC"),
    Key("privateSubnets", "private_subnets", many(like(_SUBNET)), _LIST.format("subnets, as subnet-0123"), (),
        "its private subnets, at least two; they need gateway endpoints for S3 and DynamoDB"),
    Key("publicSubnets", "public_subnets", many(like(_SUBNET)), _LIST.format("subnets, as subnet-0123"), (),
        "its public subnets, at least two, for ecs-express and fargate"),
    Key("alarmTopicArn", "alarm_topic_arn", like(_TOPIC_ARN), "the ARN of an SNS topic", "",
        "where alarms are sent; empty: they only show in the console"),
    Key("budgetUsd", "budget_usd", whole(0, 1_000_000), "0 to 1000000", 0,
        "a mail when the account's bill is forecast to pass this, in USD a month; 0: no budget"),
    Key("budgetEmail", "budget_email", like(r"[^@\s]+@[^@\s]+\.[^@\s]+"), "a mail address", "",
        "who gets that mail"),
)  # fmt: skip
