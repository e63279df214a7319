"""
A secret in Secrets Manager: the hashes of the API keys, the address of the cache with its password.

Containers get its ARN, and AWS puts the value into their environment; no console, template or log shows it. In Pulumi's
state it is encrypted.
"""

from dataclasses import dataclass

import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra.components import Component

RECOVERY = 30  # days for which a deleted secret can be brought back


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSecretArgs:
    """`protect`: for 30 days after its deletion it can be brought back; else it goes at once."""

    value: Input[str]
    about: str
    protect: bool
    kms_key_arn: str


class StoredSecret(Component):
    """Outputs: `arn`, and `reference`, which names the version too, so that a new value is a new deployment."""

    def __init__(self, name: str, args: StoredSecretArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("StoredSecret", name, opts)
        secret = aws.secretsmanager.Secret(
            name,
            description=args.about,
            kms_key_id=args.kms_key_arn or None,
            recovery_window_in_days=RECOVERY if args.protect else 0,
            opts=self.inside,
        )
        version = aws.secretsmanager.SecretVersion(
            name, secret_id=secret.id, secret_string=Output.secret(args.value), opts=self.inside
        )
        self.arn = secret.arn
        # ARN:JSON key:stage:version, with the two in the middle left out; App Runner and ECS read it alike.
        self.reference = Output.concat(secret.arn, ":::", version.version_id)
        self.register_outputs({"arn": self.arn})
