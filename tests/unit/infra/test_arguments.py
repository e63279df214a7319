"""Every argument that becomes a part of an API call, against AWS's own models of the calls."""

from collections.abc import Mapping

import pytest

from tests.support.cloud import Recorded, deployed
from tests.unit.infra.calls import CALLS, SUFFIX, Inputs, wrong
from tests.unit.infra.stacks import STACKS, stack


@pytest.mark.parametrize("name", STACKS)
def test_aws_would_take_every_call(name: str) -> None:
    """Each argument has the members, types, words, patterns, lengths and bounds of the call that it becomes."""
    found = {f"{it.kind} {it.name}": faults for it in stack(name).resources if (faults := wrong(it))}
    assert not found


def test_every_kind_has_a_call() -> None:
    """There is a call for each kind that any stack has, and none for one that no stack has."""
    assert set().union(*(stack(name).kinds for name in STACKS)) == set(CALLS)


BAD: Mapping[str, tuple[str, Inputs, str]] = {
    "a missing member": ("ecs/cluster:Cluster", {"settings": [{"value": "disabled"}], "clusterNam": "x"}, "in no call"),
    "a word that is none": (
        "s3/bucketOwnershipControls:BucketOwnershipControls",
        {"bucket": "b", "rule": {"objectOwnership": "Mine"}},
        "is none of",
    ),
    "a pattern": (
        "apprunner/vpcConnector:VpcConnector",
        {"vpcConnectorName": "a b c d", "subnets": ["s"], "securityGroups": []},
        "is not like",
    ),
    "a length": (
        "apprunner/autoScalingConfigurationVersion:AutoScalingConfigurationVersion",
        {"autoScalingConfigurationName": "x" * 33},
        "is above 32",
    ),
    "a bound": ("secretsmanager/secret:Secret", {"name": "n" * 513}, "is above 512"),
    "a type": (
        "elasticache/replicationGroup:ReplicationGroup",
        {"description": "d", "numCacheClusters": "two"},
        "not a integer",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_a_wrong_argument_is_seen(what: str) -> None:
    """The check itself sees each kind of mistake."""
    kind, inputs, words = BAD[what]
    it = Recorded(
        f"aws:{kind}", "x", inputs, frozenset(), protected=False, retained=False, ignored=(), after=frozenset()
    )
    assert any(words in fault for fault in wrong(it))


# Rules that the models do not have, of the names that this program makes itself.
LONGEST: Mapping[str, tuple[str, int, str]] = {
    "elasticache/replicationGroup:ReplicationGroup": ("", 40, "ElastiCache's documentation: 1 to 40 characters"),
    "elasticache/serverlessCache:ServerlessCache": ("", 40, "the provider names it with 40 characters at most"),
    "elasticache/user:User": ("userId", 40, "ElastiCache's documentation of CreateUser"),
    "elasticache/userGroup:UserGroup": ("userGroupId", 40, "ElastiCache's documentation of CreateUserGroup"),
    "iam/role:Role": ("", 64, "a quota of IAM"),
    "s3/bucket:Bucket": ("", 63, "S3's documentation: bucket naming rules"),
}


@pytest.mark.parametrize("compute", ["apprunner", "ecs-express"])
def test_the_longest_name_of_a_stack_fits_everywhere(compute: str) -> None:
    """With the longest name that a stack may have, every name that is made of it is short enough."""
    for cache in ("serverless", "replicated"):
        settings = {"compute": compute, "cache": cache, "worker": "fargate", "registry": "true"}
        for it in deployed(settings, stack="fifteen-letters").resources:
            assert not wrong(it), f"{it.kind} {it.name}"
            key, longest, source = LONGEST.get(it.kind.removeprefix("aws:"), ("", 512, ""))
            made = it[key] if key else it.name + SUFFIX
            assert len(made) <= longest, source
