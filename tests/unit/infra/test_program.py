"""What the program declares, property by property, on every stack of `stacks`."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.cloud import IMAGE, SECRETS
from tests.unit.infra.looks import Holds
from tests.unit.infra.properties_of_containers import CONTAINERS
from tests.unit.infra.properties_of_data import DATA
from tests.unit.infra.stacks import KEY, STACKS, stack, with_

PRODUCTION = [name for name in STACKS if name.endswith("prod")]
DEVELOPMENT = [name for name in STACKS if not name.endswith("prod")]

ALWAYS: Mapping[str, tuple[str, Holds]] = {**DATA, **CONTAINERS}


@pytest.mark.requirement("3.3")
@pytest.mark.parametrize("what", ALWAYS)
def test_every_stack_has_this_property(what: str) -> None:
    """Each property of the table holds on every stack, for the reason that the table gives."""
    why, holds = ALWAYS[what]
    missing = [name for name in STACKS if not holds(stack(name))]
    assert not missing, f"not so: {what}; and it should be, since {why}"


@pytest.mark.parametrize("name", STACKS)
def test_no_secret_is_in_plain_view(name: str) -> None:
    """Keys and passwords are in encrypted inputs alone: in no environment, template, name or output."""
    cloud = stack(name)
    for it in cloud.resources:
        plain = json.dumps({key: value for key, value in it.inputs.items() if key not in it.secrets})
        assert not any(secret in plain for secret in SECRETS), f"{it.kind} {it.name}"
    assert not any(secret in str(cloud.outputs) for secret in SECRETS)
    assert not cloud.secret_outputs


@pytest.mark.parametrize("name", STACKS)
def test_containers_wait_for_what_they_look_at(name: str) -> None:
    """A container starts after its table, its bucket's rules, its way there and its permissions."""
    cloud = stack(name)
    kinds = ("apprunner/service:Service", "ecs/expressGatewayService:ExpressGatewayService", "ecs/service:Service")
    for it in (it for kind in kinds for it in cloud.of(kind)):
        before = {urn.rpartition("::")[0] for urn in it.after}
        wanted = {
            "aws:dynamodb/table:Table",
            "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
            "aws:iam/rolePolicy:RolePolicy",
            "aws:secretsmanager/secretVersion:SecretVersion",
            "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
        }
        assert wanted <= before, f"{it.kind}: {wanted - before}"


@pytest.mark.parametrize("name", PRODUCTION)
def test_production_keeps_its_data(name: str) -> None:
    """Bucket and table outlive the stack, the table has backups, secrets can be brought back, full buckets stay."""
    cloud = stack(name)
    bucket, table = cloud.one("s3/bucket:Bucket"), cloud.one("dynamodb/table:Table")
    assert bucket.protected
    assert bucket.retained
    assert bucket["forceDestroy"] is False
    assert table.protected
    assert table.retained
    assert table["deletionProtectionEnabled"] is True
    assert table["pointInTimeRecovery"] == {"enabled": True}
    assert all(it["recoveryWindowInDays"] == 30 for it in cloud.of("secretsmanager/secret:Secret"))
    assert [it.split()[0] for it in cloud.outputs["kept_after_destroy"]][:2] == ["bucket", "table"]


@pytest.mark.parametrize("name", DEVELOPMENT)
def test_development_leaves_nothing(name: str) -> None:
    """Nothing of a development stack is protected or retained, and nothing stands in the way of its end."""
    cloud = stack(name)
    assert not [it for it in cloud.resources if it.protected or it.retained]
    assert cloud.one("s3/bucket:Bucket")["forceDestroy"] is True
    assert cloud.one("dynamodb/table:Table")["deletionProtectionEnabled"] is False
    assert all(it["forceDelete"] is True for it in cloud.of("ecr/repository:Repository"))
    assert all(it["recoveryWindowInDays"] == 0 for it in cloud.of("secretsmanager/secret:Secret"))


@pytest.mark.parametrize("name", with_(kmsKeyArn=KEY))
def test_a_key_of_ones_own_is_used_everywhere(name: str) -> None:
    """With a KMS key of the customer's, everything that is kept is encrypted with it."""
    cloud = stack(name)
    rule = cloud.one("s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration")["rules"][0]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": KEY}
    assert rule["bucketKeyEnabled"] is True
    assert cloud.one("dynamodb/table:Table")["serverSideEncryption"] == {"enabled": True, "kmsKeyArn": KEY}
    assert {it["kmsKeyId"] for it in cloud.of("secretsmanager/secret:Secret")} == {KEY}
    assert all(it["encryptionConfigurations"][0]["kmsKey"] == KEY for it in cloud.of("ecr/repository:Repository"))
    caches = [
        *cloud.of("elasticache/serverlessCache:ServerlessCache"),
        *cloud.of("elasticache/replicationGroup:ReplicationGroup"),
    ]
    assert [it["kmsKeyId"] for it in caches] == [KEY]


def test_app_runner_reaches_nothing_but_s3_and_dynamodb() -> None:
    """Without tasks there is no way to the internet: no gateway, no public subnet, and rules that name prefix lists."""
    cloud = stack("apprunner, embedded, none, dev")
    assert not cloud.of("ec2/internetGateway:InternetGateway")
    assert {it.name for it in cloud.of("ec2/subnet:Subnet")} == {
        "reprise-dev-private-us-east-1a",
        "reprise-dev-private-us-east-1b",
    }
    assert {it["prefixListId"][:3] for it in cloud.of("vpc/securityGroupEgressRule:SecurityGroupEgressRule")} == {"pl-"}


def test_subnets_do_not_overlap() -> None:
    """Two zones, a private and a public subnet in each, four networks of /20."""
    blocks = [it["cidrBlock"] for it in stack("ecs-express, fargate, none, dev").of("ec2/subnet:Subnet")]
    assert sorted(blocks) == ["10.64.0.0/20", "10.64.128.0/20", "10.64.144.0/20", "10.64.16.0/20"]


@pytest.mark.parametrize("name", with_(network="existing"))
def test_an_existing_network_is_left_as_it_is(name: str) -> None:
    """Only security groups are made in a network that is somebody else's."""
    kinds = {it for it in stack(name).kinds if it.startswith(("ec2/", "vpc/"))}
    assert kinds <= {
        "ec2/securityGroup:SecurityGroup",
        "vpc/securityGroupEgressRule:SecurityGroupEgressRule",
        "vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    }


def test_a_public_image_needs_no_role() -> None:
    """App Runner takes an image of a public registry without an access role, which is left out, not empty."""
    cloud = stack("of a public image")
    source = cloud.one("apprunner/service:Service")["sourceConfiguration"]
    assert source["imageRepository"]["imageRepositoryType"] == "ECR_PUBLIC"
    assert "authenticationConfiguration" not in source
    assert not cloud.of("iam/role:Role", "pull")


@pytest.mark.parametrize("name", STACKS)
def test_no_optional_reference_is_empty(name: str) -> None:
    """An ARN or id that is not there is left out: App Runner's deployments fail on an empty one."""

    def empty(value: Any) -> bool:
        inner = value if isinstance(value, list) else ()
        if isinstance(value, dict):
            inner = [it for name, it in value.items() if name != "prefix"]  # of a lifecycle rule for all objects
        return value in ("", None) or any(map(empty, inner))

    assert not [(it.kind, key) for it in stack(name).resources for key, value in it.inputs.items() if empty(value)]


def test_all_parts_run_the_same_image() -> None:
    """The API and the workers are one image, the one that is configured."""
    cloud = stack("ecs-express, fargate, none, dev")
    assert cloud.one("ecs/expressGatewayService:ExpressGatewayService")["primaryContainer"]["image"] == IMAGE
    assert json.loads(cloud.one("ecs/taskDefinition:TaskDefinition")["containerDefinitions"])[0]["image"] == IMAGE


@pytest.mark.parametrize("name", with_(worker="fargate"))
def test_workers_are_where_they_were_asked_to_be(name: str) -> None:
    """Spot by default, on demand if that was said; their number is between the configured ones."""
    cloud = stack(name)
    service = cloud.one("ecs/service:Service")
    if STACKS[name].get("spot") == "false":
        assert service["launchType"] == "FARGATE"
        assert "capacityProviderStrategies" not in service.inputs
        assert not cloud.of("ecs/clusterCapacityProviders:ClusterCapacityProviders")
    else:
        assert service["capacityProviderStrategies"] == [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
        assert "launchType" not in service.inputs
        providers = cloud.one("ecs/clusterCapacityProviders:ClusterCapacityProviders")["capacityProviders"]
        assert providers == ["FARGATE", "FARGATE_SPOT"]
    target = cloud.one("appautoscaling/target:Target")
    assert (target["minCapacity"], target["maxCapacity"]) == (1, 4)


@pytest.mark.parametrize("name", with_(compute="ecs-express"))
def test_a_new_secret_is_a_new_deployment(name: str) -> None:
    """A secret is named with its version, so that a new value changes the service, which reads it only then."""
    secrets = stack(name).one("ecs/expressGatewayService:ExpressGatewayService")["primaryContainer"]["secrets"]
    assert {it["name"] for it in secrets} >= {"REPRISE_API_KEYS"}
    assert all(":::" in it["valueFrom"] for it in secrets)


@pytest.mark.requirement("8.1", "8.2")
@pytest.mark.parametrize("name", STACKS)
def test_a_stack_is_what_was_asked_for(name: str) -> None:
    """The API is on the compute that was named; workers and cache are where they were asked to be, or not at all."""
    asked, cloud = STACKS[name], stack(name)
    runner = asked.get("compute") == "apprunner"
    assert len(cloud.of("apprunner/service:Service")) == runner
    assert len(cloud.of("ecs/expressGatewayService:ExpressGatewayService")) == (not runner)
    assert len(cloud.of("ecs/service:Service")) == (asked.get("worker") == "fargate")
    assert len(cloud.of("elasticache/serverlessCache:ServerlessCache")) == (asked.get("cache") == "serverless")
    assert len(cloud.of("elasticache/replicationGroup:ReplicationGroup")) == (asked.get("cache") == "replicated")
    assert cloud.outputs["url"].startswith("https://")
