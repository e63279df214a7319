"""
The API on ECS Express Mode: one resource, from which AWS makes the load balancer, certificate, address and scaling.

Its defaults differ from page to page of the documentation, so all of them are set. A service that was deleted keeps its
name for a while, so the name ends in a hash of the role and the cluster, which are new whenever the service is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi_aws as aws
from pulumi import Input, Output, Resource, ResourceOptions

from infra.components import Component
from infra.containers import LIVE, PORT
from infra.naming import hashed

BUSY = 60  # percent of CPU beyond which another task is started


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpressArgs:
    """`cpu` in units, `memory` in MB; `secrets` are ARNs by variable; `ready` what has to be there."""

    cpu: str
    memory: str
    min_instances: int
    max_instances: int
    image: Input[str]
    cluster: Input[str]
    task_role_arn: Input[str]
    execution_role_arn: Input[str]
    infrastructure_role_arn: Input[str]
    infrastructure_role: Input[str]
    subnets: Sequence[Input[str]]
    group_id: Input[str]
    log_group: Input[str]
    variables: Mapping[str, Input[str]]
    secrets: Mapping[str, Input[str]]
    ready: Sequence[Resource]


class Express(Component):
    """Outputs: `url`; `dimensions` of its metrics."""

    def __init__(self, name: str, args: ExpressArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("Express", name, opts)
        service_name = Output.all(args.cluster, args.infrastructure_role).apply(lambda parts: hashed(name, *parts))
        service = aws.ecs.ExpressGatewayService(
            name,
            service_name=service_name,
            cluster=args.cluster,
            cpu=args.cpu,
            memory=args.memory,
            health_check_path=LIVE,
            task_role_arn=args.task_role_arn,
            execution_role_arn=args.execution_role_arn,
            infrastructure_role_arn=args.infrastructure_role_arn,
            primary_container=_container(args),
            network_configurations=[
                aws.ecs.ExpressGatewayServiceNetworkConfigurationArgs(
                    subnets=list(args.subnets), security_groups=[args.group_id]
                )
            ],
            scaling_targets=[
                aws.ecs.ExpressGatewayServiceScalingTargetArgs(
                    auto_scaling_metric="AVERAGE_CPU",
                    auto_scaling_target_value=BUSY,
                    min_task_count=args.min_instances,
                    max_task_count=args.max_instances,
                )
            ],
            wait_for_steady_state=True,
            opts=self.within(ResourceOptions(depends_on=list(args.ready))),
        )
        self.url = service.ingress_paths.apply(lambda paths: address(paths[0].endpoint))
        self.dimensions: Mapping[str, Output[str]] = {
            "ClusterName": Output.from_input(args.cluster),
            "ServiceName": service.service_name,
        }
        self.register_outputs({"url": self.url})


def _container(args: ExpressArgs) -> aws.ecs.ExpressGatewayServicePrimaryContainerArgs:
    return aws.ecs.ExpressGatewayServicePrimaryContainerArgs(
        image=args.image,
        container_port=PORT,
        environments=[
            aws.ecs.ExpressGatewayServicePrimaryContainerEnvironmentArgs(name=name, value=value)
            for name, value in sorted(args.variables.items())
        ],
        secrets=[
            aws.ecs.ExpressGatewayServicePrimaryContainerSecretArgs(name=name, value_from=arn)
            for name, arn in sorted(args.secrets.items())
        ],
        aws_logs_configurations=[
            aws.ecs.ExpressGatewayServicePrimaryContainerAwsLogsConfigurationArgs(
                log_group=args.log_group, log_stream_prefix="api"
            )
        ],
    )


def address(endpoint: str) -> str:
    """The endpoint as an address; AWS gives it with its scheme in some answers, and without it in others."""
    return endpoint if endpoint.startswith("https://") else f"https://{endpoint}"
