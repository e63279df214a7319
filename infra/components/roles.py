"""A role: who may take it, and what it may do. Each purpose has its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi_aws as aws
from pulumi import Input, Output, Resource, ResourceOptions

from infra.components import Component
from infra.iam.documents import document, trust


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleArgs:
    """
    `service` of AWS takes the role, with `account` only for that account. None for `statements`: none of its own.

    `managed` are policies that AWS maintains, by ARN.
    """

    service: str
    about: str
    statements: Input[Sequence[dict[str, Any]]] | None = None
    managed: Sequence[str] = ()
    account: str | None = None


class Role(Component):
    """
    Outputs: `arn`, `role_name`, and `ready`: what has to be there before the role can do its work.

    Whatever uses the role depends on `ready`. It would fail at first otherwise, and, worse, could not shut down at the
    end: an ECS service whose role has lost its policies stays in DRAINING.
    """

    def __init__(self, name: str, args: RoleArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("Role", name, opts)
        role = aws.iam.Role(
            name, assume_role_policy=trust(args.service, args.account), description=args.about, opts=self.inside
        )
        self.arn, self.role_name = role.arn, role.name
        self.ready: list[Resource] = [
            aws.iam.RolePolicyAttachment(f"{name}-{index}", role=role.name, policy_arn=arn, opts=self.inside)
            for index, arn in enumerate(args.managed)
        ]
        if args.statements is not None:
            policy = Output.from_input(args.statements).apply(document)
            self.ready.append(aws.iam.RolePolicy(name, role=role.name, policy=policy, opts=self.inside))
        self.register_outputs({"arn": self.arn})
