"""
How settings have to fit together: every rule is a condition, and a sentence that names the fix.

`relations` are mistakes, with which nothing is made; `warnings` are choices that work, and that surprise.
"""

import re
from collections.abc import Iterator, Mapping

from infra.config.model import Config
from infra.config.sizes import APP_RUNNER, FARGATE

# An App Runner auto-scaling configuration has the shortest name, 32 characters: `reprise-<stack>-<eight of a hash>`.
STACK = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST_STACK = 15
SMALLEST = 17  # the prefix of a VPC that has room for three public and three private subnets of /20


def relations(config: Config, given: Mapping[str, str]) -> list[str]:
    """Every rule that is broken, as a sentence with its fix. `given` are the texts that the stack has set."""
    return [
        *_names(config),
        *_access(config, given),
        *_sizes(config),
        *_time(config),
        *_cache(config, given),
        *_network(config, given),
        *_money(config),
    ]


def warnings(config: Config) -> list[str]:
    """What is better known before it is seen, as sentences with the other choice."""
    found = []
    if not config.express and not config.fargate_worker and config.max_instances > 1:
        found.append(
            f"reprise:worker is embedded and reprise:maxInstances is {config.max_instances} on App Runner, which gives "
            "CPU only to an instance that is answering a request: a job is taken over by the instance that its client "
            "happens to ask, and a conversion of more than 100 seconds may fail with attempts_exhausted; set "
            "reprise:worker to fargate, or reprise:maxInstances to 1"
        )
    return found


def _names(config: Config) -> Iterator[str]:
    if STACK.fullmatch(config.stack) is None or len(config.stack) > LONGEST_STACK:
        yield (
            f"the stack's name must be at most {LONGEST_STACK} of a-z, 0-9 and single -, beginning with a letter, as "
            f"names in AWS are made of it, not {config.stack!r}: `pulumi stack rename`"
        )
    if not config.region:
        yield "aws:region is missing: `pulumi config set aws:region us-east-1`"


def _access(config: Config, given: Mapping[str, str]) -> Iterator[str]:
    if not given.get("apiKeys", "").strip():
        yield (
            "reprise:apiKeys is missing: `pulumi config set --secret reprise:apiKeys TENANT:$(printf %s KEY | "
            "sha256sum | cut -c1-64)`, or none to let everybody in"
        )
    if not given.get("corsOrigins", "").strip() or given.get("corsOrigins", "").strip() == "[]":
        yield (
            "reprise:corsOrigins is missing: `pulumi config set --path 'reprise:corsOrigins[0]' "
            "https://app.example.com`, the site whose pages use the service"
        )
    if config.protect and config.api_keys == "none":
        yield "reprise:apiKeys may not be none where reprise:protect is true: list who may use the API"
    if config.protect and "*" in config.cors_origins:
        yield "reprise:corsOrigins may not hold * where reprise:protect is true: name the sites"
    if config.webhooks and not config.has_tasks:
        yield (
            "reprise:webhooks is set, but containers on App Runner reach S3 and DynamoDB alone, and convert and notify "
            "there: set reprise:worker to fargate"
        )
    if config.log_level in {"warning", "error"}:
        yield (
            f"reprise:logLevel may not be {config.log_level}: the alarms read events of level info "
            "(request.done, job.accepted); set info"
        )


def _sizes(config: Config) -> Iterator[str]:
    table, where = (FARGATE, "Fargate") if config.express else (APP_RUNNER, "App Runner")
    yield from _pair("cpu", config.cpu, "memory", config.memory, table, where)
    if config.fargate_worker:
        yield from _pair("workerCpu", config.worker_cpu, "workerMemory", config.worker_memory, FARGATE, "Fargate")
    for least, most, low, high in (
        ("minInstances", "maxInstances", config.min_instances, config.max_instances),
        ("workerMin", "workerMax", config.worker_min, config.worker_max),
    ):
        if low > high:
            yield f"reprise:{least} ({low}) is more than reprise:{most} ({high}): lower the one or raise the other"


def _pair(
    cpu: str, vcpus: float, memory: str, gb: float, table: Mapping[float, tuple[float, ...]], where: str
) -> Iterator[str]:
    allowed = table.get(vcpus, ())
    if gb not in allowed:
        some = ", ".join(f"{it:g}" for it in allowed)
        fix = f"set reprise:{memory} to one of {some}" if some else f"set reprise:{cpu} to one of {_keys(table)}"
        yield f"{where} has no {vcpus:g} vCPU with {gb:g} GB: {fix}"


def _keys(table: Mapping[float, tuple[float, ...]]) -> str:
    return ", ".join(f"{it:g}" for it in table)


def _time(config: Config) -> Iterator[str]:
    # The service refuses to start otherwise: an upload may be converted in its last second, and its job is kept
    # as long again.
    if config.expire_days * 24 < 2 * config.keep_hours:
        yield (
            f"reprise:expireDays ({config.expire_days}) is less than twice reprise:keepHours ({config.keep_hours}): S3 "
            f"would delete what is promised; set at least {-(-2 * config.keep_hours // 24)}"
        )


def _cache(config: Config, given: Mapping[str, str]) -> Iterator[str]:
    if config.has_cache and not given.get("cacheToken", "").strip():
        yield (
            f"reprise:cacheToken is missing for reprise:cache {config.cache}: `pulumi config set --secret "
            "reprise:cacheToken $(openssl rand -hex 32)`"
        )


def _network(config: Config, given: Mapping[str, str]) -> Iterator[str]:
    existing = {
        "vpcId": config.vpc_id,
        "privateSubnets": config.private_subnets,
        "publicSubnets": config.public_subnets,
    }
    if config.network == "create":
        for name in (name for name, value in existing.items() if value):
            yield f"reprise:{name} is set, but reprise:network is create: remove the one, or set the other to existing"
        if config.zones and len(config.zones) not in {2, 3}:
            yield f"reprise:zones must name two or three availability zones, not {len(config.zones)}"
        if int(config.vpc_cidr.rpartition("/")[2]) > SMALLEST:
            yield f"reprise:vpcCidr {config.vpc_cidr} has no room for six subnets of /20: set one of /16 or /17"
        return
    if not given.get("vpcCidr", "").strip() and config.express:
        yield "reprise:vpcCidr is missing for reprise:network existing: the addresses of that VPC"
    if config.zones:
        yield "reprise:zones is set, but reprise:network is existing: the subnets have their zones already; remove it"
    if not config.vpc_id:
        yield "reprise:vpcId is missing for reprise:network existing"
    if len(config.private_subnets) < 2:
        yield "reprise:privateSubnets must name at least two subnets for reprise:network existing"
    if config.has_tasks and len(config.public_subnets) < 2:
        yield "reprise:publicSubnets must name at least two subnets for ecs-express or fargate in an existing network"


def _money(config: Config) -> Iterator[str]:
    if bool(config.budget_usd) != bool(config.budget_email):
        yield "reprise:budgetUsd and reprise:budgetEmail go together: set both, or neither"
