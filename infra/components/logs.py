"""A log group with an end: what is in it goes after so many days, and the group itself with the stack."""

import pulumi_aws as aws
from pulumi import ResourceOptions

from infra.components import Component


class Logs(Component):
    """Outputs: `group`, its name, and `arn`."""

    def __init__(self, name: str, days: int, opts: ResourceOptions | None = None) -> None:
        super().__init__("Logs", name, opts)
        group = aws.cloudwatch.LogGroup(name, retention_in_days=days, opts=self.inside)
        self.group, self.arn = group.name, group.arn
        self.register_outputs({"group": self.group})
