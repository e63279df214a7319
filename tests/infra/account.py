"""The account behind the emulator, asked with boto3: what is in it, and what a container of the service is told."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import boto3

from tests.infra.emulator import Emulator

CREDENTIALS: Mapping[str, str] = {
    "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1",
}  # fmt: skip
Resource = Mapping[str, Any]


@contextmanager
def client(emulator: Emulator, service: str) -> Iterator[Any]:
    """A client of one service, closed with the block."""
    session = boto3.session.Session("test", "test", region_name="us-east-1")
    made = session.client(service, endpoint_url=emulator.endpoints[service])  # type: ignore[call-overload]  # by name
    try:
        yield made
    finally:
        made.close()


def contents(emulator: Emulator) -> dict[str, list[str]]:
    """What there is in the account that holds data, costs money or lets somebody in, by name."""
    with (
        client(emulator, "s3") as s3, client(emulator, "dynamodb") as dynamodb, client(emulator, "iam") as iam,
        client(emulator, "ec2") as ec2, client(emulator, "secretsmanager") as secrets, client(emulator, "logs") as logs,
        client(emulator, "ecs") as ecs, client(emulator, "apprunner") as apprunner,
    ):  # fmt: skip
        vpcs = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["false"]}])["Vpcs"]
        found = {
            "buckets": [it["Name"] for it in s3.list_buckets()["Buckets"]],
            "tables": dynamodb.list_tables()["TableNames"],
            "roles": [it["RoleName"] for it in iam.list_roles()["Roles"]],
            "networks": [it["VpcId"] for it in vpcs],
            "secrets": [it["Name"] for it in secrets.list_secrets()["SecretList"]],
            "log groups": [it["logGroupName"] for it in logs.describe_log_groups()["logGroups"]],
            # One that was deleted is listed for a while.
            "clusters": [
                it["clusterArn"]
                for it in ecs.describe_clusters(clusters=ecs.list_clusters()["clusterArns"])["clusters"]
                if it["status"] == "ACTIVE"
            ],
            "services": [it["ServiceName"] for it in apprunner.list_services()["ServiceSummaryList"]],
        }
    return {kind: names for kind, names in found.items() if names}


def a_network(emulator: Emulator) -> dict[str, str]:
    """
    A network that was there before, and the settings that name it.

    Its gateway endpoints are not the program's, so that the way out is one rule for HTTPS. With endpoints of its own it
    is one for each, by prefix list: a stand-in for the plugin may know only one list, and the two are alike then.
    """
    with client(emulator, "ec2") as ec2:
        vpc = ec2.create_vpc(CidrBlock="10.64.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.64.{16 * number}.0/20", AvailabilityZone=f"us-east-1{zone}")
            for number, zone in enumerate("abab")
        ]
    names = [it["Subnet"]["SubnetId"] for it in subnets]
    kinds = ("privateSubnets[0]", "privateSubnets[1]", "publicSubnets[0]", "publicSubnets[1]")
    named = {f"reprise:{kind}": name for kind, name in zip(kinds, names, strict=True)}
    return {"reprise:network": "existing", "reprise:vpcId": vpc, "reprise:vpcCidr": "10.64.0.0/16", **named}


def lift_policy(emulator: Emulator, bucket: str) -> None:
    """
    Take the bucket's policy away, so that the emulator can be used without TLS.

    moto looks at no condition of a policy: what is denied without TLS, it denies altogether.
    """
    with client(emulator, "s3") as s3:
        s3.delete_bucket_policy(Bucket=bucket)


def of_type(resources: Sequence[Resource], token: str) -> Resource:
    """The one resource of this type, as the state has it."""
    (found,) = [it for it in resources if it["type"] == token]
    return found


def told_to_container(emulator: Emulator, resources: Sequence[Resource]) -> dict[str, str]:
    """The environment that the platform gives to a container of the API: plain variables, and secrets by their ARN."""
    types = {it["type"] for it in resources}
    if "aws:apprunner/service:Service" in types:
        source = of_type(resources, "aws:apprunner/service:Service")["inputs"]["sourceConfiguration"]
        image = source["imageRepository"]["imageConfiguration"]
        plain, secret = image["runtimeEnvironmentVariables"], image["runtimeEnvironmentSecrets"]
    else:
        service = of_type(resources, "aws:ecs/expressGatewayService:ExpressGatewayService")
        container = service["inputs"]["primaryContainer"]
        plain = {it["name"]: it["value"] for it in container["environments"]}
        secret = {it["name"]: it["valueFrom"] for it in container["secrets"]}
    return {**plain, **{name: _value(emulator, reference) for name, reference in secret.items()}}


def told_to_worker(emulator: Emulator, resources: Sequence[Resource]) -> dict[str, str]:
    """The same of a container of the Fargate worker."""
    task = of_type(resources, "aws:ecs/taskDefinition:TaskDefinition")
    (container,) = json.loads(task["inputs"]["containerDefinitions"])
    secret = {it["name"]: it["valueFrom"] for it in container.get("secrets", [])}
    plain = {it["name"]: it["value"] for it in container["environment"]}
    return {**plain, **{name: _value(emulator, reference) for name, reference in secret.items()}}


def _value(emulator: Emulator, reference: str) -> str:
    """What Secrets Manager has for an ARN with a JSON key, a stage and a version behind it."""
    parts = reference.split(":")
    arn, version = ":".join(parts[:7]), parts[9] if len(parts) > 9 else ""
    given = {"SecretId": arn, **({"VersionId": version} if version else {})}
    with client(emulator, "secretsmanager") as secrets:
        return str(secrets.get_secret_value(**given)["SecretString"])
