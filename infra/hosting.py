"""
Where the containers run: the API on App Runner or ECS Express Mode, the workers inside of it or on Fargate.

Each has roles of its own. What the container itself may do follows from the service's role that it plays: api, worker,
or both. What AWS does for it (pull the image, write logs, read secrets) is another role where the platform has two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi_aws as aws
from pulumi import Input, Output

from infra.components.compute.apprunner import AppRunner, AppRunnerArgs
from infra.components.compute.cluster import Cluster
from infra.components.compute.express import Express, ExpressArgs
from infra.components.compute.worker import Worker, WorkerArgs
from infra.components.logs import Logs
from infra.components.roles import Role, RoleArgs
from infra.config.model import Config
from infra.config.sizes import megabytes, units
from infra.containers import API_KEYS, CACHE, PORT, WEBHOOKS, variables
from infra.iam.documents import (
    Places,
    data_access,
    image_access,
    log_access,
    partition,
    secrets_access,
    trace_access,
)
from infra.parts import Parts

TASKS = "ecs-tasks.amazonaws.com"
EXPRESS = "service-role/AmazonECSInfrastructureRoleforExpressGatewayServices"


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """`url` with its scheme; `dimensions` of the platform's metrics; `log_group` where it writes."""

    url: Output[str]
    dimensions: Mapping[str, Input[str]]
    log_group: Input[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """The Fargate workers: `dimensions` of their metrics, `log_group` where they write, `target` that is scaled."""

    dimensions: Mapping[str, Input[str]]
    log_group: Input[str]
    target: aws.appautoscaling.Target


def api(stack: Config, parts: Parts) -> Api:
    """The containers that answer requests; they convert as well unless the workers are apart."""
    if parts.cluster is not None and stack.express:
        return _express(stack, parts, parts.cluster)
    return _runner(stack, parts)


def _said_by(stack: Config) -> tuple[str, frozenset[str]]:
    """The service's role of the API's containers, and what that is made of."""
    return ("api", frozenset({"api"})) if stack.fargate_worker else ("all", frozenset({"api", "worker"}))


def _runner(stack: Config, parts: Parts) -> Api:
    name = f"{stack.prefix}-api"
    role, plays = _said_by(stack)
    references, arns = parts.secrets({API_KEYS: parts.keys, CACHE: parts.address, WEBHOOKS: parts.webhooks})
    instance = Role(
        f"{name}-instance",
        RoleArgs(
            service="tasks.apprunner.amazonaws.com",
            about="what the API does: data, and its secrets",
            statements=_statements(stack, parts, plays, arns, runner=True),
        ),
    )
    access = None
    if parts.image.repository_arn is not None:
        statements = Output.from_input(parts.image.repository_arn).apply(image_access)
        access = Role(
            f"{name}-pull",
            RoleArgs(service="build.apprunner.amazonaws.com", about="pull the image", statements=statements),
        )
    group = parts.connect("connector", "what the API sends", anywhere=False)
    made = AppRunner(
        stack.prefix,
        AppRunnerArgs(
            cpu=units(stack.cpu),
            memory=megabytes(stack.memory),
            min_instances=stack.min_instances,
            max_instances=stack.max_instances,
            max_concurrency=stack.max_concurrency,
            image=parts.image.reference,
            access_role_arn=None if access is None else access.arn,
            instance_role_arn=instance.arn,
            subnets=parts.network.private_subnets,
            group_id=group.id,
            traced=stack.traced,
            variables=variables(stack, role, parts.storage.bucket, parts.jobs.table, runner=True),
            secrets=references,
            ready=[*instance.ready, *(access.ready if access else ()), *parts.foundations],
        ),
    )
    return Api(url=made.url, dimensions=made.dimensions, log_group=made.log_group)


def _express(stack: Config, parts: Parts, cluster: Cluster) -> Api:
    name = f"{stack.prefix}-api"
    role, plays = _said_by(stack)
    references, arns = parts.secrets({API_KEYS: parts.keys, CACHE: parts.address, WEBHOOKS: parts.webhooks})
    logs = Logs(name, stack.log_days)
    task = _task_role(stack, parts, name, plays)
    execution = _execution_role(stack, parts, name, arns, logs)
    managed = f"arn:{partition(stack.region)}:iam::aws:policy/{EXPRESS}"
    infrastructure = Role(
        f"{name}-infrastructure",
        RoleArgs(service="ecs.amazonaws.com", about="load balancer and scaling, made by ECS", managed=[managed]),
    )
    group = parts.connect("api", "what the API sends and is asked", anywhere=True)
    parts.network.from_inside("api", group, PORT)
    made = Express(
        name,
        ExpressArgs(
            cpu=units(stack.cpu),
            memory=megabytes(stack.memory),
            min_instances=stack.min_instances,
            max_instances=stack.max_instances,
            image=parts.image.reference,
            cluster=cluster.cluster,
            task_role_arn=task.arn,
            execution_role_arn=execution.arn,
            infrastructure_role_arn=infrastructure.arn,
            infrastructure_role=infrastructure.role_name,
            subnets=parts.network.public_subnets,
            group_id=group.id,
            log_group=logs.group,
            variables=variables(stack, role, parts.storage.bucket, parts.jobs.table),
            secrets=references,
            ready=[*task.ready, *execution.ready, *infrastructure.ready, *cluster.ready, *parts.foundations],
        ),
    )
    return Api(url=made.url, dimensions=made.dimensions, log_group=logs.group)


def loop(stack: Config, parts: Parts) -> Loop | None:
    """The Fargate workers; None where conversions run in the API's containers."""
    if parts.cluster is None or not stack.fargate_worker:
        return None
    name = f"{stack.prefix}-worker"
    references, arns = parts.secrets({CACHE: parts.address, WEBHOOKS: parts.webhooks})
    logs = Logs(name, stack.log_days)
    plays = frozenset({"worker"})
    task = _task_role(stack, parts, name, plays)
    execution = _execution_role(stack, parts, name, arns, logs)
    group = parts.connect("worker", "what the workers send", anywhere=True)
    made = Worker(
        name,
        WorkerArgs(
            region=stack.region,
            cpu=units(stack.worker_cpu),
            memory=megabytes(stack.worker_memory),
            disk=stack.worker_disk,
            least=stack.worker_min,
            most=stack.worker_max,
            spot=stack.spot,
            image=parts.image.reference,
            cluster=parts.cluster.cluster,
            cluster_arn=parts.cluster.arn,
            task_role_arn=task.arn,
            execution_role_arn=execution.arn,
            subnets=parts.network.public_subnets,
            group_id=group.id,
            log_group=logs.group,
            variables=variables(stack, "worker", parts.storage.bucket, parts.jobs.table),
            secrets=references,
            ready=[*task.ready, *execution.ready, *parts.cluster.ready, *parts.foundations],
        ),
    )
    return Loop(dimensions=made.dimensions, log_group=logs.group, target=made.target)


def _statements(
    stack: Config, parts: Parts, plays: frozenset[str], secrets: Sequence[Input[str]], *, runner: bool = False
) -> Output[list[dict[str, Any]]]:
    """What a container may do with the data; with `secrets`, it reads these itself. `runner`: on App Runner."""
    key = stack.kms_key_arn or None
    traces = trace_access(runner=runner) if stack.traced else []
    return Output.all(parts.storage.arn, parts.jobs.arn, *secrets).apply(
        lambda arns: [
            *data_access(plays, Places(arns[0], arns[1], key), stack.region),
            *secrets_access(arns[2:], key, stack.region),
            *traces,
        ]
    )


def _task_role(stack: Config, parts: Parts, name: str, plays: frozenset[str]) -> Role:
    return Role(
        f"{name}-task",
        RoleArgs(
            service=TASKS,
            about="what the containers do with the data",
            statements=_statements(stack, parts, plays, ()),
            account=parts.account,
        ),
    )


def _execution_role(stack: Config, parts: Parts, name: str, secrets: Sequence[Input[str]], logs: Logs) -> Role:
    key = stack.kms_key_arn or None
    repository = Output.from_input(parts.image.repository_arn)
    statements = Output.all(repository, logs.arn, *secrets).apply(
        lambda arns: [
            *image_access(arns[0]),
            *log_access([arns[1]]),
            *secrets_access(arns[2:], key, stack.region),
        ]
    )
    return Role(
        f"{name}-execution",
        RoleArgs(
            service=TASKS,
            about="what ECS does for the containers: image, logs, secrets",
            statements=statements,
            account=parts.account,
        ),
    )
