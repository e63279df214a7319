"""The ECS cluster of a stack, which costs nothing. Container Insights, which do, are off."""

import pulumi_aws as aws
from pulumi import Resource, ResourceOptions

from infra.components import Component

ON_DEMAND, SPOT = "FARGATE", "FARGATE_SPOT"


class Cluster(Component):
    """With `tasks`, for services of ours. Outputs: `cluster`, its name, `arn`, and `ready`, which comes before them."""

    def __init__(self, name: str, *, tasks: bool, opts: ResourceOptions | None = None) -> None:
        super().__init__("Cluster", name, opts)
        cluster = aws.ecs.Cluster(
            name,
            settings=[aws.ecs.ClusterSettingArgs(name="containerInsights", value="disabled")],
            opts=self.inside,
        )
        self.cluster, self.arn = cluster.name, cluster.arn
        self.ready: list[Resource] = []
        if tasks:
            self.ready.append(
                aws.ecs.ClusterCapacityProviders(
                    name, cluster_name=cluster.name, capacity_providers=[ON_DEMAND, SPOT], opts=self.inside
                )
            )
        self.register_outputs({"cluster": self.cluster})
