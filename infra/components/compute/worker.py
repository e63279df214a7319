"""
The conversion loop as its own Fargate service, from the same image, on Spot capacity by default.

Being stopped is what the service is made for, and a task that is asked to stop gives its leases back in seconds.

How many tasks there are follows their CPU: a conversion takes a whole one for as long as it runs. That sees work which
is being done, and not work that waits (`scaling` does).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi_aws as aws
from pulumi import Input, Output, Resource, ResourceOptions

from infra.components import Component
from infra.components.compute.cluster import SPOT

BUSY = 60  # percent of CPU beyond which another task is started
STOP = 60  # seconds until SIGKILL; a release takes less than ten, Spot gives notice of 120
DISK = 20  # GiB that a task has anyhow; more has to be said, and is billed


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerArgs:
    """`cpu` in units, `memory` in MB, `disk` in GiB; `secrets` are ARNs by variable; `ready` what has to be there."""

    region: str
    cpu: str
    memory: str
    disk: int
    least: int
    most: int
    spot: bool
    image: Input[str]
    cluster: Input[str]
    cluster_arn: Input[str]
    task_role_arn: Input[str]
    execution_role_arn: Input[str]
    subnets: Sequence[Input[str]]
    group_id: Input[str]
    log_group: Input[str]
    variables: Mapping[str, Input[str]]
    secrets: Mapping[str, Input[str]]
    ready: Sequence[Resource]


class Worker(Component):
    """Outputs: `dimensions` of its metrics; `target`, what is scaled."""

    def __init__(self, name: str, args: WorkerArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("Worker", name, opts)
        self._name, self._args = name, args
        service = self._service(self._task())
        self.dimensions: Mapping[str, Output[str]] = {
            "ClusterName": Output.from_input(args.cluster),
            "ServiceName": service.name,
        }
        self.target = self._scaling(service)
        self.register_outputs({"service": service.name})

    def _task(self) -> aws.ecs.TaskDefinition:
        args = self._args
        more = aws.ecs.TaskDefinitionEphemeralStorageArgs(size_in_gib=args.disk) if args.disk > DISK else None
        return aws.ecs.TaskDefinition(
            self._name,
            family=self._name,
            cpu=args.cpu,
            memory=args.memory,
            network_mode="awsvpc",
            requires_compatibilities=["FARGATE"],
            runtime_platform=aws.ecs.TaskDefinitionRuntimePlatformArgs(
                cpu_architecture="X86_64", operating_system_family="LINUX"
            ),
            ephemeral_storage=more,
            task_role_arn=args.task_role_arn,
            execution_role_arn=args.execution_role_arn,
            container_definitions=Output.json_dumps([container(args)], sort_keys=True),
            opts=self.inside,
        )

    def _service(self, task: aws.ecs.TaskDefinition) -> aws.ecs.Service:
        args = self._args
        strategies = [aws.ecs.ServiceCapacityProviderStrategyArgs(capacity_provider=SPOT, weight=1)]
        return aws.ecs.Service(
            self._name,
            cluster=args.cluster_arn,
            task_definition=task.arn,
            desired_count=args.least,
            # From one to the other is another service, which is there before the old one goes.
            launch_type=None if args.spot else "FARGATE",
            capacity_provider_strategies=strategies if args.spot else None,
            deployment_circuit_breaker=aws.ecs.ServiceDeploymentCircuitBreakerArgs(enable=True, rollback=True),
            deployment_minimum_healthy_percent=100,
            deployment_maximum_percent=200,
            # An address of its own is the way to the registry and the logs; nothing can connect to it.
            network_configuration=aws.ecs.ServiceNetworkConfigurationArgs(
                subnets=list(args.subnets), security_groups=[args.group_id], assign_public_ip=True
            ),
            enable_execute_command=False,
            enable_ecs_managed_tags=True,
            propagate_tags="SERVICE",
            wait_for_steady_state=True,
            # How many there are is what the scaling below decides from then on.
            opts=self.within(ResourceOptions(depends_on=list(args.ready), ignore_changes=["desiredCount"])),
        )

    def _scaling(self, service: aws.ecs.Service) -> aws.appautoscaling.Target:
        args = self._args
        target = aws.appautoscaling.Target(
            self._name,
            service_namespace="ecs",
            scalable_dimension="ecs:service:DesiredCount",
            resource_id=Output.concat("service/", args.cluster, "/", service.name),
            min_capacity=args.least,
            max_capacity=args.most,
            opts=self.inside,
        )
        metric = aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs(
            predefined_metric_type="ECSServiceAverageCPUUtilization"
        )
        aws.appautoscaling.Policy(
            self._name,
            policy_type="TargetTrackingScaling",
            service_namespace=target.service_namespace,
            scalable_dimension=target.scalable_dimension,
            resource_id=target.resource_id,
            target_tracking_scaling_policy_configuration=(
                aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs(
                    target_value=BUSY,
                    scale_out_cooldown=60,
                    scale_in_cooldown=300,
                    predefined_metric_specification=metric,
                )
            ),
            opts=self.inside,
        )
        return target


def container(args: WorkerArgs) -> dict[str, Any]:
    """The container, in the words of ECS. The health check is the image's own, which ECS does not read from there."""
    return {
        "name": "worker",
        "image": args.image,
        "essential": True,
        "stopTimeout": STOP,
        "environment": [{"name": name, "value": value} for name, value in sorted(args.variables.items())],
        "secrets": [{"name": name, "valueFrom": arn} for name, arn in sorted(args.secrets.items())],
        "healthCheck": {
            "command": ["CMD", "python", "-I", "-S", "healthy.py"],
            "interval": 10,
            "timeout": 5,
            "retries": 3,
            "startPeriod": 60,
        },
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": args.log_group,
                "awslogs-region": args.region,
                "awslogs-stream-prefix": "worker",
            },
        },
    }
