"""What the program declares, property by property, on every stack of `stacks`."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from infra.facts import BUCKET, INDEX, TABLE, TIME_TO_LIVE
from tests.support.cloud import IMAGE, SECRETS, Cloud, Recorded, document
from tests.unit.infra.stacks import KEY, STACKS, stack, with_

PRODUCTION = [name for name in STACKS if name.endswith("prod")]
DEVELOPMENT = [name for name in STACKS if not name.endswith("prod")]

Holds = Callable[[Cloud], bool]


def every(kind: str, holds: Callable[[Recorded], bool]) -> Holds:
    """Whether there is one of a kind, and all of them are so."""

    def look(cloud: Cloud) -> bool:
        return bool(cloud.of(kind)) and all(holds(it) for it in cloud.of(kind))

    return look


def any_of(kind: str, holds: Callable[[Recorded], bool]) -> Holds:
    """Whether all of a kind are so, if there are any."""
    return lambda cloud: all(holds(it) for it in cloud.of(kind))


# property → why, and how to see it. Each row holds on every stack.
ALWAYS: Mapping[str, tuple[str, Holds]] = {
    "ACLs are off": (
        "an ACL could make an object public, whatever the bucket's policy says",
        every(
            "s3/bucketOwnershipControls:BucketOwnershipControls",
            lambda it: it["rule"]["objectOwnership"] == "BucketOwnerEnforced",
        ),
    ),
    "public access is blocked": (
        "no later policy can open the bucket",
        every(
            "s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
            lambda it: all(
                it[name] is True
                for name in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
            ),
        ),
    ),
    "the bucket is encrypted": (
        "what is kept is not readable on a disk",
        every(
            "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
            lambda it: bool(it["rules"]),
        ),
    ),
    "the bucket refuses plain text": (
        "files and signatures do not travel unencrypted",
        every(
            "s3/bucketPolicy:BucketPolicy",
            lambda it: (
                {"aws:SecureTransport": "false"} in [part["Condition"].get("Bool") for part in document(it["policy"])]
            ),
        ),
    ),
    "the bucket's policy allows nothing": (
        "access is by role alone",
        every(
            "s3/bucketPolicy:BucketPolicy", lambda it: {part["Effect"] for part in document(it["policy"])} == {"Deny"}
        ),
    ),
    "CORS is as the service needs it": (
        "a browser sees the ETag of a part only if it is exposed",
        every(
            "s3/bucketCorsConfiguration:BucketCorsConfiguration",
            lambda it: (
                it["corsRules"][0]["exposeHeaders"] == BUCKET["cors"]["ExposeHeaders"]
                and it["corsRules"][0]["allowedMethods"] == BUCKET["cors"]["AllowedMethods"]
            ),
        ),
    ),
    "CORS lets in the sites that are configured, and the service's own page": (
        "no other site's page may use what a user's browser is allowed",
        lambda cloud: (
            cloud.one("s3/bucketCorsConfiguration:BucketCorsConfiguration")["corsRules"][0]["allowedOrigins"]
            == ["https://app.example.com", cloud.outputs["url"]]
        ),
    ),
    "what is left in the bucket goes": (
        "what the janitor misses would be billed for ever",
        every(
            "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
            lambda it: (
                [rule["id"] for rule in it["rules"] if rule["status"] == "Enabled"]
                == [rule["ID"] for rule in BUCKET["lifecycle"]]
                and all("expiration" in rule or "abortIncompleteMultipartUpload" in rule for rule in it["rules"])
            ),
        ),
    ),
    "the table is billed by use, and capped": (
        "an idle table costs nothing, and a loop that runs away has an end",
        every(
            "dynamodb/table:Table", lambda it: it["billingMode"] == "PAY_PER_REQUEST" and bool(it["onDemandThroughput"])
        ),
    ),
    "the table has the service's keys": (
        "the service refuses to start on any other",
        every(
            "dynamodb/table:Table",
            lambda it: it["hashKey"] == TABLE["KeySchema"][0]["AttributeName"] and "rangeKey" not in it.inputs,
        ),
    ),
    "the index has the service's keys": (
        "without it no job is ever found",
        every(
            "dynamodb/table:Table",
            lambda it: (
                [
                    (
                        it["name"],
                        it["projectionType"],
                        [(key["attributeName"], key["keyType"]) for key in it["keySchemas"]],
                    )
                    for it in it["globalSecondaryIndexes"]
                ]
                == [
                    (
                        INDEX["IndexName"],
                        "KEYS_ONLY",
                        [(key["AttributeName"], key["KeyType"]) for key in INDEX["KeySchema"]],
                    )
                ]
            ),
        ),
    ),
    "old items go": (
        "the table does not grow for ever",
        every(
            "dynamodb/table:Table",
            lambda it: it["ttl"] == {"enabled": True, "attributeName": TIME_TO_LIVE["AttributeName"]},
        ),
    ),
    "secrets are secret": (
        "in Pulumi's state they are encrypted",
        every("secretsmanager/secretVersion:SecretVersion", lambda it: "secretString" in it.secrets),
    ),
    "a cache's password is secret": (
        "in Pulumi's state it is encrypted",
        lambda cloud: (
            all("authToken" in it.secrets for it in cloud.of("elasticache/replicationGroup:ReplicationGroup"))
            and all("authenticationMode" in it.secrets for it in cloud.of("elasticache/user:User"))
        ),
    ),
    "a cache is encrypted, and asks for a password": (
        "readings and wake-ups are no business of the network's",
        lambda cloud: (
            all(
                it["transitEncryptionEnabled"] is True and it["atRestEncryptionEnabled"] is True and it["authToken"]
                for it in cloud.of("elasticache/replicationGroup:ReplicationGroup")
            )
            and all(it["userGroupId"] for it in cloud.of("elasticache/serverlessCache:ServerlessCache"))
        ),
    ),
    "a cache is bounded": (
        "its cost has an end",
        any_of(
            "elasticache/serverlessCache:ServerlessCache",
            lambda it: it["cacheUsageLimits"]["dataStorage"]["maximum"] == 1,
        ),
    ),
    "caches are in private subnets": (
        "nothing outside of the VPC can reach one",
        lambda cloud: (
            not any(
                "public" in subnet or subnet in {"subnet-3", "subnet-4"}
                for kind, name in (
                    ("elasticache/subnetGroup:SubnetGroup", "subnetIds"),
                    ("elasticache/serverlessCache:ServerlessCache", "subnetIds"),
                )
                for it in cloud.of(kind)
                for subnet in it[name]
            )
        ),
    ),
    "security groups let in only what is in the VPC": (
        "a container has an address, and no door",
        any_of(
            "vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            lambda it: (
                it["ipProtocol"] == "tcp"
                and it["fromPort"] == it["toPort"]
                and ("referencedSecurityGroupId" in it.inputs or it["cidrIpv4"] == "10.64.0.0/16")
            ),
        ),
    ),
    "security groups let out HTTPS and the cache alone": (
        "a file that takes over ffmpeg finds no way to other services",
        every(
            "vpc/securityGroupEgressRule:SecurityGroupEgressRule",
            lambda it: it["fromPort"] == it["toPort"] and it["fromPort"] in {443, 6379},
        ),
    ),
    "rules of security groups are resources of their own": (
        "rules in the group and beside it take each other away",
        every("ec2/securityGroup:SecurityGroup", lambda it: not {"ingress", "egress"} & set(it.inputs)),
    ),
    "there is no NAT gateway and no interface endpoint": (
        "they would cost more than all else of an idle stack",
        lambda cloud: (
            not cloud.of("ec2/natGateway:NatGateway")
            and all(it["vpcEndpointType"] == "Gateway" for it in cloud.of("ec2/vpcEndpoint:VpcEndpoint"))
        ),
    ),
    "no subnet hands out public addresses by itself": (
        "only a task that asks for one has one",
        any_of("ec2/subnet:Subnet", lambda it: it["mapPublicIpOnLaunch"] is False),
    ),
    "endpoints let through what is ours alone": (
        "stolen credentials carry nothing to a foreign bucket through it",
        any_of(
            "ec2/vpcEndpoint:VpcEndpoint",
            lambda it: all(
                "reprise-" in str(part["Resource"]) or "starport-layer" in str(part["Resource"])
                for part in document(it["policy"])
            ),
        ),
    ),
    "log groups have an end": (
        "logs are kept for a while, not for ever",
        any_of("cloudwatch/logGroup:LogGroup", lambda it: it["retentionInDays"] == 14),
    ),
    "images are scanned, and their tags never move": (
        "what was tested under a tag is what runs under it",
        any_of(
            "ecr/repository:Repository",
            lambda it: (
                it["imageTagMutability"] == "IMMUTABLE" and it["imageScanningConfiguration"]["scanOnPush"] is True
            ),
        ),
    ),
    "the image is named by digest": (
        "a tag could be another image tomorrow",
        lambda cloud: "@sha256:" in str(cloud.outputs["image"]),
    ),
    "App Runner deploys nothing by itself": (
        "it would by default, and a second hand on the same service is one too many",
        any_of("apprunner/service:Service", lambda it: it["sourceConfiguration"]["autoDeploymentsEnabled"] is False),
    ),
    "App Runner sends everything into the VPC": (
        "what it sends goes to S3, DynamoDB and the cache, through rules that are ours",
        any_of(
            "apprunner/service:Service",
            lambda it: it["networkConfiguration"]["egressConfiguration"]["egressType"] == "VPC",
        ),
    ),
    "App Runner looks whether the process lives, by HTTP": (
        "its default is an open port, which a process that hangs has too",
        any_of(
            "apprunner/service:Service",
            lambda it: (
                it["healthCheckConfiguration"]["protocol"] == "HTTP"
                and it["healthCheckConfiguration"]["path"] == "/health/live"
            ),
        ),
    ),
    "Express has everything set": (
        "its defaults differ from page to page of the documentation",
        any_of(
            "ecs/expressGatewayService:ExpressGatewayService",
            lambda it: (
                {
                    "cpu",
                    "memory",
                    "healthCheckPath",
                    "networkConfigurations",
                    "scalingTargets",
                    "serviceName",
                    "cluster",
                    "taskRoleArn",
                }
                <= set(it.inputs)
                and it["primaryContainer"]["containerPort"] == 8080
            ),
        ),
    ),
    "workers stop politely, with time for it": (
        "a lease that is given back is taken up within a second",
        any_of(
            "ecs/taskDefinition:TaskDefinition",
            lambda it: json.loads(it["containerDefinitions"])[0]["stopTimeout"] == 60,
        ),
    ),
    "workers have a health check": (
        "ECS does not read the image's",
        any_of(
            "ecs/taskDefinition:TaskDefinition",
            lambda it: json.loads(it["containerDefinitions"])[0]["healthCheck"]["command"][-1] == "healthy.py",
        ),
    ),
    "a worker's deployment that fails is rolled back": (
        "a version that cannot start must not replace one that works",
        any_of("ecs/service:Service", lambda it: it["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}),
    ),
    "nobody can open a shell in a container": (
        "it is the shortest way to the data",
        any_of("ecs/service:Service", lambda it: it["enableExecuteCommand"] is False),
    ),
    "scaling has an end": (
        "a flood of work must not become a flood of costs",
        lambda cloud: (
            all(it["maxCapacity"] == 4 for it in cloud.of("appautoscaling/target:Target"))
            and all(
                it["maxSize"] == 4
                for it in cloud.of("apprunner/autoScalingConfigurationVersion:AutoScalingConfigurationVersion")
            )
            and all(
                it["scalingTargets"][0]["maxTaskCount"] == 4
                for it in cloud.of("ecs/expressGatewayService:ExpressGatewayService")
            )
        ),
    ),
    "scaling is left alone by the next `up`": (
        "it would set back what scaling has decided",
        any_of("ecs/service:Service", lambda it: it.ignored == ("desiredCount",)),
    ),
    "Container Insights are off": (
        "they are billed by metric, and nothing here reads them",
        any_of(
            "ecs/cluster:Cluster", lambda it: it["settings"] == [{"name": "containerInsights", "value": "disabled"}]
        ),
    ),
}


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
        assert providers == ["FARGATE_SPOT"]
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
