"""The ECS cluster of a stack, which costs nothing. Container Insights, which do, are off."""

import pulumi_aws as aws
from pulumi import Resource, ResourceOptions

from infra.components import Component

ON_DEMAND, SPOT = "FARGATE", "FARGATE_SPOT"


class Cluster(Component):
    """Outputs: `cluster`, its name, and `arn`; `ready`: what has to be there before tasks are, with `spot` on Spot."""

    def __init__(self, name: str, *, spot: bool, opts: ResourceOptions | None = None) -> None:
        super().__init__("Cluster", name, opts)
        cluster = aws.ecs.Cluster(
            name,
            settings=[aws.ecs.ClusterSettingArgs(name="containerInsights", value="disabled")],
            opts=self.inside,
        )
        self.cluster, self.arn = cluster.name, cluster.arn
        self.ready: list[Resource] = []
        if spot:
            self.ready.append(
                aws.ecs.ClusterCapacityProviders(
                    name, cluster_name=cluster.name, capacity_providers=[ON_DEMAND, SPOT], opts=self.inside
                )
            )
        self.register_outputs({"cluster": self.cluster})
