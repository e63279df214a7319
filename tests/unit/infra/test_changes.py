"""A second version of the program over a live stack: what is changed in place, and what may be replaced at all."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from tests.support import aws_models
from tests.support.cloud import ACCOUNT, REGION, Cloud, Recorded, deployed
from tests.unit.infra.calls import CALLS, LATER, PULUMIS
from tests.unit.infra.stacks import EXISTING, KEY, STACKS, stack

Key = tuple[str, str]

KEPT: Mapping[str, str] = {
    "s3/bucket:Bucket": "what users have sent and have not fetched yet",
    "dynamodb/table:Table": "every job and every upload",
    "secretsmanager/secret:Secret": "containers that run know its ARN",
    "apprunner/service:Service": "its address is what clients know",
    "ecs/expressGatewayService:ExpressGatewayService": "its address is what clients know",
    "ecs/cluster:Cluster": "services are in it",
    "iam/role:Role": "containers that run hold its credentials",
    "ec2/vpc:Vpc": "everything is in it",
    "ec2/subnet:Subnet": "containers and caches are in it",
}
"""Kinds that no change of a setting may replace or remove, with what would be lost. (`MOVES` says the exceptions.)"""

MAY_GO: Mapping[str, str] = {
    "apprunner/autoScalingConfigurationVersion:AutoScalingConfigurationVersion": "it cannot be changed",
    "apprunner/observabilityConfiguration:ObservabilityConfiguration": "it comes and goes with tracing",
    "apprunner/vpcConnector:VpcConnector": "it cannot be changed",
    "appautoscaling/policy:Policy": "it holds nothing, and goes with the workers",
    "appautoscaling/target:Target": "it holds nothing, and goes with the workers",
    "budgets/budget:Budget": "it holds nothing",
    "cloudwatch/dashboard:Dashboard": "it holds nothing",
    "cloudwatch/logGroup:LogGroup": "it goes with the containers that write to it",
    "cloudwatch/metricAlarm:MetricAlarm": "its history is all it holds",
    "ec2/internetGateway:InternetGateway": "it goes with the last tasks",
    "ec2/routeTable:RouteTable": "it goes with the last tasks",
    "ec2/routeTableAssociation:RouteTableAssociation": "it goes with the last tasks",
    "ec2/securityGroup:SecurityGroup": "one for each purpose, and it goes with its purpose",
    "ec2/vpcEndpoint:VpcEndpoint": "it holds nothing",
    "ecr/lifecyclePolicy:LifecyclePolicy": "it holds nothing",
    "ecr/repository:Repository": "images can be pushed again; its encryption cannot be changed",
    "ecs/clusterCapacityProviders:ClusterCapacityProviders": "it goes with the workers on Spot",
    "ecs/service:Service": "the new one is there before the old one goes, and a worker that is stopped loses nothing",
    "ecs/taskDefinition:TaskDefinition": "each change is a new revision; the old one is what a rollback needs",
    "elasticache/replicationGroup:ReplicationGroup": "hints of an hour's life; progress is in DynamoDB too",
    "elasticache/serverlessCache:ServerlessCache": "hints of an hour's life; progress is in DynamoDB too",
    "elasticache/subnetGroup:SubnetGroup": "it goes with the cache",
    "elasticache/user:User": "a new password is a new user",
    "elasticache/userGroup:UserGroup": "it goes with the cache",
    "iam/rolePolicy:RolePolicy": "it goes with its role",
    "iam/rolePolicyAttachment:RolePolicyAttachment": "it goes with its role",
    "s3/bucketCorsConfiguration:BucketCorsConfiguration": "a rule; browsers ask for it again",
    "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": "a rule, and no object",
    "s3/bucketOwnershipControls:BucketOwnershipControls": "a rule, and no object",
    "s3/bucketPolicy:BucketPolicy": "a rule, and no object",
    "s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "a rule, and no object",
    "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": "a rule, and no object",
    "secretsmanager/secretVersion:SecretVersion": "a new value is a new version",
    "vpc/securityGroupEgressRule:SecurityGroupEgressRule": "a rule; connections that stand stay",
    "vpc/securityGroupIngressRule:SecurityGroupIngressRule": "a rule; connections that stand stay",
}
"""Kinds that a change of a setting may replace, with the reason why that loses nothing."""

UPDATES: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    "apprunner/service:Service": ("apprunner", "UpdateService", {}),
    "dynamodb/table:Table": ("dynamodb", "UpdateTable", {"serverSideEncryption": "SSESpecification"}),
    "ecs/cluster:Cluster": ("ecs", "UpdateCluster", {}),
    "ecs/expressGatewayService:ExpressGatewayService": ("ecs", "UpdateExpressGatewayService", {}),
    "iam/role:Role": ("iam", "UpdateAssumeRolePolicy", {"assumeRolePolicy": "PolicyDocument"}),
    "secretsmanager/secret:Secret": ("secretsmanager", "UpdateSecret", {}),
}
"""The calls that change a kind in place: AWS's own models say which of its properties they take."""


@dataclass(frozen=True, slots=True)
class Change:
    """A stack, then the same with other settings; `moves` are kinds that go or come with it on purpose."""

    before: Mapping[str, str]
    after: Mapping[str, str]
    moves: frozenset[str] = frozenset()


RUNNER, EXPRESS = {"compute": "apprunner"}, {"compute": "ecs-express"}
APART = {"worker": "fargate"}
ROLES = frozenset({"iam/role:Role"})
PLACES = frozenset({"ec2/subnet:Subnet", "ecs/cluster:Cluster", "ecs/service:Service"}) | ROLES
OTHER = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/reprise@sha256:{'d' * 64}"
CACHES = frozenset({"secretsmanager/secret:Secret"})

CHANGES: Mapping[str, Change] = {
    **{
        f"{what}, {'App Runner' if compute is RUNNER else 'Express'}": Change(
            {**compute, **APART}, {**compute, **APART, **changed}
        )
        for compute in (RUNNER, EXPRESS)
        for what, changed in {
            "another image": {"image": OTHER},
            "more memory": {"memory": "3", "workerMemory": "4"},
            "another site": {"corsOrigins": '["https://app.example.com", "https://new.example.com"]'},
            "a cache": {"cache": "serverless"},
            "other keys": {"apiKeys": "team:" + "e" * 64},
            "more instances": {"maxInstances": "8", "workerMax": "9"},
            "kept for longer": {"keepHours": "48", "expireDays": "60"},
            "protected": {"protect": "true"},
            "a key of its own": {"kmsKeyArn": KEY},
            "a registry": {"registry": "true"},
            "on demand": {"spot": "false"},
            "more to say": {"logLevel": "debug", "logDays": "30"},
            "traces": {"tracing": "xray"},
            "larger uploads": {"maxUploadGib": "20"},
            "somebody to tell": {"alarmTopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:oncall"},
        }.items()
    },
    "workers apart": Change(RUNNER, {**RUNNER, **APART}, PLACES),
    "workers back": Change({**EXPRESS, **APART}, EXPRESS, PLACES),
    "no cache any more": Change({**RUNNER, "cache": "serverless"}, RUNNER, CACHES),
    "another cache": Change({**RUNNER, "cache": "serverless"}, {**RUNNER, "cache": "replicated"}),
    "another password": Change(
        {**RUNNER, "cache": "serverless"}, {**RUNNER, "cache": "serverless", "cacheToken": "z" * 40}
    ),
    "from App Runner to Express": Change(
        {**RUNNER, **APART},
        {**EXPRESS, **APART},
        PLACES | {"apprunner/service:Service", "ecs/expressGatewayService:ExpressGatewayService"},
    ),
    "a registry with another key": Change({"registry": "true"}, {"registry": "true", "kmsKeyArn": KEY}),
    "another network": Change(RUNNER, {**RUNNER, **EXISTING}, frozenset({"ec2/vpc:Vpc", "ec2/subnet:Subnet"})),
}


def made(settings: Mapping[str, str]) -> Mapping[Key, Recorded]:
    """The resources of a stack with these settings, by kind and name."""
    return _made(tuple(sorted(settings.items())))


@functools.cache
def _made(settings: tuple[tuple[str, str], ...]) -> Mapping[Key, Recorded]:
    return by_key(deployed(dict(settings)))


def by_key(cloud: Cloud) -> Mapping[Key, Recorded]:
    """Resources by kind and name, which is how Pulumi knows them again."""
    return {(it.kind.removeprefix("aws:"), it.name): it for it in cloud.resources}


def in_place(kind: str, name: str) -> bool:
    """Whether a call exists that changes this property of a kind that is there."""
    if CALLS[kind].apart.get(name) in {LATER, PULUMIS}:
        return True
    service, operation, renamed = UPDATES[kind]
    return aws_models.member(aws_models.shape(service, operation), name, renamed) is not None


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_replaces_nothing_that_holds_anything(what: str) -> None:
    """What is kept is there before and after, and each property of it that changes is one that AWS changes in place."""
    change = CHANGES[what]
    before, after = made(change.before), made(change.after)
    gone = {kind for kind, name in set(before) - set(after) if kind in KEPT}
    assert gone <= change.moves
    for key in set(before) & set(after):
        kind, _ = key
        old, new = before[key].inputs, after[key].inputs
        changed = {name for name in set(old) | set(new) if old.get(name) != new.get(name)}
        if kind in KEPT:
            assert not [name for name in changed if not in_place(kind, name)], kind


@pytest.mark.parametrize("what", CHANGES)
def test_bucket_and_table_survive_every_change(what: str) -> None:
    """No setting whatever makes another bucket or another table."""
    change = CHANGES[what]
    before, after = made(change.before), made(change.after)
    data = {key for key in before if key[0] in {"s3/bucket:Bucket", "dynamodb/table:Table"}}
    assert len(data) == 2
    assert data <= set(after)


def test_it_is_said_of_every_kind_whether_it_may_be_replaced() -> None:
    """Each kind that any stack has is kept, or may be replaced, with the reason; none is both."""
    declared = set().union(*(stack(name).kinds for name in STACKS))
    assert declared == set(KEPT) | set(MAY_GO)
    assert not set(KEPT) & set(MAY_GO)


def test_the_same_stack_twice_is_the_same() -> None:
    """A second `up` finds nothing to change: nothing in the program depends on the moment or on chance."""
    settings = {"worker": "fargate", "cache": "serverless", "registry": "true"}
    first, second = by_key(deployed(settings)), by_key(deployed(settings))
    assert {key: it.inputs for key, it in first.items()} == {key: it.inputs for key, it in second.items()}


def test_a_changed_number_makes_another_scaling_configuration() -> None:
    """App Runner cannot change one, nor delete one that is in use: another name, and the service moves over."""
    kind = "apprunner/autoScalingConfigurationVersion:AutoScalingConfigurationVersion"
    names = {
        deployed({**RUNNER, **changed}).one(kind)["autoScalingConfigurationName"]
        for changed in ({}, {"maxInstances": "5"}, {"minInstances": "2"}, {"maxConcurrency": "81"})
    }
    assert len(names) == 4


def test_other_subnets_make_another_connector() -> None:
    """The same groups under the same name with other subnets are refused, so the name follows the subnets."""
    kind = "apprunner/vpcConnector:VpcConnector"
    existing = {**RUNNER, **EXISTING}
    other = {**existing, "privateSubnets": '["subnet-1", "subnet-5"]'}
    assert deployed(existing).one(kind)["vpcConnectorName"] != deployed(other).one(kind)["vpcConnectorName"]


def test_two_stacks_share_no_name() -> None:
    """Two environments stand side by side in one account: each name that Pulumi does not make carries the stack's."""
    settings = {"worker": "fargate", "cache": "serverless", "registry": "true"}
    for compute in ("apprunner", "ecs-express"):
        one = {(it.kind, it.name) for it in deployed({**settings, "compute": compute}, stack="dev").resources}
        two = {(it.kind, it.name) for it in deployed({**settings, "compute": compute}, stack="dev-2").resources}
        assert not one & two
